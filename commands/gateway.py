"""The command gateway: one address for all devices."""

from __future__ import annotations

import argparse

from commands.backend import AdminBackend, JsonAnswer
from commands.output import Output


async def switch(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.action == "purposes":
        return await _purposes(backend, options, output)
    changes: JsonAnswer = {} if options.action == "show" else {"enabled": options.action == "on"}
    changes |= {name: value for name in ("host", "port") if (value := getattr(options, name)) is not None}
    answer = await backend.gateway(changes)
    output.document(answer)
    output.say(line_of(answer["gateway"]))
    for alias in answer["gateway"]["aliases"]:
        output.say(f"  {alias['name']} -> {', else '.join((alias['model'], *alias['fallback']))}")
    if changes and not backend.running:
        output.say("The change takes effect at the next start.")
    return 0


async def _purposes(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    answer = await backend.purposes(replace=options.replace, dry_run=options.dry_run)
    output.document(answer)
    aliases = {alias["name"]: alias["model"] for alias in answer["gateway"]["aliases"]}
    rows = [(name, chosen, aliases.get(name, "–")) for name, chosen in answer["purposes"].items()]
    if not rows:
        output.say("No device serves a model that suits a purpose.")
        return 0
    output.table(("PURPOSE", "CHOSEN", "ALIAS STANDS FOR"), rows)
    if any(chosen != stands for _, chosen, stands in rows) and not options.dry_run:
        output.say("Aliases that were there before are kept; --replace sets them anew.")
    if not answer["gateway"]["enabled"]:
        output.say("The gateway, which knows the aliases, is off: main.py gateway on")
    return 0


def line_of(gateway: JsonAnswer) -> str:
    """Where it is, and how it is."""
    state = gateway["state"] if gateway["enabled"] else "off"
    words = ["gateway", f"{gateway['host']} port {gateway['port']}", state]
    if gateway.get("last_error"):
        words.append(gateway["last_error"])
    return "  ".join(words)
