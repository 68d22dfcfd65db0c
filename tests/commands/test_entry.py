"""What is typed: help at once, unknown words refused, everything else the suite's."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from commands.entry import run_command
from commands.options import COMMANDS, command_parser, parse_arguments
from tests.admin.site import PROJECT

HEAVY = ("fastapi", "uvicorn", "httpx", "pydantic", "rich", "huggingface_hub", "psutil", "openvino")


@pytest.mark.parametrize("arguments", [["--help"], ["pull", "--help"]])
def test_help_loads_next_to_nothing(arguments: list[str]) -> None:
    code = (
        "import json, runpy, sys\n"
        f"sys.argv = ['main.py', *{arguments!r}]\n"
        "try:\n    runpy.run_path('main.py', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, check=True)
    loaded = json.loads(result.stdout.decode("utf-8").splitlines()[-1])
    assert not {name.split(".")[0] for name in loaded} & set(HEAVY)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, text in COMMANDS.items():
        assert name in shown
        assert text in shown


@pytest.mark.parametrize("arguments", [[], ["--port", "1"], ["serve"], ["serve", "--port", "1"], ["--nonsense"]])
def test_what_is_no_command_starts_the_suite(arguments: list[str]) -> None:
    assert run_command(arguments) is None


@pytest.mark.parametrize("arguments", [["pull"], ["rm"], ["assign", "a/b"], ["list", "--nonsense"], ["doctor", "x"]])
def test_wrong_usage(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run_command(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("value", ["-1", "x"])
def test_a_count_is_a_number_from_zero_on(value: str) -> None:
    with pytest.raises(SystemExit) as caught:
        command_parser().parse_args(["assign", "a/b", "gpu", "--preload", value])
    assert caught.value.code == 2


def test_every_command_has_the_common_options() -> None:
    operands = {"pull": ["m"], "search": ["q"], "show": ["m"], "rm": ["m"], "verify": ["m"], "import": ["f"]}
    operands |= {"assign": ["m", "d"], "unassign": ["m", "d"], "keys": ["list"], "tune": ["m"], "gateway": ["show"]}
    operands |= {"run": ["m"], "launch": ["codex"], "completion": ["bash"], "service": ["status"]}
    for name in set(COMMANDS) - {"serve"}:
        options = command_parser().parse_args([name, *operands.get(name, []), "--json", "--url", "http://x"])
        assert options.json
        assert options.url == "http://x"
        assert options.data_dir == parse_arguments([]).data_dir
