"""`keys`: the API keys of a data directory. They are in a file that a running suite looks at, so nobody is asked."""

from __future__ import annotations

import argparse
import time

from commands.backend import AdminBackend
from commands.errors import CONFLICT, NOT_FOUND, CommandFailed
from commands.output import Output
from keys.errors import KeyProblem, UnknownKey
from keys.key import SCOPES, Key
from keys.key_store import KEYS_FILE, KeyStore


async def manage_keys(_: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    store = KeyStore(options.data_dir.resolve() / KEYS_FILE)
    if options.action != "list" and not options.name:
        raise CommandFailed(f"A name is required: keys {options.action} NAME", "usage")
    try:
        if options.action == "create":
            _create(store, options, output)
        elif options.action == "revoke":
            key = store.revoke(options.name)
            output.document({"revoked": key.described()})
            output.say(f'The key "{key.name}" is no longer valid.')
        else:
            _list(store.all(), output)
    except UnknownKey as error:
        raise CommandFailed(str(error), error.kind, code=NOT_FOUND) from error
    except KeyProblem as error:
        raise CommandFailed(str(error), error.kind, code=CONFLICT) from error
    except OSError as error:
        raise CommandFailed(f"{store.path} cannot be written ({error.strerror or error}).") from error
    return 0


def _create(store: KeyStore, options: argparse.Namespace, output: Output) -> None:
    """The first key may do everything: somebody must be able to manage the others."""
    key, secret = store.create(options.name, options.scope or (("inference",) if store.all() else SCOPES))
    output.document({"key": key.described(), "secret": secret})
    output.say(secret)
    output.say(f'Save the key "{key.name}" ({", ".join(key.scopes)}) now. It will not be shown again.')


def _list(keys: tuple[Key, ...], output: Output) -> None:
    output.document({"keys": [key.described() for key in keys]})
    if not keys:
        output.say("No keys yet.")
        return
    rows = [(key.name, f"{key.hint}…", ", ".join(key.scopes), _moment(key.created), _used(key), key.id) for key in keys]
    output.table(("name", "key", "scopes", "made", "last used", "id"), rows)


def _used(key: Key) -> str:
    return _moment(key.last_used) if key.last_used else "never"


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
