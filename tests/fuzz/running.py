"""How much a property of this folder tries: a little in the tests, for minutes by `python -m tests.fuzz`."""

import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis.strategies import SearchStrategy

LONG = "FUZZ_LONG"
"""Set in the environment before the properties are imported by who runs them for long."""

_COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
_SHORT = settings(max_examples=40, derandomize=True, **_COMMON)
_LONG = settings(max_examples=300, phases=[Phase.generate, Phase.target, Phase.shrink], **_COMMON)

Test = Callable[..., None]


@dataclass
class Count:
    """Examples of one property so far, and the most processor time that one of them took."""

    examples: int = 0
    slowest_seconds: float = 0.0


counts: dict[Any, Count] = {}
"""By property; read by `__main__`."""


def fuzz(*arguments: SearchStrategy[Any], found: Sequence[tuple[Any, ...]] = ()) -> Callable[[Test], Test]:
    """`given` with as many examples as this run wants. `found`: what has failed once and is tried each time."""

    def decorate(test: Test) -> Test:
        count = Count()

        @functools.wraps(test)
        def counted(*values: Any, **more: Any) -> None:
            began = time.process_time()
            try:
                test(*values, **more)
            finally:
                count.examples += 1
                count.slowest_seconds = max(count.slowest_seconds, time.process_time() - began)

        chosen = _LONG if os.environ.get(LONG) else _SHORT
        made: Test = given(*arguments)(counted)
        for values in found:
            made = example(*values)(made)
        made = chosen(made)
        counts[made] = count
        return made

    return decorate
