from __future__ import annotations

import pytest

from usage.charts import CHARTS, MOST_CURVES, Charts, Curve, charts
from usage.samples import Sample
from usage.spans import SPANS

NOW = 1_790_000_003.0
SPAN = SPANS["5m"]
LAST = SPAN.bucket(NOW)


def curves(found: Charts, name: str) -> list[Curve]:
    return next(chart.curves for chart in found.charts if chart.name == name)


def test_the_last_bucket_counts_as_long_as_it_was_watched() -> None:
    """Two of its five seconds have passed: half a bucket is no halved speed."""
    samples = {
        (LAST - 5, ("gpu", "")): Sample(5.0, requests=1, generated_tokens=200),
        (LAST, ("gpu", "")): Sample(2.0, requests=1, generated_tokens=80),
    }
    found = charts(samples, SPAN, NOW, by_model=False)
    assert found.times[-1] == LAST
    assert len(found.times) == SPAN.seconds // SPAN.step
    assert curves(found, "tokens_per_second")[0].values[-3:] == [None, 40.0, 40.0]
    assert curves(found, "requests_per_minute")[0].values[-2:] == [12.0, 30.0]


def test_a_model_that_rests_is_at_zero_and_one_whose_server_is_away_is_unknown() -> None:
    samples = {
        (LAST - 10, ("gpu", "")): Sample(5.0),
        (LAST - 10, ("gpu", "org/a")): Sample(generated_tokens=50, first_tokens=2, first_token_seconds=1.0),
        (LAST - 5, ("gpu", "")): Sample(5.0),
    }
    found = charts(samples, SPAN, NOW, by_model=True)
    assert curves(found, "tokens_per_second") == [Curve("gpu", "org/a", [None] * 57 + [10.0, 0.0, None])]
    assert curves(found, "first_token_seconds")[0].values[-3:] == [0.5, None, None]


@pytest.mark.parametrize("device", ["", "gpu"])
def test_a_device_can_be_chosen(device: str) -> None:
    samples = {(LAST, (name, "")): Sample(1.0) for name in ("gpu", "npu")}
    shown = [curve.device for curve in curves(charts(samples, SPAN, NOW, by_model=False, device=device), "queued")]
    assert shown == (["gpu"] if device else ["gpu", "npu"])


def test_more_curves_than_colours_are_added_up() -> None:
    samples = {(LAST, ("gpu", f"org/{number}")): Sample(0.0, generated_tokens=number) for number in range(20)}
    samples[LAST, ("gpu", "")] = Sample(1.0)
    found = charts(samples, SPAN, NOW, by_model=True)
    for name in CHARTS:
        assert len(curves(found, name)) <= MOST_CURVES
    tokens = curves(found, "tokens_per_second")
    assert sum(curve.values[-1] or 0 for curve in tokens) == sum(range(20))
    assert (tokens[-1].device, tokens[-1].model, tokens[-1].values[-1]) == ("", "", sum(range(13)))
