"""Commands about models: list, search, show, rm, verify, import."""

from __future__ import annotations

import argparse
import json

from commands.backend import AdminBackend, JsonAnswer
from commands.errors import USAGE, CommandFailed
from commands.output import Output
from configuration.suggested_command import suggested_command
from i18n import formats

_SHOWN = (
    ("kind", "kind"),
    ("architecture", "architecture"),
    ("quantization", "quantisation"),
    ("license", "licence"),
    ("revision", "revision"),
    ("commit", "commit"),
    ("problem", "problem"),
    ("npu_problem", "on the NPU"),
)
_MOMENTS = (("downloaded_at", "downloaded"), ("imported_at", "imported"), ("last_used", "last used"))
_SOURCES = {
    "output": "built into the model",
    "modules.json": "from modules.json",
    "1_Pooling": "from 1_Pooling",
    "name": "from its name",
    "architecture": "assumed from its architecture",
}


async def list_models(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    models = await backend.models()
    output.document({"models": models})
    rows = [
        (
            model["id"],
            model["kind"],
            formats.size(model["size_bytes"]),
            model["quantization"] or "–",
            formats.tokens(model["context_length"]),
            ", ".join(model["devices"]) or "–",
            _remark(model),
        )
        for model in models
    ]
    output.table(("MODEL", "KIND", "SIZE", "WEIGHTS", "CONTEXT", "DEVICES", ""), rows, right=("SIZE", "CONTEXT"))
    return 0


async def search(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    if options.recommended:
        return await _recommended(backend, output)
    if not options.query:
        raise CommandFailed("Give words to search for, or --recommended.", code=USAGE)
    found = await backend.search(options.query)
    output.document({"models": found})
    if not found:
        output.say("No matching OpenVINO models on the hub.")
        return 0
    rows = [
        (
            entry["id"],
            entry["kind"],
            ("~" if entry["estimated"] and entry["size_bytes"] else "") + formats.size(entry["size_bytes"]),
            entry["license"] or "–",
            str(entry["downloads"] if entry["downloads"] is not None else "–"),
        )
        for entry in found
    ]
    output.table(("MODEL", "KIND", "SIZE", "LICENCE", "DOWNLOADS"), rows, right=("SIZE", "DOWNLOADS"))
    return 0


async def _recommended(backend: AdminBackend, output: Output) -> int:
    with output.busy("Looking at the devices"):
        found = await backend.recommended()
    output.document({"recommendations": found})
    for each in found:
        output.say(f"{each['full_name']} ({each['device']})", style="bold")
        rows = [
            (
                choice["level"],
                choice["model"],
                f"~{formats.size(choice['size'])}",
                f"{formats.speed(choice['speed'])} tokens/s",
                f"{formats.size(choice['needed'])} of {formats.size(choice['budget'])}",
                ", ".join(choice["good_for"]),
            )
            for choice in each["choices"]
        ]
        output.table(("", "MODEL", "SIZE", "ABOUT", "MEMORY", "GOOD FOR"), rows, right=("SIZE",))
        output.say(f"Speeds are estimated from a published measurement: {each['published']}.")
    return 0


async def show(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    model = await _find(backend, options.model)
    output.document(model)
    rows = [("size", formats.size(model["size_bytes"])), ("parameters", formats.count(model["parameters"]))]
    rows.append(("context", formats.tokens(model["context_length"])))
    rows += [(label, str(model[key])) for key, label in _SHOWN if model.get(key)]
    rows += [(label, formats.moment(model[key])) for key, label in _MOMENTS if model.get(key)]
    if embedding := model["embedding"]:
        rows.append(("pooling", f"{embedding['pooling'] or 'done'}, {_SOURCES[embedding['source']]}"))
        rows += [(f"before a {each}", json.dumps(embedding[each])) for each in ("query", "document") if embedding[each]]
    if made := model.get("converted"):
        commit = f" at {made['commit'][:12]}" if made.get("commit") else ""
        rows += [("converted", f"from {made['from']}{commit}"), ("with", made["command"])]
    rows.append(("abilities", ", ".join(model["abilities"]) or "–"))
    rows += [("note", sentence) for sentence in model["warnings"]]
    rows.append(("devices", ", ".join(model["devices"]) or "–"))
    output.say(model["id"], style="bold")
    output.table(("", ""), rows)
    return 0


async def remove(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    output.document(await backend.remove(options.model, force=options.force))
    output.say(f"{options.model} deleted.")
    return 0


async def verify(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    with output.busy("Hashing"):
        result = await backend.verify(options.model)
    output.document(result)
    if result["intact"]:
        output.say(f"All {result['files']} files are intact.")
        return 0
    output.say(f"Damaged: {', '.join(result['damaged'])}. Pull the model again to repair it.", style="red")
    return 1


async def import_folder(backend: AdminBackend, options: argparse.Namespace, output: Output) -> int:
    mode = "reference" if options.reference else "copy"
    model = await backend.import_folder(options.folder.expanduser().resolve(), options.id, mode)
    output.document(model)
    for sentence in model["facts"]["warnings"]:
        output.say(sentence, style="yellow")
    command = suggested_command(f"assign {model['id']} gpu", options.data_dir)
    output.say(f"{model['id']} is ready. Next: {command}")
    return 0


def _remark(model: JsonAnswer) -> str:
    if model["state"] != "usable":
        return "not supported" if model["state"] == "unsupported" else "damaged"
    guessed = (model["embedding"] or {}).get("guessed")
    return "pooling assumed" if guessed else "read inexactly" if model["warnings"] else ""


async def _find(backend: AdminBackend, model_id: str) -> JsonAnswer:
    for model in await backend.models():
        if model["id"] == model_id:
            return model
    raise CommandFailed(f'There is no model "{model_id}" on this machine: pull it first.', "ModelNotFound")
