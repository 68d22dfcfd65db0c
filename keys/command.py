"""`main.py keys create|list|revoke`: the keys of a data directory, also while the suite runs or cannot be reached."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keys.errors import KeyProblem
from keys.key import SCOPES, Key
from keys.key_store import KEYS_FILE, KeyStore

SUMMARY = "manage the API keys of a data directory"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give `parser`, that of `keys`, its actions. `run` takes what it then parses."""
    actions = parser.add_subparsers(dest="keys_action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make a key and show it, once")
    create.add_argument("name", help="whose key it is, or what for")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help="what it allows; may be given twice (default: inference, and for the first key admin)",
    )
    actions.add_parser("list", help="show names, scopes and when each was last used")
    revoke = actions.add_parser("revoke", help="make a key worthless at once")
    revoke.add_argument("key", help="its name or id")


def run(options: argparse.Namespace, data_dir: Path, *, write: Callable[[str], Any] = sys.stdout.write) -> int:
    """Do what `options` asks. The program's exit status."""
    store = KeyStore(data_dir / KEYS_FILE)
    try:
        if options.keys_action == "create":
            key, secret = store.create(options.name, options.scope or (("inference",) if store.all() else SCOPES))
            write(f'{secret}\nThis is the key "{key.name}" ({", ".join(key.scopes)}). It is not shown again.\n')
        elif options.keys_action == "revoke":
            key = store.revoke(options.key)
            write(f'The key "{key.name}" is no longer valid.\n')
        else:
            write("".join(_line(key) for key in store.all()) or "There are no keys.\n")
    except (KeyProblem, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _line(key: Key) -> str:
    used = f"last used {_moment(key.last_used)}" if key.last_used else "never used"
    return f"{key.id}  {key.hint}…  {','.join(key.scopes):<16}  made {_moment(key.created)}  {used:<26}  {key.name}\n"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
