"""What can go wrong between a client and the device that answers it."""

import time
from typing import Any

from apis.errors import anthropic_error, ollama_error, openai_error
from web.errors import ServiceError
from web.streaming import ndjson, sse


class NoDevice(ServiceError):
    """No device can answer, or none came back in time."""

    status = 503
    code = "device_unavailable"


class AnswerCutOff(ServiceError):
    """The device went away in the middle of its answer."""

    status = 502
    code = "device_lost"


class UpstreamUnavailable(Exception):
    """A device could not be reached, or has left. `sent`: it may have begun to work; `error`: what the client is told
    where nothing helps, in place of `cut_off`."""

    def __init__(self, reason: str, *, sent: bool, silent: bool = False, error: ServiceError | None = None) -> None:
        super().__init__(reason)
        self.error = error
        self.sent = sent
        self.silent = silent


class ClientLeft(Exception):
    """The client has disconnected."""


def cut_off(device: str, away: UpstreamUnavailable) -> ServiceError:
    return away.error or AnswerCutOff(f"The {device} server ended while it was answering: send the request again.")


def error_event(path: str, media_type: str, error: ServiceError) -> bytes:
    """The end of a stream that cannot go on, as clients of the API know it; empty where the answer is no stream."""
    if media_type == "application/x-ndjson":
        return ndjson(ollama_error(error))
    if media_type != "text/event-stream":
        return b""
    if path.startswith("/v1/messages"):
        return sse(anthropic_error(error), event="error")
    if path.startswith("/v1/responses"):
        event: dict[str, Any] = {"type": "error", "code": error.code, "message": error.message, "param": None}
        return sse({**event, "sequence_number": time.time_ns() // 1_000_000}, event="error")
    return sse(openai_error(error))
