"""Trying pipelines for real, and what follows from what was found."""

import json
import os
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from chat.tokenizer import ChatTokenizer
from commands.entry import run_command
from configuration.device_config import ModelAssignment
from configuration.tuning_store import PipelineSettings, Tuning, TuningStore, TuningTrial, Work, tuning_store
from instances.handle import Instance, InstanceLoadError
from instances.protocol import LoadModel
from tests.support.launch import device_process
from tuning.trials import Prompts
from tuning.tune import CannotTune, tune
from tuning.work import Questions

MODEL = Path(__file__).parent.parent / "models" / "test_chat"
DEFAULT, LARGER, SINGLE = (
    PipelineSettings("continuous_batching"),
    PipelineSettings("continuous_batching", 1024),
    PipelineSettings("llm_pipeline"),
)


def configured(data_dir: Path, **settings: object) -> Path:
    model = {"id": "test/chat", "path": str(MODEL), "instance_memory_gb": 0.02, **settings}
    devices = {"gpu": {"port": 11435, "device": "GPU", "models": [model]}}
    (data_dir / "device_config.json").write_text(json.dumps(devices), encoding="utf-8")
    return data_dir


def trial(settings: PipelineSettings, cold: float, stage: int = 0) -> TuningTrial:
    return TuningTrial(settings, 1.0, cold, 0.1, 64.0, 1.0, stage)


def tuning(*trials: TuningTrial, device: str = "AMD EPYC") -> Tuning:
    return Tuning("test/chat", device, "2026.4.1", "2026-01-01T00:00:00+00:00", 1024, list(trials))


@pytest.mark.parametrize(
    ("cold", "best"),
    [((2.0, 1.0, 3.0), LARGER), ((2.0, 1.9, 1.95), DEFAULT), ((9.0, 9.0, 1.0), SINGLE), ((1.0, 5.0, 5.0), DEFAULT)],
)
def test_the_default_stays_unless_another_is_clearly_quicker(cold: tuple[float, ...], best: PipelineSettings) -> None:
    found = tuning(*(trial(settings, each) for settings, each in zip((DEFAULT, LARGER, SINGLE), cold, strict=True)))
    assert found.best == best


def test_a_later_stage_must_be_clearly_quicker_than_the_best_before_it() -> None:
    two, four = (PipelineSettings("continuous_batching", 1024, threads=count) for count in (2, 4))
    stages = [trial(DEFAULT, 5.0), trial(LARGER, 2.0)]
    assert tuning(*stages, trial(two, 1.9, 1), trial(four, 1.0, 1)).best == four
    assert tuning(*stages, trial(two, 1.9, 1), trial(four, 1.95, 1)).best == LARGER
    assert tuning(*stages, trial(four, 1.0, 1), trial(SINGLE, 0.95, 2)).best == four


FOUND = PipelineSettings("continuous_batching", 1024, threads=6, kv_cache_precision="f16", drafted_tokens=8)


def test_what_was_found_fills_what_an_assignment_leaves_open() -> None:
    open_one = ModelAssignment(id="a/b", path="models/b")
    filled = FOUND.filling(open_one)
    assert (filled.pipeline, filled.max_num_batched_tokens, filled.kv_cache_precision) == (
        "continuous_batching",
        1024,
        "f16",
    )
    assert (filled.draft, filled.num_assistant_tokens) == ("auto", 8)
    assert filled.extra_config == {"INFERENCE_NUM_THREADS": 6}
    own = {
        "max_num_batched_tokens": 64,
        "kv_cache_precision": "int4",
        "draft": "org/draft",
        "num_assistant_tokens": 2,
        "extra_config": {"INFERENCE_NUM_THREADS": 1, "X": "y"},
    }
    assert FOUND.filling(ModelAssignment(id="a/b", path="models/b", pipeline="continuous_batching", **own)) == (
        ModelAssignment(id="a/b", path="models/b", pipeline="continuous_batching", **own)
    )


@pytest.mark.parametrize("work", get_args(Work))
def test_every_question_is_new_and_in_the_models_form(work: Work) -> None:
    tokenizer = ChatTokenizer(MODEL)
    questions = Questions(tokenizer, work)
    asked = [tokenizer.decode(questions.next()) for _ in range(9)]
    assert len(set(asked)) == 9
    assert all(text.count(f"{number}. ") for number, text in enumerate(asked, 1))


def test_the_book_keeps_the_newest_of_each_model_and_device(tmp_path: Path) -> None:
    book = TuningStore(tmp_path / "tuning.json")
    assert book.find("test/chat", "AMD EPYC") is None
    newest = tuning(trial(DEFAULT, 2.0))
    for each in (tuning(trial(DEFAULT, 1.0)), tuning(trial(SINGLE, 1.0), device="Arc"), newest):
        book.record(each)
    assert book.find("test/chat", "AMD EPYC") == newest
    assert book.find("test/chat", "Arc") is not None
    assert book.find("test/other", "Arc") is None
    (tmp_path / "tuning.json").write_text("{", encoding="utf-8")
    assert book.find("test/chat", "Arc") is None


def test_every_prompt_begins_differently() -> None:
    prompts = Prompts(range(50), 20)
    made = [tuple(prompts.next()) for _ in range(50)]
    assert len({prompt[:3] for prompt in made}) == 50
    assert {len(prompt) for prompt in made} == {20}
    assert len(prompts.next(120)) == 120


def test_a_model_is_tried_and_the_result_is_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir = configured(tmp_path)
    arguments = ["tune", "test/chat", "--device", "gpu", "--for", "code", "--data-dir", str(data_dir), "--json"]
    assert run_command(arguments) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    # What a CPU cannot do (a single thread, on some) is left out.
    trying, left_out = (printed.err.count(f'{{"{step}": ') for step in ("trying", "left_out"))
    assert (document["work"], trying - left_out) == ("code", len(document["trials"]))
    tried = [msgspec.convert(each["settings"], PipelineSettings) for each in document["trials"]]
    assert tried[:3] == [DEFAULT, LARGER, SINGLE]
    assert len(tried) == len(set(tried))
    threads = {each.threads for each in tried[3:]} - {None}
    assert os.cpu_count() in threads
    # Guessing belongs to batching.
    assert any(each.prompt_lookup for each in tried) == (tried[3].pipeline == "continuous_batching")
    figures = ("load_seconds", "cold_seconds", "second_turn_seconds", "tokens_per_second", "four_streams_seconds")
    assert all(each[name] > 0 for each in document["trials"] for name in figures)

    # Whatever was found quickest here, a book that names the other kind is followed.
    book = tuning_store(data_dir)
    found = book.find("test/chat", document["device"])
    assert found is not None
    book.record(tuning(trial(SINGLE, 1.0), device=found.device))
    with device_process(data_dir, models=[{"id": "test/chat", "path": str(MODEL)}]) as server:
        assert server.health()["models"][0]["pipeline"] == "llm_pipeline"
        body = {"model": "test/chat", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
        assert server.post("/v1/chat/completions", body).json()["usage"]["completion_tokens"] == 3


async def test_what_cannot_be_tried_after_the_pipelines_is_left_out(tmp_path: Path) -> None:
    def make(spec: LoadModel) -> Instance:
        if "INFERENCE_NUM_THREADS" in spec.properties:
            raise InstanceLoadError("no such threads")
        return Instance(spec)

    skipped: list[CannotTune] = []
    found = await tune("gpu", "test/chat", configured(tmp_path), on_skipped=skipped.append, make_instance=make)
    assert [each.settings for each in found.trials[:3]] == [DEFAULT, LARGER, SINGLE]
    assert all(each.settings.threads is None for each in found.trials)
    assert skipped
    assert all("no such threads" in str(reason) for reason in skipped)


async def test_a_pipeline_that_cannot_be_tried_ends_it(tmp_path: Path) -> None:
    def make(spec: LoadModel) -> Instance:
        raise InstanceLoadError("no such model")

    with pytest.raises(CannotTune, match="no such model"):
        await tune("gpu", "test/chat", configured(tmp_path), make_instance=make)
    assert not tuning_store(tmp_path).all()


@pytest.mark.parametrize(
    "wrong", [{"threads": -5}, {"prompt_lookup": 99}, {"drafted_tokens": 0}, {"kv_cache_precision": "f64"}]
)
def test_a_record_that_cannot_be_followed_counts_as_none(tmp_path: Path, wrong: dict[str, object]) -> None:
    store = tuning_store(tmp_path)
    store.record(tuning(trial(FOUND, 1.0)))
    file = tmp_path / "tuning.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document[0]["trials"][0]["settings"] |= wrong
    file.write_text(json.dumps(document), encoding="utf-8")
    assert store.all() == ()


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["test/other", "--device", "gpu"], {}, "main.py assign test/other gpu"),
        (["test/chat", "--device", "npu"], {}, 'no device "npu"'),
        (["test/chat", "--device", "gpu"], {"path": "nowhere"}, "cannot be used"),
        (["test/chat", "--device", "gpu"], {"estimated_memory_gb": 9999.0}, "9999."),
    ],
)
def test_what_cannot_be_tuned_says_why(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    settings: dict[str, object],
    words: str,
) -> None:
    data_dir = configured(tmp_path, **settings)
    assert run_command(["tune", *arguments, "--data-dir", str(data_dir)]) == 1
    assert words in " ".join(capsys.readouterr().err.split())
