"""Whether memory grows: a straight line through each long life's samples, and how far it rises in their time."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

from tests.reliability.soaking.census import Life

LEAST_SAMPLES = 30
LEAST_SECONDS = 300.0
WARM_UP_SECONDS = 240.0
NOISE_BYTES = 5e6
NOISE_SHARE = 0.05


@dataclass(frozen=True)
class Slope:
    """Of one process in the seconds after its warm-up: mean bytes, growth in bytes along the line, and what of that may
    be noise: 5 MB, or a twentieth of the mean where that is more. Allocators grow by steps."""

    role: str
    pid: int
    model: str
    seconds: float
    mean: float
    growth: float
    course: list[int]
    """The bytes at about each minute of its life, the warm-up included."""

    @property
    def name(self) -> str:
        return f"{self.role} {self.pid} {self.model}".rstrip()

    @property
    def noise(self) -> float:
        return max(NOISE_BYTES, NOISE_SHARE * self.mean)

    @property
    def grows(self) -> bool:
        return self.growth > self.noise


def slopes(lives: Sequence[Life], *, least_seconds: float = LEAST_SECONDS) -> list[Slope]:
    """Of the lives that went on for `least_seconds` after their warm-up."""
    found: list[Slope] = []
    for life in lives:
        if not life.memory:
            continue
        begins = life.memory[0][0] + WARM_UP_SECONDS
        times = [at for at, _ in life.memory if at >= begins]
        sizes = [size for at, size in life.memory if at >= begins]
        if len(times) < LEAST_SAMPLES or times[-1] - times[0] < least_seconds:
            continue
        slope = linear_regression(times, sizes).slope
        seconds = times[-1] - times[0]
        found.append(Slope(life.role, life.pid, life.model, seconds, fmean(sizes), slope * seconds, _minutely(life)))
    return found


def _minutely(life: Life) -> list[int]:
    first = life.memory[0][0]
    return list({int((at - first) // 60): size for at, size in life.memory}.values())
