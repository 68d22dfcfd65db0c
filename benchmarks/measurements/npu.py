"""The NPU's pipeline: one request at a time, a prompt limit, static shapes. On the CPU where there is no NPU."""

from pathlib import Path
from statistics import median

from benchmarks.measurements.section import Comparison, Section
from benchmarks.prompts import make_prompts
from benchmarks.sides import single_sides
from tests.support.launch import NPU_ON_CPU
from tests.support.messages import Job, Measured

_PROPERTIES = {"MAX_PROMPT_LEN": 256, "MIN_RESPONSE_LEN": 128}
_ANSWER_TOKENS = 64


def npu(model: Path, pairs: int, *, on_cpu: bool) -> Section:
    """First token and speed of single requests. Raises `HelperFailed`, `ServerFailed` and `UnequalWork`."""
    bare: list[Measured] = []
    served: list[Measured] = []
    with single_sides(model, device="NPU", properties=_PROPERTIES | (NPU_ON_CPU if on_cpu else {})) as sides:
        for number in range(pairs + 1):
            prompts = make_prompts(2, 16, seed=f"npu/{number}")
            both = sides.run(Job(prompts, 1, _ANSWER_TOKENS), served_first=number % 2 == 0)
            bare.append(both.bare)
            served.append(both.served)
    first, speed = (
        Comparison(what, [value(each) for each in bare[1:]], [value(each) for each in served[1:]], unit)
        for what, value, unit in (
            ("first token", lambda side: 1e3 * median(answer.times[0] for answer in side.answers), "ms"),
            ("tokens per second", lambda side: side.tokens / side.seconds, "tok/s"),
        )
    )
    where = "on the CPU (NPUW_DEVICES)" if on_cpu else "on the NPU"
    return Section("npu", f"The NPU's pipeline {where}, one request at a time", [], [first, speed])
