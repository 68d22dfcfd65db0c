"""C99's complex functions for Wine, whose C runtime has stubs in their place: numpy's import would end in them.

A DLL is built that has them from MinGW's library and forwards all else to Wine's own; in numpy's extension modules the
name of the DLL they take their mathematics from is changed to it. A real Windows needs none of this.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

SYSTEM_DLL = b"api-ms-win-crt-math-l1-1-0.dll"
OUR_DLL = b"c99-ms-win-crt-math-l1-1-0.dll"
_TO_COMPLEX = ("ccos", "ccosh", "cexp", "csin", "csinh", "ctan", "ctanh")
_TO_REAL = ("cabs", "carg", "cimag", "creal")
_OF_TWO = ("cpow",)
_COMPLEX = frozenset((*_TO_COMPLEX, *_TO_REAL, *_OF_TWO))


def mend_numpy(site_packages: Path, compiler: Sequence[str]) -> int:
    """Build the DLL beside each of numpy's modules that need it and have them use it: how many were changed. `compiler`
    is Zig's of C. Raises CalledProcessError."""
    changed = 0
    for module in sorted(site_packages.glob("numpy/**/*.pyd")):
        content = module.read_bytes()
        wanted = imported_names(content, SYSTEM_DLL)
        if not any(_base(name) in _COMPLEX for name in wanted):
            continue
        _build(module.parent / OUR_DLL.decode(), wanted, compiler)
        module.write_bytes(content.replace(SYSTEM_DLL, OUR_DLL))
        changed += 1
    return changed


def imported_names(content: bytes, dll: bytes) -> list[str]:
    """The functions that a 64-bit Windows module takes from a DLL by name (the PE format's import table)."""
    header = struct.unpack_from("<I", content, 0x3C)[0]
    sections, optional_size = (struct.unpack_from("<H", content, header + at)[0] for at in (6, 20))
    table = header + 24 + optional_size
    places = [struct.unpack_from("<IIII", content, table + 40 * index + 8) for index in range(sections)]

    def at(address: int) -> int:
        return next(raw + address - start for size, start, _, raw in places if start <= address < start + size)

    def text(offset: int) -> bytes:
        return content[offset : content.index(b"\0", offset)]

    entry = at(struct.unpack_from("<I", content, header + 24 + 120)[0])
    while True:
        lookup, _, _, name, _ = struct.unpack_from("<5I", content, entry)
        if name == 0:
            return []
        if text(at(name)).lower() == dll:
            break
        entry += 20
    names, offset = [], at(lookup)
    while thunk := struct.unpack_from("<Q", content, offset)[0]:
        names.append(text(at(thunk) + 2).decode())
        offset += 8
    return names


def _base(name: str) -> str:
    return name if name in _COMPLEX else name[:-1] if name[-1:] in "fl" else name


def _build(dll: Path, names: list[str], compiler: Sequence[str]) -> None:
    lines, exports = [_FORMULAS], [f"LIBRARY {dll.name}", "EXPORTS"]
    for name in names:
        base = _base(name)
        if base not in _COMPLEX:
            exports.append(f"  {name}=ucrtbase.{name}")
            continue
        # What Microsoft's compiler calls a long double is a double.
        real = "float" if name == base + "f" else "double"
        number = f"{real} _Complex"
        parameters, arguments = (f"{number} x, {number} y", "x, y") if base in _OF_TWO else (f"{number} x", "x")
        result = real if base in _TO_REAL else number
        lines.append(f"{result} our_{name}({parameters}) {{ return ({result})of_{base}({arguments}); }}")
        exports.append(f"  {name}=our_{name}")
    source, definition = dll.with_suffix(".c"), dll.with_suffix(".def")
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    definition.write_text("\n".join(exports) + "\n", encoding="utf-8")
    options = ["-target", "x86_64-windows-gnu", "-shared", "-O2", "-o", dll]
    subprocess.run([*compiler, *options, source, definition], check=True)


_FORMULAS = r"""
#include <math.h>
typedef double _Complex z;
#define RE(x) (__real__(x))
#define IM(x) (__imag__(x))
static z make(double re, double im) { z x; __real__ x = re; __imag__ x = im; return x; }
static double of_cabs(z x) { return hypot(RE(x), IM(x)); }
static double of_carg(z x) { return atan2(IM(x), RE(x)); }
static double of_creal(z x) { return RE(x); }
static double of_cimag(z x) { return IM(x); }
static z of_cexp(z x) { double size = exp(RE(x)); return make(size * cos(IM(x)), size * sin(IM(x))); }
static z of_csinh(z x) { return make(sinh(RE(x)) * cos(IM(x)), cosh(RE(x)) * sin(IM(x))); }
static z of_ccosh(z x) { return make(cosh(RE(x)) * cos(IM(x)), sinh(RE(x)) * sin(IM(x))); }
static z of_ctanh(z x) {
    double below = cosh(2 * RE(x)) + cos(2 * IM(x));
    return make(sinh(2 * RE(x)) / below, sin(2 * IM(x)) / below);
}
static z of_csin(z x) { z y = of_csinh(make(-IM(x), RE(x))); return make(IM(y), -RE(y)); }
static z of_ccos(z x) { return of_ccosh(make(-IM(x), RE(x))); }
static z of_ctan(z x) { z y = of_ctanh(make(-IM(x), RE(x))); return make(IM(y), -RE(y)); }
static z of_cpow(z x, z y) {
    if (RE(x) == 0 && IM(x) == 0) return make(RE(y) == 0 && IM(y) == 0, 0);
    double log_size = log(of_cabs(x)), angle = of_carg(x);
    return of_cexp(make(RE(y) * log_size - IM(y) * angle, RE(y) * angle + IM(y) * log_size));
}
"""
