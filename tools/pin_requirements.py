"""Writes constraints.txt: what the tests run with, as it is installed here.

Run by the environment's own Python: .venv/bin/python tools/pin_requirements.py
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
HEAD = """\
# The versions that the tests run with, written by tools/pin_requirements.py. Only `bootstrap.py test` takes them: who
# starts the suite gets what the ranges in requirements.txt allow. A version that an older Python does not have is
# marked; that Python gets the newest one in the range.
"""


def requirements(file: Path) -> list[Requirement]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith(("-", "#"))]


def needed() -> dict[str, metadata.Distribution]:
    """What the requirements lead to here, by name."""
    found: dict[str, metadata.Distribution] = {}
    extras: dict[str, set[str]] = {}
    waiting = requirements(PROJECT / "requirements.txt") + requirements(PROJECT / "requirements-test.txt")
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        new = {"", *requirement.extras} - extras.setdefault(name, set())
        extras[name] |= new
        if not new or (requirement.marker and not requirement.marker.evaluate()):
            continue
        found[name] = metadata.distribution(name)
        for text in found[name].requires or ():
            follows = Requirement(text)
            if follows.marker is None or any(follows.marker.evaluate({"extra": extra}) for extra in new):
                follows.marker = None
                waiting.append(follows)
    return found


def pin(name: str, distribution: metadata.Distribution) -> str:
    takes = SpecifierSet(distribution.metadata["Requires-Python"] or "")
    oldest = next(python for python in PYTHONS if takes.contains(f"{python}.99"))
    marker = "" if oldest == PYTHONS[0] else f'; python_version >= "{oldest}"'
    return f"{name}=={distribution.version}{marker}"


def main() -> None:
    pins = [pin(name, distribution) for name, distribution in sorted(needed().items())]
    (PROJECT / "constraints.txt").write_text(HEAD + "\n".join(pins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
