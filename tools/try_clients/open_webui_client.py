"""Open WebUI without a screen: one chat in Chromium over each of the two kinds of connection, and a document."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect, sync_playwright
from trial import SERVER, contains, equal, run

FOLDER = Path(tempfile.mkdtemp(prefix="open-webui-"))
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-quic"]
SECONDS_TO_START = 300
# Its own tools fill nearly 10,000 tokens of every prompt; the demo model takes 2,048.
WITHOUT_TOOLS = json.dumps({"capabilities": {"builtin_tools": False}})
OLLAMA = {"OLLAMA_BASE_URL": SERVER["url"], "ENABLE_OPENAI_API": "False"}
OPENAI = {"OPENAI_API_BASE_URL": f"{SERVER['url']}/v1", "OPENAI_API_KEY": "any", "ENABLE_OLLAMA_API": "False"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextmanager
def open_webui(name: str, settings: dict[str, str]) -> Iterator[str]:
    """Its base URL."""
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(FOLDER / name),
        "WEBUI_AUTH": "False",
        "WEBUI_SECRET_KEY": "any",
        "OFFLINE_MODE": "True",
        "DEFAULT_MODEL_METADATA": WITHOUT_TOOLS,
        "RAG_EMBEDDING_ENGINE": "ollama",
        "RAG_OLLAMA_BASE_URL": SERVER["url"],
        "RAG_EMBEDDING_MODEL": SERVER["embed"],
        **settings,
    }
    program = Path(sys.executable).with_name("open-webui")
    (FOLDER / name).mkdir()
    with (FOLDER / f"{name}.log").open("wb") as log:
        command = [program, "serve", "--host", "127.0.0.1", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=FOLDER)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/health", process)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"Open WebUI did not start; its log is in {FOLDER}")


@contextmanager
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path if Path(path).exists() else None, args=ARGUMENTS)
        yield browser
        browser.close()


def call(url: str, token: str | None = None, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    every = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    with urllib.request.urlopen(urllib.request.Request(url, data, {**every, **(headers or {})}), timeout=120) as answer:
        return json.load(answer)


def sign_in(url: str) -> str:
    return call(f"{url}/api/v1/auths/signin", body={"email": "", "password": ""})["token"]


def chat_in_chromium(url: str, picture: str) -> None:
    with chromium() as browser:
        page = browser.new_page(locale="en-US")
        page.goto(f"{url}/?model={SERVER['chat']}")
        field = page.locator("#chat-input")
        expect(field).to_be_visible(timeout=60_000)
        close_welcome(page)
        field.click()
        page.keyboard.type(SERVER["question"])
        page.keyboard.press("Enter")
        answer = page.locator(".chat-assistant").first
        expect(answer).to_contain_text("OpenVINO", timeout=60_000)
        page.screenshot(path=FOLDER / f"{picture}.png")


def close_welcome(page: Any) -> None:
    """The news that a new version shows once."""
    button = page.get_by_role("button", name="Okay, Let's Go!")
    if button.count():
        button.click()


def models_of(url: str) -> set[str]:
    return {model["id"] for model in call(f"{url}/api/models", sign_in(url))["data"]}


def over_ollama() -> None:
    with open_webui("ollama", OLLAMA) as url:
        contains(models_of(url), SERVER["chat"])
        chat_in_chromium(url, "ollama")
        read_a_document(url)


def over_openai() -> None:
    with open_webui("openai", OPENAI) as url:
        contains(models_of(url), SERVER["chat"])
        chat_in_chromium(url, "openai")


def read_a_document(url: str) -> None:
    """Its pieces become vectors at /api/embed, and a question finds them."""
    token = sign_in(url)
    form = (
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="note.txt"\r\nContent-Type: text/plain\r\n\r\n'
        b"The NPU's port is 11436.\r\n--cut--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=cut"}
    file = call(f"{url}/api/v1/files/?process=true&process_in_background=false", token, form, headers)
    equal(call(f"{url}/api/v1/files/{file['id']}", token)["data"].get("status"), "completed")
    body = {"collection_names": [f"file-{file['id']}"], "query": "port", "k": 1}
    contains(call(f"{url}/api/v1/retrieval/query/collection", token, body), "11436")


run(["open-webui"], [over_ollama, over_openai])
print(f"Logs and pictures: {FOLDER}", file=sys.stderr)
