"""How a model's weights are compressed, and whether an NPU takes them so."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from model_files.ir_xml import IrSummary
from notices import Notice

_RT_INFO = "nncf/weight_compression/"
_FOUR_BIT = ("INT4", "NF4", "MXFP4", "CB4")
_TYPE_NAMES = {
    "i4": "INT4_SYM",
    "u4": "INT4_ASYM",
    "i8": "INT8_SYM",
    "u8": "INT8_ASYM",
    "nf4": "NF4",
    "f4e2m1": "MXFP4",
    "f8e4m3": "FP8_E4M3",
    "f8e5m2": "FP8_E5M2",
    "f16": "FP16",
    "bf16": "BF16",
    "f32": "FP32",
}


@dataclass(frozen=True)
class Compression:
    """mode as nncf spells it; group: weights that share a scale, -1 for a whole row; ratio: share in this mode."""

    mode: str
    group: int = -1
    ratio: float | None = None

    def __str__(self) -> str:
        if not self.mode.startswith(_FOUR_BIT):
            return self.mode
        return f"{self.mode} g{self.group}" + (f" r{self.ratio}" if self.ratio is not None else "")

    @property
    def npu_problem(self) -> str | None:
        """Why an NPU does not take these weights. Source: OpenVINO documentation, "OpenVINO GenAI on NPU"."""
        if self.mode == "NF4" and self.group == -1:
            return None
        if self.mode != "INT4_SYM":
            return Notice("notices.npu_symmetric_int4", kind=self)
        if self.group not in (-1, 128):
            return Notice("notices.npu_group_size", group=self.group)
        if self.ratio is not None and self.ratio != 1.0:
            return Notice("notices.npu_ratio", ratio=self.ratio)
        return None


def compression(ir: IrSummary) -> Compression | None:
    """As nncf recorded it in the IR, else as the stored constants show it; None for an IR without matrices."""
    mode = ir.rt_info.get(_RT_INFO + "mode")
    if mode:
        group = ir.rt_info.get(_RT_INFO + "group_size", "")
        ratio = ir.rt_info.get(_RT_INFO + "ratio", "")
        return Compression(
            mode.upper()[:40],
            int(group) if re.fullmatch(r"[0-9]{1,6}", group) else -1,
            float(ratio) if re.fullmatch(r"[0-9](\.[0-9]{1,9})?", ratio) else None,
        )
    by_type: Counter[str] = Counter()
    for (element_type, _), elements in ir.weight_elements.items():
        by_type[element_type] += elements
    if not by_type.total():
        return None
    main_type = by_type.most_common(1)[0][0]
    groups = Counter({group: count for (kind, group), count in ir.weight_elements.items() if kind == main_type})
    return Compression(_TYPE_NAMES.get(main_type, main_type.upper()), groups.most_common(1)[0][0])
