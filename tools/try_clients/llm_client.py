"""The command `llm`, with an entry of extra-openai-models.yaml and with its plug-in llm-ollama."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from trial import SERVER, contains, equal, run

HOME = Path(tempfile.mkdtemp(prefix="llm-"))
OLLAMA_CHAT = f"ollama/{SERVER['chat']}"
SCHEMA = "device, port int, ready bool"
MODELS = f"""
- model_id: openvino
  model_name: {SERVER["chat"]}
  api_base: {SERVER["url"]}/v1
  api_key_name: openvino
  supports_schema: true
  supports_tools: true
"""
TOOL = '''
def get_weather(city: str) -> str:
    """Get the current weather of a city."""
    return "the weather was asked for"
'''


def llm(*arguments: str) -> str:
    environment = {**os.environ, "LLM_USER_PATH": str(HOME), "OLLAMA_HOST": SERVER["url"]}
    done = subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return done.stdout + done.stderr


def set_up() -> None:
    (HOME / "extra-openai-models.yaml").write_text(MODELS, encoding="utf-8")
    llm("keys", "set", "openvino", "--value", "any")
    contains(llm("models"), "openvino")


def openai_chat() -> None:
    contains(llm("-m", "openvino", SERVER["question"]), "OpenVINO")
    contains(llm("-m", "openvino", "--no-stream", SERVER["question"]), "OpenVINO")


def openai_conversation() -> None:
    contains(llm("-m", "openvino", "-c", SERVER["question"]), "OpenVINO")


def openai_schema() -> None:
    answer = json.loads(llm("-m", "openvino", "--schema", SCHEMA, "--no-stream", SERVER["question"]))
    equal(sorted(answer), ["device", "port", "ready"])


def openai_tools() -> None:
    answer = llm("-m", "openvino", "--functions", TOOL, "--td", SERVER["calling_question"])
    contains(answer, "Tool call: get_weather")
    contains(answer, "the weather was asked for")


def ollama_models_are_found() -> None:
    contains(llm("ollama", "models"), SERVER["chat"])


def ollama_chat() -> None:
    contains(llm("-m", OLLAMA_CHAT, SERVER["question"]), "OpenVINO")


def ollama_schema() -> None:
    answer = json.loads(llm("-m", OLLAMA_CHAT, "--schema", SCHEMA, "--no-stream", SERVER["question"]))
    equal(sorted(answer), ["device", "port", "ready"])


def ollama_tools() -> None:
    answer = llm("-m", OLLAMA_CHAT, "--functions", TOOL, "--td", SERVER["calling_question"])
    contains(answer, "Tool call: get_weather")


def ollama_embeddings() -> None:
    equal(len(json.loads(llm("embed", "-m", f"ollama/{SERVER['embed']}", "-c", "one"))), SERVER["dimensions"])


run(
    ["llm", "llm-ollama"],
    [
        set_up,
        openai_chat,
        openai_conversation,
        openai_schema,
        openai_tools,
        ollama_models_are_found,
        ollama_chat,
        ollama_schema,
        ollama_tools,
        ollama_embeddings,
    ],
)
