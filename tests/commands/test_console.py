"""Output to a pipe or console whose code page lacks characters of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
CODE = """
from commands.console import accept_all_characters
accept_all_characters()
print("✓ 模型 → 好 · 🦊")
"""


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("cp950", "+ 模型 → 好 · ?"), ("ascii", "+ ?? -> ? - ?"), ("utf-8", "✓ 模型 → 好 · 🦊")],
)
def test_what_a_code_page_lacks_is_plain(encoding: str, seen: str) -> None:
    environment = {"PYTHONIOENCODING": encoding, "SYSTEMROOT": "C:\\windows"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, cwd=PROJECT, timeout=60, check=True
    )
    assert done.stdout.decode(encoding).strip() == seen
