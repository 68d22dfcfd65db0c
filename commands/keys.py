"""`keys`: the API keys of a data directory."""

from __future__ import annotations

import argparse
import time

from commands.backend import AdminBackend, JsonAnswer
from commands.errors import CommandFailed
from commands.output import Output


async def manage_keys(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.action == "list":
        _list(await backend.keys(), output)
        return 0
    if not options.name:
        raise CommandFailed(f"A name is required: keys {options.action} NAME", "usage")
    if options.action == "create":
        made = await backend.create_key(options.name, options.scope or ())
        output.document(made)
        output.say(made["secret"])
        key = made["key"]
        output.say(f'Save the key "{key["name"]}" ({", ".join(key["scopes"])}) now. It will not be shown again.')
    else:
        key = await backend.revoke_key(options.name)
        output.document({"revoked": key})
        output.say(f'The key "{key["name"]}" is no longer valid.')
    return 0


def _list(keys: list[JsonAnswer], output: Output) -> None:
    output.document({"keys": keys})
    if not keys:
        output.say("No keys yet.")
        return
    output.table(("name", "key", "scopes", "made", "last used", "id"), [_row(key) for key in keys])


def _row(key: JsonAnswer) -> tuple[str, ...]:
    used = _moment(key["last_used"]) if key["last_used"] else "never"
    return (key["name"], f"{key['hint']}…", ", ".join(key["scopes"]), _moment(key["created"]), used, key["id"])


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
