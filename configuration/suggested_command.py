"""Commands that a person is told to type, such that they mean this data directory."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
"""The data directory of a command that names none."""


def suggested_command(words: str, data_dir: Path, *, python: str = "") -> str:
    """`main.py` with these words. `python`: what starts it; the double quotes around a folder are those of every
    shell."""
    parts = [*([python] if python else []), "main.py", words]
    directory = data_dir.resolve()
    if directory != PROJECT:
        parts += ["--data-dir", f'"{directory}"']
    return " ".join(parts)
