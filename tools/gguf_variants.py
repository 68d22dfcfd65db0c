"""Writes one GGUF model anew in other quantisations, to see how exactly a reader takes each of them.

    python tools/gguf_variants.py MODEL.gguf FOLDER [Q4_0 Q4_1 Q8_0 Q4_K Q6_K F16 …]

The K types are quantised in the plainest way that their format allows; a matrix whose rows they do not divide, and
everything else that llama.cpp leaves alone, is written as F16 or F32. Needs the packages gguf and numpy.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
from gguf import GGMLQuantizationType as Type

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
_K = 256
NAMES = ("F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="TYPE")
    options = parser.parse_args()
    for name in options.names:
        target = options.folder / name / f"{options.model.name.split('.')[0]}.{name}.gguf"
        target.parent.mkdir(parents=True, exist_ok=True)
        write(options.model, target, name)
        print(f"{target}: {target.stat().st_size:,} bytes")


def write(source: Path, target: Path, name: str) -> None:
    reader = gguf.GGUFReader(source)
    architecture = str(reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        inner = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=inner)
    writer.add_file_type(_FILE_TYPES[name])
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        kind = Type[name] if values.ndim > 1 else Type.F32
        if kind in _BY_HAND and values.shape[-1] % _K:
            kind = Type.F16
        packed = _BY_HAND[kind](values) if kind in _BY_HAND else gguf.quantize(values, kind)
        writer.add_tensor(tensor.name, packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _half(values: Floats) -> Bytes:
    return values.astype(np.float16).reshape(-1, 1).view(np.uint8)


def q4_k(values: Floats) -> Bytes:
    """Blocks of 256: eight groups of 32, each with a 6-bit scale and a 6-bit minimum of the block's two halves."""
    groups = values.reshape(-1, 8, 32)
    low = np.minimum(groups.min(axis=2), 0)
    step = (groups.max(axis=2) - low) / 15
    d, dmin = (np.maximum(part.max(axis=1), 1e-12) / 63 for part in (step, -low))
    d, dmin = d.astype(np.float16).astype(np.float32), dmin.astype(np.float16).astype(np.float32)
    scales = _whole(step / np.maximum(d, 1e-12)[:, None], 63)
    minima = _whole(-low / np.maximum(dmin, 1e-12)[:, None], 63)
    real_step, real_low = d[:, None] * scales, dmin[:, None] * minima
    codes = _whole((groups + real_low[..., None]) / np.where(real_step == 0, 1, real_step)[..., None], 15)
    packed = np.empty((len(groups), 12), np.uint8)
    packed[:, :4] = scales[:, :4] | (scales[:, 4:] >> 4 << 6)
    packed[:, 4:8] = minima[:, :4] | (minima[:, 4:] >> 4 << 6)
    packed[:, 8:] = (scales[:, 4:] & 15) | ((minima[:, 4:] & 15) << 4)
    pairs = codes.reshape(-1, 4, 2, 32)
    nibbles = (pairs[:, :, 0] | (pairs[:, :, 1] << 4)).reshape(len(groups), -1)
    return np.hstack([_half(d), _half(dmin), packed, nibbles]).reshape(values.shape[0], -1).astype(np.uint8, copy=False)


def q6_k(values: Floats) -> Bytes:
    """Blocks of 256: sixteen groups of 16, each with an 8-bit scale."""
    groups = values.reshape(-1, 16, 16)
    step = np.abs(groups).max(axis=2) / 31
    d = (np.maximum(step.max(axis=1), 1e-12) / 127).astype(np.float16).astype(np.float32)
    scales = _whole(step / np.maximum(d, 1e-12)[:, None], 127)
    real = d[:, None] * scales
    codes = np.clip(np.rint(groups / np.where(real == 0, 1, real)[..., None]), -32, 31).astype(np.int8) + 32
    quarters = codes.astype(np.uint8).reshape(-1, 2, 4, 32)
    low = np.stack([quarters[:, :, a] & 15 | (quarters[:, :, b] & 15) << 4 for a, b in ((0, 2), (1, 3))], axis=2)
    high = sum((quarters[:, :, part] >> 4) << (2 * part) for part in range(4))
    count = len(groups)
    blocks = np.hstack([low.reshape(count, 128), np.asarray(high).reshape(count, 64), scales, _half(d)])
    return blocks.reshape(values.shape[0], -1).astype(np.uint8, copy=False)


def _whole(values: Floats, most: int) -> Bytes:
    return np.clip(np.rint(values), 0, most).astype(np.uint8)


_FILE_TYPES = {
    "F16": gguf.LlamaFileType.MOSTLY_F16,
    "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "Q4_0": gguf.LlamaFileType.MOSTLY_Q4_0,
    "Q4_1": gguf.LlamaFileType.MOSTLY_Q4_1,
    "Q4_K": gguf.LlamaFileType.MOSTLY_Q4_K_M,
    "Q6_K": gguf.LlamaFileType.MOSTLY_Q6_K,
}
_BY_HAND = {Type.Q4_K: q4_k, Type.Q6_K: q6_k}


if __name__ == "__main__":
    main()
