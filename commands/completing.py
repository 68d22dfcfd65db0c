"""Completion in shells: the script to load, and the words that it asks for."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from commands.options import ASK, PROJECT, command_parser

_BASH = """{name}() {{ {command} "$@"; }}
_{function}_complete() {{
  local IFS=$'\\n'
  COMPREPLY=($({command} {ask} "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _{function}_complete {name}
"""
_ZSH = """{name}() {{ {command} "$@" }}
_{function}_complete() {{
  local -a found
  found=("${{(@f)$({command} {ask} "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
  compadd -Q -- $found || _files
}}
compdef _{function}_complete {name}
"""
_FISH = """function {name}; {command} $argv; end
function __{function}_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ({command} {ask} $words[2..-1] 2>/dev/null)
  if set -q found[1]; printf '%s\\n' $found; else; __fish_complete_path (commandline -ct); end
end
complete -c {name} -f -a '(__{function}_complete)'
"""
_POWERSHELL = """function {name} {{ & {command} @args }}
Register-ArgumentCompleter -Native -CommandName {name} -ScriptBlock {{
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object {{ "$_" }})
  if ($word -eq '') {{ $words += '""' }}
  & {command} {ask} @words 2>$null | ForEach-Object {{
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }}
}}
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}


def script(shell: str, name: str) -> str:
    """For the shell to evaluate: a function that runs main.py, and its completion."""
    words = (sys.executable, str(PROJECT / "main.py"))
    quote = _powershell_quoted if shell == "powershell" else shlex.quote
    function = "".join(each if each.isalnum() else "_" for each in name)
    return _SCRIPTS[shell].format(name=name, function=function, command=" ".join(map(quote, words)), ask=ASK)


def _powershell_quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def candidates(words: Sequence[str]) -> list[str]:
    """What may stand for the last of the words, which may be empty."""
    words = [*words] or [""]
    last = "" if words[-1] == '""' else words[-1]
    parsers = _parsers()
    if len(words) == 1:
        return _beginning(last, [*parsers, "--help", "--version"])
    parser = parsers.get(words[0])
    if parser is None or "--" in words[:-1]:
        return []
    option = next((action for action in parser._actions if words[-2] in action.option_strings), None)
    if option is not None and option.nargs != 0:
        return _beginning(last, _values(option, words))
    if last.startswith("-"):
        return _beginning(last, (each for action in parser._actions for each in action.option_strings))
    operands = [action for action in parser._actions if not action.option_strings]
    given = len(list(_operands(words[1:-1], parser)))
    if not operands:
        return []
    return _beginning(last, _values(operands[min(given, len(operands) - 1)], words))


def _parsers() -> dict[str, argparse.ArgumentParser]:
    for action in command_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {"serve": argparse.ArgumentParser(), **action.choices}
    return {}


def _operands(words: Sequence[str], parser: argparse.ArgumentParser) -> Iterator[str]:
    takes_value = {each for action in parser._actions if action.nargs != 0 for each in action.option_strings}
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("-") and before not in takes_value:
            yield word


def _values(action: argparse.Action, words: Sequence[str]) -> Iterable[str]:
    if action.choices:
        return [str(choice) for choice in action.choices]
    folder = Path(words[words.index("--data-dir") + 1]) if "--data-dir" in words[:-2] else PROJECT
    if action.dest in ("device", "assign"):
        return _configured(folder)
    if action.dest == "name" and words[0] in ("logs", "restart"):
        return ["admin", *_configured(folder), "gateway"] if words[0] == "logs" else [*_configured(folder), "gateway"]
    if action.dest == "model":
        served = [f"{device}-{model}" for device, models in _configured(folder).items() for model in models]
        return served if words[0] in ("run", "launch") else _local(folder)
    return []


def _configured(folder: Path) -> dict[str, list[str]]:
    """The devices and their models, as the file has them."""
    try:
        document = json.loads((folder / "device_config.json").read_text(encoding="utf-8"))
        devices = {name: value for name, value in document.items() if isinstance(value, dict)}
        return {name: [model["id"] for model in value.get("models", ())] for name, value in devices.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _local(folder: Path) -> list[str]:
    try:
        return sorted(each.name.replace("_", "/", 1) for each in (folder / "models").iterdir() if each.is_dir())
    except OSError:
        return []


def _beginning(start: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(start)]
