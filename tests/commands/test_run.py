"""`run`: a conversation with a served model at the terminal, against the real suite with the demo model."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from commands.conversing.conversation import TerminalChat
from commands.conversing.images import take_images
from commands.conversing.slash_commands import HELP, SlashCommands, option_of
from commands.conversing.terminal import converse, unfenced
from commands.entry import run_command
from commands.errors import CommandFailed
from commands.output import Output
from commands.remote import RemoteBackend
from commands.served import find_served
from tests.helpers import wait_until
from tests.support.launch import DEMO_ID, PROJECT
from tests.support.launch_suite import SuiteProcess, suite_process

QUESTION = "What is the port of the NPU?"
ANSWER = "11436"
GPU_DEMO = f"gpu-{DEMO_ID}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("資料 夾")


@pytest.fixture(scope="module")
def suite(folder: Path) -> Iterator[SuiteProcess]:
    with suite_process(folder, gateway=True) as suite:
        suite.assign("gpu", [DEMO_ID])
        wait_until(lambda: suite.device("gpu")["state"] == "running")
        yield suite


Typed = tuple[int, str, str]
"""Exit code, standard output, standard error."""
Run = Callable[..., Typed]


@pytest.fixture
def run(suite: SuiteProcess, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`main.py run …` with `piped` as its standard input."""

    def run(*arguments: str, piped: str = "") -> Typed:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped.encode("utf-8"))))
        code = run_command(["run", *arguments, "--data-dir", str(folder)])
        assert code is not None
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


@pytest.mark.parametrize("name", [GPU_DEMO, DEMO_ID, "server-guide", "Server-Guide", f"{GPU_DEMO}:latest"])
def test_a_question_is_answered_whatever_the_model_is_called(run: Run, name: str) -> None:
    code, out, err = run(name, QUESTION, "--option", "temperature=0")
    assert (code, err) == (0, "")
    assert ANSWER in out


def test_what_is_piped_in_follows_the_prompt(run: Run) -> None:
    answer = json.loads(run(DEMO_ID, "--json", piped=f"{QUESTION}\n")[1])
    assert ANSWER in answer["message"]["content"]
    both = json.loads(run(DEMO_ID, "--json", "Say", "this:", piped="貓\n")[1])
    alone = json.loads(run(DEMO_ID, "--json", "Say this:\n\n貓")[1])
    assert both["prompt_eval_count"] == alone["prompt_eval_count"]


def test_a_pipe_of_another_process(suite: SuiteProcess, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "main.py", "run", DEMO_ID, "--data-dir", str(folder), "--verbose"],
        cwd=PROJECT,
        input=QUESTION,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0
    assert ANSWER in done.stdout
    assert "tokens/s" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_an_answer_in_a_schema(run: Run, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"]}
    (tmp_path / "schema.json").write_text(json.dumps(schema), encoding="utf-8")
    limit = ("--option", "num_predict=64")
    code, out, _ = run(DEMO_ID, QUESTION, "--format", str(tmp_path / "schema.json"), *limit)
    assert code == 0
    assert isinstance(json.loads(out)["port"], int)
    assert run(DEMO_ID, QUESTION, "--format", str(tmp_path / "nowhere.json"))[0] == 2


def test_an_alias_of_the_gateway(run: Run, suite: SuiteProcess) -> None:
    body = {"name": "helper", "model": DEMO_ID}
    suite.client.post(f"{suite.url}/api/gateway/aliases", json=body).raise_for_status()
    wait_until(lambda: suite.client.get(f"{suite.url}/api/gateway").json()["gateway"]["state"] == "running")
    answer = json.loads(run("helper", QUESTION, "--json")[1])
    assert answer["model"] == "helper"
    assert ANSWER in answer["message"]["content"]


def test_what_is_not_served_is_explained(run: Run, folder: Path) -> None:
    code, _, err = run("no/such", "hi")
    assert code == 3
    assert "pull" in err
    assert GPU_DEMO in err
    image = folder / "a.png"
    Image.new("RGB", (8, 8)).save(image)
    code, _, err = run(DEMO_ID, "hi", "--image", str(image))
    assert (code, "cannot see images" in err) == (2, True)
    code, _, err = run(DEMO_ID)
    assert (code, "Give a prompt" in err) == (2, True)
    code, _, err = run(DEMO_ID, "word " * 5000)
    assert (code, "context" in err or "tokens" in err) == (1, True)


def test_it_starts_nothing_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["run", DEMO_ID, "hi", "--data-dir", str(tmp_path)]) == 5
    assert "bootstrap.py" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_it_assigns_only_when_told(run: Run, suite: SuiteProcess) -> None:
    suite.assign("npu", [])
    wait_until(lambda: suite.device("npu")["state"] == "no_models")
    name = f"npu-{DEMO_ID}"
    assert run(name, QUESTION)[0] == 3
    assert not any(model["assignment"] for model in suite.device("npu")["models"])
    assert run(DEMO_ID, QUESTION, "--assign", "npu")[0] == 0
    assert any(model["assignment"] for model in suite.device("npu")["models"])
    assert ANSWER in run(name, QUESTION)[1]
    assert run(DEMO_ID, QUESTION, "--assign", "tpu")[0] == 3


Talk = Callable[[str], Awaitable[tuple[str, TerminalChat]]]


@pytest.fixture
def talk(suite: SuiteProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Talk:
    """Type all that at the terminal; what was shown, and the conversation afterwards."""

    async def talk(typed: str) -> tuple[str, TerminalChat]:
        backend = RemoteBackend(suite.url)
        output = Output(as_json=False)
        assert backend.address is not None
        conversation = TerminalChat(await find_served(backend, DEMO_ID), backend.address, options={"temperature": 0})
        commands = SlashCommands(conversation, output, lambda name: find_served(backend, name))
        with create_pipe_input() as pipe:
            pipe.send_text(typed)
            await asyncio.wait_for(
                converse(
                    conversation, commands, output, history=tmp_path / "history", input=pipe, screen=DummyOutput()
                ),
                120,
            )
        await backend.close()
        written = capsys.readouterr()
        return written.out + written.err, conversation

    return talk


async def test_a_conversation(talk: Talk, tmp_path: Path) -> None:
    shown, conversation = await talk(f"{QUESTION}\rAnd of the GPU?\r/bye\r")
    assert ANSWER in shown
    assert [message["role"] for message in conversation.messages] == ["user", "assistant"] * 2
    assert conversation.messages[0]["content"] == QUESTION
    assert QUESTION in (tmp_path / "history").read_text(encoding="utf-8")


async def test_several_lines_are_one_message(talk: Talk) -> None:
    _, fenced = await talk('"""one\rtwo 貓\rthree"""\r/bye\r')
    assert fenced.messages[0]["content"] == "one\ntwo 貓\nthree"
    _, keys = await talk("one\x1b\rtwo\r\x04")
    assert keys.messages[0]["content"] == "one\ntwo"
    _, pasted = await talk("\x1b[200~one\ntwo\x1b[201~\r/bye\r")
    assert pasted.messages[0]["content"] == "one\ntwo"


async def test_commands_change_how_it_goes_on(talk: Talk, tmp_path: Path) -> None:
    saved = tmp_path / "talk.json"
    typed = ["/system Be brief.", "/set num_predict 3", "/verbose on", QUESTION, "/show", f"/save {saved}", "/clear"]
    shown, conversation = await talk("".join(f"{line}\r" for line in [*typed, "/think on", "/bye"]))
    assert (conversation.system, conversation.think, conversation.messages) == ("Be brief.", True, [])
    assert conversation.options == {"temperature": 0, "num_predict": 3}
    assert "answer  3 tokens" in shown
    assert "Be brief." in shown
    assert json.loads(saved.read_text(encoding="utf-8"))["messages"][0]["content"] == QUESTION


async def test_a_mistake_ends_nothing(talk: Talk) -> None:
    wrong = ["/nonsense", "/set temperature", "/load no/such", "/image no.png", "/verbose maybe", "/think"]
    shown, conversation = await talk("".join(f"{line}\r" for line in [*wrong, "word " * 5000, QUESTION, "/bye"]))
    assert shown.count("Usage:") == 3
    assert ANSWER in shown
    assert len(conversation.messages) == 2, "what was refused is not said again"


async def test_every_command_is_explained(talk: Talk) -> None:
    shown, _ = await talk("/help\r/bye\r")
    assert all(line.split()[0] in shown for line in HELP)


def test_images_in_what_is_typed(tmp_path: Path) -> None:
    plain, spaced = tmp_path / "cat.PNG", tmp_path / "my 貓 cat.jpg"
    for path in (plain, spaced):
        path.write_bytes(b"")
    assert take_images(f"What is {plain} ?") == ("What is ?", [plain])
    assert take_images(f'Compare "{spaced}" and {plain}') == ("Compare and", [spaced, plain])
    if os.name != "nt":
        dragged = str(spaced).replace(" ", "\\ ")
        assert take_images(f"{dragged} what?") == ("what?", [spaced])
    assert take_images("Is nothere.png  a file?") == ("Is nothere.png  a file?", [])


@given(st.text())
def test_what_names_no_image_stays_as_it_is(text: str) -> None:
    assert take_images(text) == (text, [])
    assert unfenced(f'"""{text}"""') == text.strip("\n")


def test_options_of_the_command_line() -> None:
    assert option_of("temperature=0.5") == {"temperature": 0.5}
    assert option_of("stop=\n\n") == {"stop": ["\n\n"]}
    assert option_of('stop=["a", "b"]') == {"stop": ["a", "b"]}
    with pytest.raises(CommandFailed):
        option_of("temperature")
