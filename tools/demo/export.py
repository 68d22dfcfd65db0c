"""From the trained model to a model directory: int8 OpenVINO IR, tokenizers, configuration."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nncf
import openvino
from openvino_tokenizers import convert_tokenizer
from optimum.exporters.openvino import main_export
from optimum.intel import OVConfig
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM


def export(
    model: Qwen2ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    target: Path,
    *,
    kv_cache: str | None = None,
    **compression: Any,
) -> None:
    """Replaces the model in `target`; its card and metadata.json stay.

    `kv_cache` asks the devices for this precision of the KV cache, such as "f16"; None leaves it to them.
    `compression`: see nncf.compress_weights.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, exported = Path(folder, "torch"), Path(folder, "openvino")
        model.float().save_pretrained(source)
        tokenizer.save_pretrained(source, save_jinja_files=False)
        main_export(
            str(source),
            exported,
            task="text-generation-with-past",
            ov_config=OVConfig(dtype="fp32"),
            convert_tokenizer=False,
            library_name="transformers",
        )
        network = openvino.Core().read_model(exported / "openvino_model.xml")
        network = nncf.compress_weights(network, **compression)
        _set_kv_cache(network, kv_cache)
        openvino.save_model(network, target / "openvino_model.xml")
        for name in ("config.json", "generation_config.json"):
            shutil.copyfile(exported / name, target / name)
    _write_tokenizer(tokenizer, target)


def _set_kv_cache(network: openvino.Model, precision: str | None) -> None:
    """The exporter asks for f16 wherever it has not quantised the weights itself; so its options are written anew."""
    del network.rt_info["runtime_options"]
    network.set_rt_info("8.0", ["runtime_options", "ACTIVATIONS_SCALE_FACTOR"])
    if precision:
        network.set_rt_info(precision, ["runtime_options", "KV_CACHE_PRECISION"])


def _write_tokenizer(tokenizer: PreTrainedTokenizerFast, target: Path) -> None:
    converted = convert_tokenizer(tokenizer, with_detokenizer=True)
    assert isinstance(converted, tuple)
    encoder, decoder = converted
    openvino.save_model(encoder, target / "openvino_tokenizer.xml")
    openvino.save_model(decoder, target / "openvino_detokenizer.xml")
    tokenizer.save_pretrained(target, save_jinja_files=False)


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
