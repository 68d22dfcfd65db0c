"""Small model directories made with the real OpenVINO, in the layout of optimum's export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as ops

TEMPLATE = "{% for message in messages %}{{ message.content }}{% endfor %}{% if tools %}{{ tools }}{% endif %}"
HIDDEN, VOCABULARY = 256, 32
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 123456789\n"


def make_llm(
    directory: Path,
    *,
    weights: str = "i4",
    group: int = 128,
    zero_points: bool = False,
    rt_info: dict[str, str] | None = None,
    config: dict[str, Any] | None = None,
    tokenizer: bool = True,
) -> Path:
    """A stateful decoder of one layer: 32 x 256 embedding in f16 (tied), one 256 x 256 matrix in `weights`."""
    directory.mkdir(parents=True, exist_ok=True)
    ov.save_model(
        language_model(weights, group, zero_points, rt_info or {}),
        directory / "openvino_model.xml",
        compress_to_fp16=False,
    )
    settings = {"architectures": ["Qwen2ForCausalLM"], "max_position_embeddings": 4096} | (config or {})
    (directory / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    if tokenizer:
        add_tokenizer(directory)
    (directory / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    (directory / "README.md").write_text("---\nlicense: apache-2.0\n---\n# 模型\n", encoding="utf-8")
    return directory


def write(directory: Path, name: str, content: object) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def add_tokenizer(directory: Path) -> None:
    """Stand-ins for the tokenizer's IRs: the registry reads them, nothing runs them."""
    for name in ("openvino_tokenizer", "openvino_detokenizer"):
        text = ops.parameter([-1], ov.Type.i64, name="text")
        ov.save_model(model([text], [text]), directory / f"{name}.xml")


def language_model(weights: str, group: int, zero_points: bool, rt_info: dict[str, str]) -> ov.Model:
    ids = ops.parameter([-1, -1], ov.Type.i64, name="input_ids")
    beam = ops.parameter([-1], ov.Type.i32, name="beam_idx")
    table = ops.convert(ops.constant(np.ones((VOCABULARY, HIDDEN), np.float16)), "f32")
    hidden = ops.matmul(ops.gather(table, ids, ops.constant(0)), _matrix(weights, group, zero_points), False, True)
    hidden = ops.add(hidden, _cache(beam))
    logits = ops.matmul(hidden, table, False, True)
    logits.output(0).get_tensor().set_names({"logits"})
    decoder = model([logits], [ids, beam])
    for key, value in rt_info.items():
        decoder.set_rt_info(value, ["nncf", "weight_compression", key])
    return decoder


def model(outputs: list[ov.Node], inputs: list[ov.Node]) -> ov.Model:
    results = [ops.result(output) for output in outputs]
    return ov.Model(results, inputs)  # pyright: ignore[reportGeneralTypeIssues]  # its stubs name another class


def _cache(beam: ov.Node) -> ov.Node:
    """A key and a value state of 2 heads x 64; their sum over the sequence reaches the output."""
    start = ops.constant(np.zeros((1, 2, 0, 64), np.float32))
    shape = ov.PartialShape([-1, 2, -1, 64])
    parts = []
    for name in ("key", "value"):
        state = ops.read_value(start, f"past_key_values.0.{name}", ov.Type.f32, shape)
        parts.append(ops.reduce_sum(ops.gather(state, beam, ops.constant(0)), ops.constant([0, 1, 2, 3]), False))
    return ops.add(parts[0], parts[1])


def _matrix(weights: str, group: int, zero_points: bool) -> ov.Node:
    groups = 1 if group == -1 else HIDDEN // group
    shape = [HIDDEN, HIDDEN] if group == -1 else [HIDDEN, groups, group]
    kind = getattr(ov.Type, weights)
    stored = ov.op.Constant(kind, ov.Shape(shape), [0] * (HIDDEN * HIDDEN))
    if weights in ("f16", "f32"):
        return ops.convert(stored, "f32")
    scale_shape = [*shape[:-1], 1]
    value = ops.convert(stored, "f16")
    if zero_points:
        zeros = ov.op.Constant(kind, ov.Shape(scale_shape), [0] * (HIDDEN * groups))
        value = ops.subtract(value, ops.convert(zeros, "f16"))
    value = ops.multiply(value, ops.constant(np.ones(scale_shape, np.float16)))
    return ops.convert(ops.reshape(value, ops.constant([HIDDEN, HIDDEN]), False), "f32")


def make_encoder(directory: Path, *, architecture: str = "BertModel", sentence_output: bool = False) -> Path:
    """A vector for each token from a table; with `sentence_output` also their mean, shifted: what no pooling gives."""
    directory.mkdir(parents=True, exist_ok=True)
    ids = ops.parameter([-1, -1], ov.Type.i64, name="input_ids")
    mask = ops.parameter([-1, -1], ov.Type.i64, name="attention_mask")
    for parameter, name in ((ids, "input_ids"), (mask, "attention_mask")):
        parameter.output(0).get_tensor().set_names({name})
    table = np.random.default_rng(20).standard_normal((512, VOCABULARY), np.float32)
    tokens = ops.gather(ops.constant(table), ids, ops.constant(0))
    weights = ops.unsqueeze(ops.convert(mask, "f32"), ops.constant(-1))
    outputs = [ops.multiply(tokens, ops.constant(np.float32(1)))]
    names = ["token_embeddings" if sentence_output else "last_hidden_state"]
    if sentence_output:
        total = ops.reduce_sum(ops.multiply(tokens, weights), ops.constant([1]), False)
        mean = ops.divide(total, ops.reduce_sum(weights, ops.constant([1]), False))
        outputs.append(ops.add(mean, ops.constant(np.full(VOCABULARY, 0.5, np.float32))))
        names.append("sentence_embedding")
    else:
        outputs[0] = ops.add(outputs[0], ops.multiply(weights, ops.constant(np.float32(0))))
    for output, name in zip(outputs, names, strict=True):
        output.output(0).get_tensor().set_names({name})
    ov.save_model(model(outputs, [ids, mask]), directory / "openvino_model.xml", compress_to_fp16=False)
    config = {"architectures": [architecture], "max_position_embeddings": 512}
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    add_tokenizer(directory)
    return directory
