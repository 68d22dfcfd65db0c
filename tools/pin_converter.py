"""Writes conversion/requirements.txt: all that the converter's environment holds, as it is installed here.

    python -m venv CONVERTER, then in it:
    pip install --no-deps torch optimum optimum-intel --extra-index-url https://download.pytorch.org/whl/cpu
    pip install packaging accelerate nncf peft protobuf sentence-transformers sentencepiece tiktoken transformers …
    CONVERTER/bin/python tools/pin_converter.py

It is installed without looking for dependencies: optimum-intel asks for torchvision, which few models want and which
PyPI has with CUDA only. So what other systems and older Pythons need stands here too. torch and OpenVINO are left to
conversion/toolchain.py.
"""

from __future__ import annotations

from importlib import metadata
from itertools import product
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

TARGET = Path(__file__).resolve().parents[1] / "conversion" / "requirements.txt"
ROOTS = ("accelerate", "nncf", "optimum", "optimum-intel", "peft", "protobuf", "sentence-transformers", "sentencepiece")
ROOTS += ("pillow", "tiktoken", "torch")
ELSEWHERE = {"torch", "torchvision", "openvino", "openvino-tokenizers", "openvino-telemetry"}
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
SYSTEMS = (("linux", "Linux", "posix"), ("win32", "Windows", "nt"))
HEAD = """\
# What the converter's environment holds, beside torch and OpenVINO; written by tools/pin_converter.py and installed by
# conversion/toolchain.py without looking for dependencies. A Python that a version is too new for gets the newest one
# before it.
"""


def environments() -> list[dict[str, str]]:
    return [
        {"python_version": python, "python_full_version": f"{python}.9", "sys_platform": system, "os_name": os_name}
        | {"platform_system": platform, "platform_machine": "x86_64", "extra": ""}
        for python, (system, platform, os_name) in product(PYTHONS, SYSTEMS)
    ]


def closure() -> dict[str, set[str]]:
    """Each package with the markers under which alone it is needed; none: always."""
    found: dict[str, set[str]] = {name: set() for name in ROOTS}
    waiting: list[str] = list(ROOTS)
    while waiting:
        name = waiting.pop()
        try:
            requires = metadata.distribution(name).requires or ()
        except metadata.PackageNotFoundError:
            continue
        for follows in map(Requirement, requires):
            other = canonicalize_name(follows.name)
            applies = [follows.marker is None or follows.marker.evaluate(each) for each in environments()]
            if other in ELSEWHERE or other.startswith("nvidia") or not any(applies):
                continue
            if other not in found:
                waiting.append(other)
            always = follows.marker is None or all(applies)
            found[other] = (
                set() if always or found.get(other) == set() else {*found.get(other, ()), str(follows.marker)}
            )
    return found


def lines(name: str, markers: set[str]) -> list[str]:
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return [f"{name}; {' or '.join(f'({marker})' for marker in sorted(markers))}"]
    takes = SpecifierSet(distribution.metadata["Requires-Python"] or "")
    oldest = next(python for python in PYTHONS if takes.contains(f"{python}.99"))
    pinned = f"{name}=={distribution.version}"
    if oldest == PYTHONS[0]:
        return [pinned]
    return [f'{pinned}; python_version >= "{oldest}"', f'{name}<{distribution.version}; python_version < "{oldest}"']


def main() -> None:
    wanted = sorted((name, markers) for name, markers in closure().items() if name not in ELSEWHERE)
    found = [line for name, markers in wanted for line in lines(name, markers)]
    TARGET.write_text(HEAD + "\n".join(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
