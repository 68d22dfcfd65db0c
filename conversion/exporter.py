"""The process that exports: `python -m conversion.exporter REQUEST`, run by the converter's own Python.

REQUEST is JSON: `source`, `output`, `options` (of `optimum-cli export openvino`), `adapter` and `merged` (a LoRA
adapter's folder and where the model goes that it is merged into). Standard library, and the packages of
conversion/requirements.txt; of this project only what needs nothing else. What is printed is a log, but for lines that
begin with the mark. The end of standard input means stop.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import traceback
from importlib.metadata import version
from pathlib import Path
from typing import Any

from supervision.lifeline import watch_stdin

MARK = "conversion-event:"  # as in conversion.child, which needs more packages than are here
_PACKAGES = ("optimum-intel", "optimum", "transformers", "torch", "nncf", "openvino", "openvino-tokenizers")


def main(arguments: list[str]) -> int:
    watch_stdin(lambda: os._exit(0))
    request = json.loads(arguments[0])
    # This folder is on the path for the line above; the converter's packages are to find their own modules only.
    sys.path[:] = [place for place in sys.path if place and Path(place).resolve() != Path.cwd().resolve()]
    sys.modules["openvino_telemetry"] = None  # pyright: ignore[reportArgumentType]  # see hardware.no_telemetry
    try:
        source = merged(request) if request.get("adapter") else request["source"]
        export(source, request["output"], request["options"])
    except OSError as error:
        traceback.print_exc()
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        tell(failed=str(error), kind="disk_full" if full else "failed")
        return 1
    except MemoryError:
        tell(failed="out of memory", kind="memory")
        return 1
    except Exception as error:
        traceback.print_exc()
        tell(failed=f"{type(error).__name__}: {error}"[:500], kind="failed")
        return 1
    tell(stage="exported", versions={name: version(name) for name in _PACKAGES})
    return 0


def tell(**event: Any) -> None:
    sys.stdout.write(f"\n{MARK}{json.dumps(event)}\n")
    sys.stdout.flush()


def export(source: str, output: str, options: list[str]) -> None:
    """What `optimum-cli export openvino` does."""
    tell(stage="loading")
    import optimum.exporters.openvino.__main__ as steps  # pyright: ignore[reportMissingImports]
    from optimum.commands.optimum_cli import main as command  # pyright: ignore[reportMissingImports]

    quantize, build = steps._main_quantize, steps.main_export

    def told_quantize(*arguments: Any, **options: Any) -> Any:
        tell(stage="compressing")
        return quantize(*arguments, **options)

    def told_export(*arguments: Any, **options: Any) -> Any:
        tell(stage="exporting")
        return build(*arguments, **options)

    steps._main_quantize, steps.main_export = told_quantize, told_export
    sys.argv = ["optimum-cli", "export", "openvino", "--model", source, *options, output]
    command()


def merged(request: dict[str, Any]) -> str:
    """A folder with the model that the adapter has become part of."""
    tell(stage="merging")
    from peft import PeftModel  # pyright: ignore[reportMissingImports]
    from transformers import AutoModelForCausalLM  # pyright: ignore[reportMissingImports]

    source, target = Path(request["source"]), Path(request["merged"])
    trusted = "--trust-remote-code" in request["options"]
    model = AutoModelForCausalLM.from_pretrained(source, dtype="auto", trust_remote_code=trusted)
    model = PeftModel.from_pretrained(model, request["adapter"]).merge_and_unload()
    model.save_pretrained(target)
    for path in source.iterdir():
        written = (target / path.name).exists()
        if path.is_file() and not written and not path.name.endswith((".safetensors", ".safetensors.index.json")):
            shutil.copyfile(path, target / path.name)
    return str(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
