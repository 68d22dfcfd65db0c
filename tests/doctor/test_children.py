"""Children that answer, fail, crash and hang."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from doctor.children import ChildResult, run_child, run_probe
from doctor.generation import describe_generation, examine_generation
from doctor.hardware import reports_of
from doctor.probe import MARK
from tests.doctor.conftest import Said, by_subject
from tests.doctor.recorded import CPU_ONLY, LUNAR_LAKE, NVIDIA, gpu, listing
from tests.helpers import gone, wait_until

ANSWER = f"print('driver chatter'); print('{MARK}' + '{{\"load_seconds\": 1.5, \"token_seconds\": 0.2}}')"
DEMO_MODEL = Path(__file__).resolve().parents[2] / "models" / "demo_server-guide"
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_an_answer_is_found_among_what_drivers_print() -> None:
    result = await run_child(python(ANSWER.replace("{{", "{").replace("}}", "}")), seconds=30)
    assert result == ChildResult("answered", {"load_seconds": 1.5, "token_seconds": 0.2})


async def test_a_failure_gives_its_last_line() -> None:
    result = await run_child(python("raise RuntimeError('Exception from x.cpp:1:\\nno such device')"), seconds=30)
    assert (result.ending, result.reason) == ("failed", "no such device")
    silent = await run_child(python("raise SystemExit(7)"), seconds=30)
    assert silent.reason == "exit code 7"


@posix
async def test_a_crash_is_a_finding() -> None:
    result = await run_child(python(CRASH), seconds=30)
    assert result == ChildResult("crashed", reason="signal SIGKILL")


@posix
async def test_a_crash_after_the_answer_is_none() -> None:
    code = ANSWER.replace("{{", "{").replace("}}", "}") + "; import sys; sys.stdout.flush(); " + CRASH
    assert (await run_child(python(code), seconds=30)).ending == "answered"


async def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(600)"
    result = await run_child(python(code), seconds=2)
    assert result == ChildResult("timeout", seconds=2)
    if note.exists():
        wait_until(lambda: gone(int(note.read_text(encoding="utf-8"))))


async def test_a_program_that_is_not_there() -> None:
    assert (await run_child(["no-such-program-at-all"], seconds=5)).ending == "failed"


async def test_openvino_lists_this_machines_devices() -> None:
    result = await run_probe(["devices"], seconds=120)
    (cpu,) = [report for report in reports_of(result) if report.name == "CPU"]
    assert cpu.info.full_name
    assert cpu.usable


async def test_the_demo_model_gives_a_token() -> None:
    findings = await examine_generation(reports_of(listing(*CPU_ONLY)), DEMO_MODEL)
    assert [finding.id for finding in findings] == ["generation_answered"]


async def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path, said: Said) -> None:
    (finding,) = await examine_generation(reports_of(listing(*CPU_ONLY)), tmp_path)
    assert (finding.id, finding.level) == ("generation_failed", "problem")
    assert said(finding)


async def test_an_npu_with_a_model_on_it_is_left_alone(tmp_path: Path) -> None:
    asked: list[str] = []

    async def generate(device: str, model: Path) -> ChildResult:
        asked.append(device)
        return ChildResult("answered", {"load_seconds": 1, "token_seconds": 0})

    reports = reports_of(listing(*LUNAR_LAKE, gpu(NVIDIA, "GPU.1")))
    found = by_subject(await examine_generation(reports, tmp_path, in_use={"NPU", "GPU"}, generate=generate))
    assert asked == ["CPU", "GPU"]
    assert found["generation_left_out", "NPU"].level == "ok"


async def test_without_the_demo_model_nothing_is_tried(said: Said) -> None:
    for model in (None, Path("no-such-folder")):
        (finding,) = await examine_generation(reports_of(listing(*CPU_ONLY)), model)
        assert (finding.id, finding.level) == ("no_demo_model", "note")
        assert said(finding)


@pytest.mark.parametrize(
    "result",
    [
        ChildResult("failed", reason="CL_OUT_OF_RESOURCES"),
        ChildResult("crashed", reason="SIGSEGV"),
        ChildResult("timeout", seconds=180),
    ],
)
def test_every_way_to_fail_has_words(result: ChildResult, said: Said) -> None:
    finding = describe_generation("GPU", result)
    assert finding.level == "problem"
    assert (result.reason or "180") in said(finding)
