"""What is kept adds up in every span, survives a restart, stays small, and is its owner's alone."""

from __future__ import annotations

import math
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.owner_only import others_can_read
from usage.samples import Sample, SampleKey, Total
from usage.spans import KEPT_DAYS, SPANS
from usage.store import UsageStore

NOW = 1_790_000_000.0
figures = st.tuples(
    st.integers(0, 299),
    st.sampled_from([("gpu", ""), ("gpu", "org/a"), ("npu", "組織/模型")]),
    st.builds(
        Sample,
        seconds=st.integers(0, 5),
        requests=st.integers(0, 9),
        generated_tokens=st.integers(0, 10**6),
        most_queued=st.integers(0, 9),
    ),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(figures, max_size=12))
def test_every_span_holds_the_same_sums(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[int, SampleKey, Sample]]
) -> None:
    path = tmp_path_factory.mktemp("用量 資料") / "usage.sqlite"
    for ago, key, sample in found:
        UsageStore(path).add({(int(NOW) - ago, key): sample}, {}, NOW)
    for span in SPANS.values():
        kept = UsageStore(path).samples(span, NOW)
        shown = [(key, sample) for ago, key, sample in found if span.bucket(NOW - ago) >= span.times(NOW)[0]]
        for name, reckon in (("generated_tokens", sum), ("requests", sum), ("most_queued", max)):
            wanted = reckon([getattr(sample, name) for _, sample in shown] or [0])
            assert reckon([getattr(sample, name) for sample in kept.values()] or [0]) == wanted, (span.name, name)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    UsageStore(tmp_path / "usage.sqlite").add({}, {}, NOW)
    assert not others_can_read(tmp_path / "usage.sqlite")


def test_what_is_old_goes_and_the_file_stays_small(tmp_path: Path) -> None:
    """A year of twenty busy models, a reading every two hours, then one of today."""
    path = tmp_path / "usage.sqlite"
    store = UsageStore(path)
    models = [("gpu", f"org/a-model-with-a-long-name-{number}-int4-ov") for number in range(20)]
    for day in range(0, 400, 8):
        at = NOW - (400 - day) * 86400
        samples = {
            (int(at) + hour * 7200, model): Sample(7200, 50, 1, 999, 12345, 50, 9.5, 10**10, 3)
            for hour in range(96)
            for model in models
        }
        totals = {(date.fromtimestamp(at).isoformat(), *model, "5f0c9a11"): Total(5, 0, 9, 9) for model in models}
        store.add(samples, totals, at + 8 * 86400)
    store.add({}, {}, NOW)
    with sqlite3.connect(path) as connection:
        for span in SPANS.values():
            (rows,) = connection.execute("SELECT COUNT(*) FROM samples WHERE step = ?", (span.step,)).fetchone()
            assert rows <= math.ceil(span.kept / span.step + 1) * len(models)
        (oldest,) = connection.execute("SELECT MIN(day) FROM totals").fetchone()
    assert oldest >= (date.fromtimestamp(NOW) - timedelta(days=KEPT_DAYS)).isoformat()
    assert path.stat().st_size < 20_000_000


def test_totals_add_up_over_days_and_restarts(tmp_path: Path) -> None:
    today = date.fromtimestamp(NOW)
    for ago in (0, 0, 1, 9):
        day = (today - timedelta(days=ago)).isoformat()
        UsageStore(tmp_path / "u").add({}, {(day, "gpu", "org/a", "k"): Total(1, 0, 10, 100)}, NOW)
    assert UsageStore(tmp_path / "u").totals(today) == {("gpu", "org/a", "k"): Total(2, 0, 20, 200)}
    assert UsageStore(tmp_path / "u").totals(today - timedelta(days=6)) == {("gpu", "org/a", "k"): Total(3, 0, 30, 300)}


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage.sqlite"
    path.write_bytes(content)
    UsageStore(path).add({(int(NOW), ("gpu", "")): Sample(1.0)}, {}, NOW)
    assert len(UsageStore(path).samples(SPANS["5m"], NOW)) == 1


def test_a_file_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "usage.sqlite").mkdir()
    with pytest.raises((sqlite3.Error, OSError)):
        UsageStore(tmp_path / "usage.sqlite").add({}, {}, NOW)
