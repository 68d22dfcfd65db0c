from memory.pressure import Advice, PressureGauge
from memory.readings import MemoryReading

RESERVE = 100


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def advise(gauge: PressureGauge, clock: Clock, available: int, *, seconds: float = 0.5, stalled: float = 0) -> Advice:
    clock.now += seconds
    return gauge.advise(MemoryReading(1000, available), stalled)


def test_short_memory_shrinks_step_by_step() -> None:
    clock = Clock()
    gauge = PressureGauge(RESERVE, clock)
    advice = [advise(gauge, clock, 50) for _ in range(9)]
    assert advice == ["shrink", "hold", "hold", "hold", "shrink", "hold", "hold", "hold", "shrink"]


def test_it_grows_only_after_a_calm_time_well_above_the_reserve() -> None:
    clock = Clock()
    gauge = PressureGauge(RESERVE, clock)
    assert advise(gauge, clock, 50) == "shrink"
    assert {advise(gauge, clock, 120) for _ in range(20)} == {"hold"}
    assert {advise(gauge, clock, 200) for _ in range(6)} == {"hold"}
    assert advise(gauge, clock, 200) == "grow"


def test_a_relapse_starts_the_calm_time_anew() -> None:
    clock = Clock()
    gauge = PressureGauge(RESERVE, clock)
    advise(gauge, clock, 200, seconds=2.9)
    assert advise(gauge, clock, 120) == "hold"
    assert advise(gauge, clock, 200, seconds=2.9) == "hold"
    assert advise(gauge, clock, 200, seconds=2.9) == "hold"
    assert advise(gauge, clock, 200, seconds=0.2) == "grow"


def test_stalling_counts_only_where_memory_is_near_its_end() -> None:
    clock = Clock()
    gauge = PressureGauge(RESERVE, clock)
    assert advise(gauge, clock, 900, stalled=80) == "hold"
    assert advise(gauge, clock, 180, stalled=80) == "shrink"
