"""The chat APIs as a client sees them: what is sent, and what a proper answer looks like."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

from tests.reliability.soaking.book import CallFailed


@dataclass(frozen=True)
class Said:
    """`whole` is False where the answer was cut at the number of tokens asked for."""

    text: str
    whole: bool


class Stream(Protocol):
    """One streamed answer. `feed` takes a line and gives back its text; `said` raises `CallFailed` where the end is
    missing."""

    def feed(self, line: str) -> str: ...

    def said(self) -> Said: ...


class Dialect(Protocol):
    name: str
    path: str

    def body(self, model: str, question: str, tokens: int, stream: bool) -> dict[str, Any]: ...

    def whole(self, answer: Any) -> Said: ...

    def stream(self) -> Stream: ...


class _Lines:
    """What all streams have in common."""

    def __init__(self, whole: dict[str | None, bool]) -> None:
        self._whole = whole
        self._text = ""
        self._reason: str | None = None
        self._ended = False

    def _add(self, text: str | None, reason: str | None) -> str:
        if self._ended:
            raise CallFailed("wrong", "something came after the end of a stream")
        self._reason = reason or self._reason
        self._text += text or ""
        return text or ""

    def said(self) -> Said:
        if not self._ended:
            raise CallFailed("cut", f"the stream ended without its end mark, after {self._text[-40:]!r}")
        return _said(self._text, self._reason, self._whole)


def _said(text: str, reason: str | None, whole: dict[str | None, bool]) -> Said:
    if reason not in whole:
        raise CallFailed("wrong", f"the answer ended for the reason {reason!r}")
    if not text:
        raise CallFailed("wrong", "the answer is empty")
    return Said(text, whole[reason])


_OPENAI_REASONS: dict[str | None, bool] = {"stop": True, "length": False}
_ANTHROPIC_REASONS: dict[str | None, bool] = {"end_turn": True, "max_tokens": False}


class OpenAIChat:
    name = "OpenAI chat"
    path = "/v1/chat/completions"

    def body(self, model: str, question: str, tokens: int, stream: bool) -> dict[str, Any]:
        messages = [{"role": "user", "content": question}]
        return {"model": model, "messages": messages, "max_tokens": tokens, "temperature": 0, "stream": stream}

    def whole(self, answer: Any) -> Said:
        choice = answer["choices"][0]
        return _said(choice["message"]["content"], choice["finish_reason"], _OPENAI_REASONS)

    def stream(self) -> Stream:
        return _OpenAIStream(_OPENAI_REASONS)


class _OpenAIStream(_Lines):
    def feed(self, line: str) -> str:
        if line == "data: [DONE]":
            self._ended = True
        if not line.startswith("data: {"):
            return ""
        event = json.loads(line.removeprefix("data: "))
        if "error" in event:
            raise CallFailed("error event", event["error"]["message"])
        return "".join(self._add(each["delta"].get("content"), each["finish_reason"]) for each in event["choices"])


class Anthropic:
    name = "Anthropic messages"
    path = "/v1/messages"

    def body(self, model: str, question: str, tokens: int, stream: bool) -> dict[str, Any]:
        return OpenAIChat().body(model, question, tokens, stream)

    def whole(self, answer: Any) -> Said:
        text = "".join(block["text"] for block in answer["content"] if block["type"] == "text")
        return _said(text, answer["stop_reason"], _ANTHROPIC_REASONS)

    def stream(self) -> Stream:
        return _AnthropicStream(_ANTHROPIC_REASONS)


class _AnthropicStream(_Lines):
    def feed(self, line: str) -> str:
        if not line.startswith("data: "):
            return ""
        event = json.loads(line.removeprefix("data: "))
        if event["type"] == "error":
            raise CallFailed("error event", event["error"]["message"])
        self._ended = event["type"] == "message_stop" or self._ended
        if event["type"] == "message_delta":
            self._add(None, event["delta"]["stop_reason"])
        return self._add(event["delta"].get("text"), None) if event["type"] == "content_block_delta" else ""


class OllamaChat:
    name = "Ollama chat"
    path = "/api/chat"

    def body(self, model: str, question: str, tokens: int, stream: bool) -> dict[str, Any]:
        messages = [{"role": "user", "content": question}]
        options = {"temperature": 0, "num_predict": tokens}
        return {"model": model, "messages": messages, "options": options, "stream": stream}

    def whole(self, answer: Any) -> Said:
        return _said(self.text(answer), answer["done_reason"], _OPENAI_REASONS)

    def stream(self) -> Stream:
        return _OllamaStream(self)

    def text(self, event: Any) -> str:
        return event["message"]["content"]


class OllamaGenerate(OllamaChat):
    name = "Ollama generate"
    path = "/api/generate"

    def body(self, model: str, question: str, tokens: int, stream: bool) -> dict[str, Any]:
        options = {"temperature": 0, "num_predict": tokens}
        return {"model": model, "prompt": question, "options": options, "stream": stream}

    def text(self, event: Any) -> str:
        return event["response"]


class _OllamaStream(_Lines):
    def __init__(self, dialect: OllamaChat) -> None:
        super().__init__(_OPENAI_REASONS)
        self._dialect = dialect

    def feed(self, line: str) -> str:
        if not line:
            return ""
        event = json.loads(line)
        if "error" in event:
            raise CallFailed("error event", event["error"])
        text = self._add(self._dialect.text(event), event.get("done_reason"))
        self._ended = event["done"] or self._ended
        return text


DIALECTS: tuple[Dialect, ...] = (OpenAIChat(), Anthropic(), OllamaChat(), OllamaGenerate())
