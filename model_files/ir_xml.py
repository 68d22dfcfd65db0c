"""What an OpenVINO IR's XML says about its model, read as a stream in one pass.

The file may come from anybody: a document type declaration (the door to entity expansion) is refused, and so is a file
above MAX_XML_BYTES. Layout of the format: https://docs.openvino.ai/ ("Operation specifications", "OpenVINO IR format").
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from xml.parsers import expat

from memory.kv_cache import KvShape
from notices import Notice

MAX_XML_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 20
_PACKED_TYPES = {"u1", "u2", "u3", "u4", "i4", "u6", "u8", "i8", "nf4", "f4e2m1", "f8e4m3", "f8e5m2", "f8e8m0"}
_LARGEST_GROUP = 512
_MAX_ELEMENTS = 1 << 50
_FLOAT_TYPES = {"f16", "bf16", "f32", "f64"}


class IrError(Exception):
    """The XML is no IR that can be read; the text says why."""


@dataclass(frozen=True)
class Constant:
    element_type: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass
class IrSummary:
    """What one IR holds.

    bin_bytes: the smallest length its .bin file can have.
    parameters: elements of all weights; scales and zero points of compressed ones left out, shared ones counted once.
    weight_elements: elements of the matrices by (element type, group size; -1: one scale a row).
    kv: what the growing states (the KV cache) gain with each token; None without such states.
    rt_info: its values by path ("nncf/weight_compression/mode").
    """

    inputs: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    bin_bytes: int = 0
    parameters: int = 0
    weight_elements: Counter[tuple[str, int]] = field(default_factory=Counter)
    kv: KvShape | None = None
    runtime_version: str | None = None
    rt_info: dict[str, str] = field(default_factory=dict)


def read_ir(path: Path) -> IrSummary:
    """Read one IR. Raises IrError, OSError."""
    if path.stat().st_size > MAX_XML_BYTES:
        raise IrError(f"{path.name} is larger than {MAX_XML_BYTES >> 20} MiB")
    handler = _Handler()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = handler.refuse_doctype
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                parser.Parse(chunk)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise IrError(Notice("notices.xml_incomplete", file=path.name, error=error)) from error
    except (ValueError, KeyError) as error:
        raise IrError(Notice("notices.ir_invalid", file=path.name, error=repr(error))) from error
    if not handler.is_net:
        raise IrError(Notice("notices.xml_no_ir", file=path.name))
    return handler.summary()


def _group_size(shape: tuple[int, ...]) -> int:
    """Grouped weights are stored as [rows, groups, group size]; a last dimension longer than any group is a row."""
    return shape[-1] if len(shape) > 2 and shape[-1] <= _LARGEST_GROUP else -1


class _Handler:
    """expat call-backs. Keeps of the graph only what tells weights from scales: constants and arithmetic on them."""

    def __init__(self) -> None:
        self.is_net = False
        self._result = IrSummary()
        self._path: list[str] = []
        self._layer: dict[str, str] = {}
        self._types: dict[str, str] = {}
        self._constants: dict[str, Constant] = {}
        self._edges: dict[str, list[tuple[str, str]]] = {}
        self._states: dict[str, tuple[str, ...]] = {}

    def refuse_doctype(self, *_: object) -> None:
        raise IrError("the XML declares a document type, which no OpenVINO IR does")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        path.append(name)
        if len(path) == 1:
            self.is_net = name == "net"
        elif name == "layer" and len(path) == 3:
            self._start_layer(attributes)
        elif name == "data" and len(path) == 4:
            self._data(attributes)
        elif name == "port" and len(path) == 5 and path[3] == "output":
            self._names(attributes.get("names", ""))
        elif name == "edge" and len(path) == 3:  # a loop's body has edges of its own
            self._edges.setdefault(attributes["from-layer"], []).append((attributes["to-layer"], attributes["to-port"]))
        elif len(path) > 2 and path[1] == "rt_info":
            self._rt_info(attributes)

    def end(self, _name: str) -> None:
        self._path.pop()

    def _start_layer(self, attributes: dict[str, str]) -> None:
        self._layer = attributes
        kind = attributes.get("type", "")
        self._types[attributes["id"]] = kind
        if kind == "Parameter":
            self._result.inputs.add(attributes.get("name", ""))
        elif kind == "Result" and attributes.get("output_names"):
            self._result.outputs.update(attributes["output_names"].split(","))

    def _data(self, attributes: dict[str, str]) -> None:
        kind = self._layer.get("type")
        if kind == "Const" and "offset" in attributes:
            shape = tuple(int(part) for part in attributes.get("shape", "").split(",") if part.strip())
            constant = Constant(
                attributes.get("element_type", ""), shape, int(attributes["offset"]), int(attributes["size"])
            )
            if min(constant.offset, constant.size, *shape, 0) < 0 or prod(shape) + constant.offset > _MAX_ELEMENTS:
                raise ValueError("impossible size of a constant")
            self._constants[self._layer["id"]] = constant
            self._result.bin_bytes = max(self._result.bin_bytes, constant.offset + constant.size)
        elif kind == "ReadValue" and "variable_shape" in attributes:
            shape_text = attributes["variable_shape"].strip("[]")
            self._states[attributes.get("variable_id", "")] = tuple(part.strip() for part in shape_text.split(","))

    def _names(self, names: str) -> None:
        kind = self._layer.get("type")
        if kind == "Parameter":
            self._result.inputs.update(names.split(","))
        elif names:
            self._result.outputs.update(names.split(","))

    def _rt_info(self, attributes: dict[str, str]) -> None:
        if "value" not in attributes:
            return
        key = "/".join(self._path[2:])
        if key.lower() == "runtime_version" or attributes.get("name") == "OpenVINO Runtime":
            self._result.runtime_version = attributes["value"]
        else:
            self._result.rt_info[key] = attributes["value"]

    def summary(self) -> IrSummary:
        result = self._result
        auxiliary = self._scales_and_zero_points()
        seen: set[tuple[int, int]] = set()
        for layer, constant in self._constants.items():
            place = (constant.offset, constant.size)
            if layer in auxiliary or place in seen or constant.element_type not in _PACKED_TYPES | _FLOAT_TYPES:
                continue
            seen.add(place)
            elements = prod(constant.shape)
            result.parameters += elements
            if len(constant.shape) > 1:
                result.weight_elements[constant.element_type, _group_size(constant.shape)] += elements
        result.kv = self._kv()
        return result

    def _consumers(self, layer: str) -> list[tuple[str, str]]:
        """The (layer, input port) pairs that use a layer's value, seen through conversions of type."""
        found: list[tuple[str, str]] = []
        waiting, visited = [layer], {layer}
        while waiting:
            for target, port in self._edges.get(waiting.pop(), ()):
                if self._types.get(target) != "Convert":
                    found.append((target, port))
                elif target not in visited:
                    visited.add(target)
                    waiting.append(target)
        return found

    def _scales_and_zero_points(self) -> set[str]:
        """Weights are stored as (weight - zero point) * scale: whatever enters such a node second is no parameter."""
        consumers = {layer: self._consumers(layer) for layer in self._constants}
        auxiliary: set[str] = set()
        scaled: set[str] = set()
        for layer, constant in self._constants.items():
            if constant.element_type not in _PACKED_TYPES:
                continue
            for target, port in consumers[layer]:
                kind = self._types.get(target)
                if kind == "Subtract" and port == "1":
                    auxiliary.add(layer)
                elif kind == "Subtract":
                    scaled.update(t for t, _ in self._consumers(target) if self._types.get(t) == "Multiply")
                elif kind == "Multiply" and port == "0":
                    scaled.add(target)
        for layer, users in consumers.items():
            if users and all(target in scaled and port == "1" for target, port in users):
                auxiliary.add(layer)
        return auxiliary

    def _kv(self) -> KvShape | None:
        """A cache state has two dimensions left open, batch and sequence; a fixed-size recurrent state has one. The
        last fixed one is a head's size."""
        keys = values = heads = recurrent = 0
        for name, shape in self._states.items():
            fixed = [int(part) for part in shape if part.isdigit()]
            elements = min(prod(fixed), _MAX_ELEMENTS)
            if len(shape) - len(fixed) < 2:
                recurrent += elements
            elif ".value" in name:
                values += elements
                heads += min(prod(fixed[:-1]), _MAX_ELEMENTS)
            else:
                keys += elements
        return KvShape(keys, values, heads, recurrent) if keys + values else None
