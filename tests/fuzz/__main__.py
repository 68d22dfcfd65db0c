"""The properties of this folder with ever new examples: `python -m tests.fuzz --minutes 10 [answers streams …]`.

Prints for each property how many examples were tried and what was found; exit status 1 where anything was.
"""

import argparse
import importlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.running import LONG, counts

FAMILIES = ("answers", "streams", "settings", "model_files")
SLOW_SECONDS = 5.0
"""Of processor time: an example that takes longer is a finding."""

Property = Callable[[], None]


def properties(family: str) -> dict[str, Property]:
    module = importlib.import_module(f"tests.fuzz.test_{family}")
    return {f"{family}.{check.__name__}": check for check in counts if check.__module__ == module.__name__}


def hunt(chosen: dict[str, Property], seconds: float) -> dict[str, str]:
    """Try the properties in turn until the time is over; what was found, by property. A found one rests."""
    findings: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and len(findings) < len(chosen):
        for name, check in chosen.items():
            if name in findings or time.monotonic() >= deadline:
                continue
            try:
                check()
            except Exception:
                findings[name] = traceback.format_exc()
            if counts[check].slowest_seconds > SLOW_SECONDS:
                findings.setdefault(name, f"an example took {counts[check].slowest_seconds:.1f} s of processor time")
    return findings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", default=FAMILIES, help=f"of {', '.join(FAMILIES)}; default: all")
    parser.add_argument("--minutes", type=float, default=10, help="for each family")
    options = parser.parse_args()
    logging.disable()
    failed = False
    for family in options.families:
        chosen = properties(family)
        findings = hunt(chosen, options.minutes * 60)
        for name, check in chosen.items():
            count = counts[check]
            print(f"{name}: {count.examples} examples, the slowest {count.slowest_seconds * 1000:.0f} ms", flush=True)
        for name, finding in findings.items():
            print(f"FINDING in {name}:\n{finding}", flush=True)
        total = sum(counts[check].examples for check in chosen.values())
        print(f"== {family}: {total} examples, {len(findings)} findings, {options.minutes:g} min ==", flush=True)
        failed = failed or bool(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ[LONG] = "1"
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.exit(main())
