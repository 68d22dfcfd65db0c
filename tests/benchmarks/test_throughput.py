"""The benchmark measures; what it finds on a tiny model means nothing."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.figures import Pair, RunFigures, run_figures, summarize
from benchmarks.prompts import make_prompts
from benchmarks.throughput import main
from tests.support.launch import device_process
from tests.support.messages import Answer, Measured
from tests.support.percentiles import percentile

pytestmark = pytest.mark.long

MODEL = Path(__file__).parent.parent / "models" / "test_chat"


def test_both_sides_are_measured_on_the_same_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    arguments = ["--model", str(MODEL), "--streams", "1,3", "--pairs", "2", "--tokens", "6", "--kv-cache-gb", "0.05"]
    assert main([*arguments, "--json", str(file)]) == 0

    results = json.loads(file.read_text(encoding="utf-8"))
    assert [pair["streams"] for pair in results["pairs"]] == [1, 3, 1, 3]
    assert all(pair["bare"]["tokens"] == pair["served"]["tokens"] == 4 * 6 for pair in results["pairs"])
    assert [summary["streams"] for summary in results["summaries"]] == [1, 3]
    assert min(results["memory"].values()) > 0
    assert results["machine"]["packages"]["openvino-genai"]
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert len(rows) == 4


def test_another_server_is_put_beside_and_all_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "plot.svg"
    peer = {"id": "peer/chat", "path": str(MODEL), "instance_memory_gb": 0.05}
    with device_process(tmp_path, models=[peer]) as server:
        arguments = ["--model", str(MODEL), "--streams", "2", "--pairs", "1", "--tokens", "6", "--kv-cache-gb", "0.05"]
        assert main([*arguments, "--peer", f"{server.url}#peer/chat", "--svg", str(picture)]) == 0
    assert "peer tok/s" in capsys.readouterr().out
    drawn = [element.get("fill") for element in ElementTree.parse(picture).iter() if element.tag.endswith("}rect")]
    assert len(drawn) == 1 + 3 + 3  # the ground, the legend, a bar each


def test_a_missing_model_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--model", str(tmp_path)])
    assert "tools/build_bench_model.py" in capsys.readouterr().err


def test_a_model_that_cannot_be_loaded_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "openvino_model.xml").write_text("<net/>", encoding="utf-8")
    assert main(["--model", str(tmp_path)]) == 1
    assert capsys.readouterr().err


def test_figures_of_a_run() -> None:
    figures = run_figures(Measured(2.0, [Answer(5, 3, [0.1, 0.2, 0.4]), Answer(5, 3, [0.3, 0.4, 0.5])]))
    assert figures.tokens_per_second == 3
    assert figures.first_token == pytest.approx(0.2)
    assert figures.between_p50 == pytest.approx(0.1)
    assert figures.between_p95 == pytest.approx(0.2)


def test_pairs_are_compared_before_they_are_summed_up() -> None:
    pairs = [_pair(100, 90), _pair(200, 190), _pair(100, 100)]
    summary = summarize(pairs, [0.003, 0.001, 0.002])
    assert summary.ratio.median == 0.95
    assert (summary.ratio.least, summary.ratio.greatest) == (0.9, 1.0)
    assert summary.server_cpu == pytest.approx(1000 * 0.3 / 192)
    assert summary.health_p50 == 0.002


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 50), (95, 95), (100, 100)])
def test_percentiles(percent: float, value: int) -> None:
    assert percentile(list(range(1, 101)), percent) == value


def test_prompts_are_new_for_each_seed() -> None:
    assert make_prompts(3, 5, seed="a") == make_prompts(3, 5, seed="a")
    assert not set(make_prompts(3, 5, seed="a")) & set(make_prompts(3, 5, seed="b"))


def _pair(bare: float, served: float) -> Pair:
    sides = [RunFigures(64, speed, 0.1, 0.01, 0.02, 0.03) for speed in (bare, served)]
    return Pair(1, *sides, server_cpu_seconds=0.1)
