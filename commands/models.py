"""Commands about models: list, search, show, rm, verify, import."""

from __future__ import annotations

import argparse
import json

from admin import formats
from commands.errors import USAGE, CommandFailed
from commands.house import Answer, House
from commands.output import Output

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
    "output": "by the model itself",
    "modules.json": "says modules.json",
    "1_Pooling": "says 1_Pooling",
    "name": "known by its name",
    "architecture": "assumed by its architecture",
}


async def list_models(house: House, options: argparse.Namespace, output: Output) -> int:
    models = await house.models()
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


async def search(house: House, options: argparse.Namespace, output: Output) -> int:
    if options.recommended:
        return await _recommended(house, output)
    if not options.query:
        raise CommandFailed("Which words should the model's id hold? Or ask for --recommended.", code=USAGE)
    found = await house.search(options.query)
    output.document({"models": found})
    if not found:
        output.say("No OpenVINO model on the hub matches.")
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


async def _recommended(house: House, output: Output) -> int:
    with output.busy("Looking at the devices"):
        found = await house.recommended()
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
        output.say(f"Speeds are reckoned from a published one: {each['published']}.")
    return 0


async def show(house: House, options: argparse.Namespace, output: Output) -> int:
    model = await _find(house, options.model)
    output.document(model)
    rows = [("size", formats.size(model["size_bytes"])), ("parameters", formats.count(model["parameters"]))]
    rows.append(("context", formats.tokens(model["context_length"])))
    rows += [(label, str(model[key])) for key, label in _SHOWN if model.get(key)]
    rows += [(label, formats.moment(model[key])) for key, label in _MOMENTS if model.get(key)]
    if embedding := model["embedding"]:
        rows.append(("pooling", f"{embedding['pooling'] or 'done'}, {_SOURCES[embedding['source']]}"))
        rows += [(f"before a {each}", json.dumps(embedding[each])) for each in ("query", "document") if embedding[each]]
    rows.append(("abilities", ", ".join(model["abilities"]) or "–"))
    rows += [("note", sentence) for sentence in model["warnings"]]
    rows.append(("devices", ", ".join(model["devices"]) or "–"))
    output.say(model["id"], style="bold")
    output.table(("", ""), rows)
    return 0


async def remove(house: House, options: argparse.Namespace, output: Output) -> int:
    output.document(await house.remove(options.model, force=options.force))
    output.say(f"{options.model} is deleted.")
    return 0


async def verify(house: House, options: argparse.Namespace, output: Output) -> int:
    with output.busy("Hashing"):
        result = await house.verify(options.model)
    output.document(result)
    if result["intact"]:
        output.say(f"All {result['files']} files are intact.")
        return 0
    output.say(f"Damaged: {', '.join(result['damaged'])}. Pull the model again to mend it.", style="red")
    return 1


async def import_folder(house: House, options: argparse.Namespace, output: Output) -> int:
    mode = "reference" if options.reference else "copy"
    model = await house.import_folder(options.folder.expanduser().resolve(), options.id, mode)
    output.document(model)
    for sentence in model["facts"]["warnings"]:
        output.say(sentence, style="yellow")
    output.say(f"{model['id']} is here. Next: main.py assign {model['id']} gpu")
    return 0


def _remark(model: Answer) -> str:
    if model["state"] != "usable":
        return "not supported" if model["state"] == "unsupported" else "damaged"
    guessed = (model["embedding"] or {}).get("guessed")
    return "pooling assumed" if guessed else "read inexactly" if model["warnings"] else ""


async def _find(house: House, model_id: str) -> Answer:
    for model in await house.models():
        if model["id"] == model_id:
            return model
    raise CommandFailed(f'There is no model "{model_id}" on this machine: pull it first.', "ModelNotFound")
