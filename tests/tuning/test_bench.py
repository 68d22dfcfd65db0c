"""Measuring for real, and two measurements beside each other."""

import json
from pathlib import Path

import msgspec
import pytest

from commands.entry import run_command
from tests.tuning.test_tuning import configured
from tuning.bench_report import BenchMachine, BenchReport, BenchRow, compared, differences, read_report

MACHINE = BenchMachine("Arc", "32.0", "Linux 6.8", "3.11.2", "2026.4.1", "2026.4.1", False, "")


def report(*rows: BenchRow, **machine: object) -> BenchReport:
    return BenchReport(
        "a/b", "INT4", "continuous_batching", "2026-01-01", msgspec.structs.replace(MACHINE, **machine), 1.0, [*rows]
    )


def test_a_model_is_measured_kept_and_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir = configured(tmp_path)
    file = tmp_path / "測量 a.json"
    shared = ["--device", "gpu", "--data-dir", str(data_dir)]
    assert run_command(["bench", "--quick", "--output", str(file), *shared, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    found = read_report(file)
    assert msgspec.to_builtins(found) == document
    assert [(row.prompt_tokens, row.streams) for row in found.rows][:2] == [(128, 1), (128, 8)]
    for row in found.rows:
        assert 0 < row.first_token_ms < 1e3 * row.streams * 64 / row.tokens_per_second
        assert (row.memory_bytes or 0) > 10**7
    assert len(found.rows) + len(found.skipped) == 4
    assert found.machine.openvino_genai.startswith("20")
    assert run_command(["bench", "compare", str(file), str(file), *shared]) == 0
    assert "(1.00×)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["compare", "one.json"], "Two measurements"),
        (["compare", "one.json", "two.json"], "one.json"),
        (["a/b", "c/d"], "Name one model"),
        (["other/model"], "is not assigned"),
    ],
)
def test_what_cannot_be_measured_or_compared_is_said(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_dir = configured(tmp_path)
    files = [str(tmp_path / each) if each.endswith(".json") else each for each in arguments]
    assert run_command(["bench", *files, "--device", "gpu", "--data-dir", str(data_dir)]) == 1
    assert sentence in capsys.readouterr().err


def test_rows_that_both_have_are_compared_and_what_differs_is_named() -> None:
    one = report(BenchRow(128, 1, 10, 50, 1), BenchRow(512, 1, 20, 40, 1))
    other = report(BenchRow(512, 1, 30, 60, 1), BenchRow(2048, 1, 1, 1, 1), device="Xe", on_battery=True)
    assert compared(one, other) == [(one.rows[1], other.rows[0])]
    assert list(differences(one, other)) == ["device: Arc | Xe", "on_battery: False | True"]


def test_another_file_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="not a report"):
        read_report(tmp_path / "a.json")
