"""A stand-in for a device server: the real one's options and status answers, no model behind them.

`<data dir>/<device>.json`, read at each request, replaces parts of its answers, so that a test can order a state.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from activity.request_log import RecordRequests, RequestLog, note_answer, note_model, note_prompt, note_work
from pools.statistics import Timings
from supervision.lifeline import watch_stdin
from web.listening import open_listeners
from web.request_id import RequestId

GIB = 2**30
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_MODEL_MEMORY = {
    **dict.fromkeys(("estimated_bytes", "estimated_weight_bytes", "estimated_kv_cache_bytes", "measured_bytes"), 0),
    **{"kv_cache_tokens": 0, "instances": []},
}
_INSTANCE = {"id": 1, "pid": None, "state": "idle", "memory_bytes": None, "active": 0, "reserved_tokens": 0} | {
    "load_seconds": 0
}
_REQUEST = {
    **dict.fromkeys(("ended", "model", "error", "first_token_seconds", "tokens_per_second", "waited_seconds")),
    **dict.fromkeys(("id", "client", "agent", "path"), ""),
    **dict.fromkeys(("status", "seconds", "prompt_tokens", "generated_tokens", "load_seconds"), 0),
    **{"audio_seconds": 0.0, "steps": 0},
    **{"outcome": "running", "prompt": None, "answer": None},
}


def say(level: str, text: str) -> None:
    sys.stderr.write(f"2026-01-01 12:00:00 {level} server_app: {text}\n")
    sys.stderr.flush()


def orders(options: argparse.Namespace) -> dict[str, Any]:
    path = Path(options.data_dir, f"{options.device}.json")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def die_where_ordered(once: Path) -> None:
    """A file that is there orders one death."""
    if once.is_file():
        once.unlink()
        os._exit(1)


def _count(timings: Timings) -> None:
    timings.generated_tokens += 1
    timings.first_token = timings.first_token or time.monotonic()


def _event(document: dict[str, Any]) -> str:
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n"


def make_app(options: argparse.Namespace) -> Starlette:
    document = json.loads(Path(options.config).read_text(encoding="utf-8"))[options.device]
    models = [model["id"] for model in document["models"]]

    started = time.monotonic()
    loaded: set[str] = set()

    log = RequestLog(keeps_texts=document.get("keep_prompts", False))

    def health() -> dict[str, Any]:
        ordered = orders(options)
        states = ordered.get("states", {})
        answer = {
            "status": "ok",
            "device": options.device,
            "requested_device": document["device"],
            "used_device": document["device"],
            "device_name": "Stand-in",
            "fallback_reason": None,
            "pid": os.getpid(),
            "uptime_seconds": 1.0,
            "active_requests": 0,
            "queued_requests": 0,
            "generated_tokens": int((time.monotonic() - started) * ordered.get("tokens_per_second", 0)),
            "models": [
                {"id": id, "public_id": f"{options.device}-{id}", "state": "ready" if id in loaded else "unloaded"}
                | {
                    "instances": int(id in loaded),
                    "active": 0,
                    "queued": 0,
                    "max_active": 1,
                    "error": None,
                    "error_phrase": None,
                }
                | {"pipeline": "continuous_batching", "device": document["device"], "fallback_reason": None}
                | {"loading_since": None, "compiling": False, "tokens_per_second": None, "evicted_prompts": 0}
                | states.get(id, {})
                for id in models
            ],
        }
        return answer | ordered.get("health", {})

    def memory() -> dict[str, Any]:
        answer = {"device": options.device, "memory": "system", "total_bytes": 32 * GIB, "available_bytes": 20 * GIB}
        answer |= {"limit_bytes": 32 * GIB, "reserved_bytes": 0, "elsewhere_bytes": 0, "used_bytes": 2 * GIB}
        ordered = orders(options).get("memory", {})
        models = [_MODEL_MEMORY | model for model in ordered.get("models", [])]
        for model in models:
            model["instances"] = [_INSTANCE | instance for instance in model["instances"]]
        return answer | {"measured": True} | ordered | {"models": models}

    async def live(request: Request) -> Response:
        activity = msgspec.to_builtins(log.report(int(request.query_params["since"])))
        ordered = orders(options).get("activity", {})
        activity["running"] += [_REQUEST | entry for entry in ordered.get("running", [])]
        if request.query_params["since"] == "0":
            activity["ended"] = [_REQUEST | entry for entry in ordered.get("ended", [])] + activity["ended"]
        return JSONResponse({"health": health(), "memory": memory(), "activity": activity})

    async def chat(request: Request) -> Response:
        """The ordered deltas, or the question again; "endless" never comes to an end by itself. Pictures are refused
        where that is ordered."""
        body = await request.json()
        ordered = orders(options).get("chat", {})
        note_model(body["model"])
        note_prompt(str(body["messages"][-1]["content"]))
        timings = Timings(time.monotonic(), prompt_tokens=11)
        note_work(timings)
        die_where_ordered(Path(options.data_dir, ordered.get("die_once", "never")))
        if ordered.get("refuse_pictures") and "image_url" in json.dumps(body["messages"]):
            return JSONResponse({"error": {"message": "The picture is damaged.", "type": "stand_in"}}, status_code=400)
        if "error" in ordered:
            return JSONResponse({"error": {"message": ordered["error"], "type": "stand_in"}}, status_code=503)

        async def answer() -> AsyncIterator[str]:
            echo = [{"content": "You said: "}, {"content": str(body["messages"][-1]["content"])}]
            for delta in ordered.get("deltas", echo):
                _count(timings)
                yield _event({"choices": [{"index": 0, "delta": delta}]})
                await asyncio.sleep(ordered.get("pause", 0))
            while ordered.get("endless"):
                _count(timings)
                yield _event({"choices": [{"index": 0, "delta": {"content": "more "}}]})
                await asyncio.sleep(0.02)
            finish = ordered.get("finish", "stop")
            yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
            yield _event({"choices": [], "usage": {"completion_tokens": 7}})
            yield "data: [DONE]\n\n"

        say("INFO", f"chat {json.dumps(body, ensure_ascii=False)}")
        note_answer("You said so.")
        return StreamingResponse(answer(), media_type="text/event-stream")

    async def draw(request: Request) -> Response:
        """A picture in four steps, halfway to be seen."""
        body = await request.json()
        say("INFO", f"draw {json.dumps(body, ensure_ascii=False)}")

        async def answer() -> AsyncIterator[str]:
            for step in range(1, 5):
                yield f": step {step} of 4\n\n"
                if step == 2:
                    yield _event({"type": "image_generation.partial_image", "b64_json": PICTURE})
                await asyncio.sleep(orders(options).get("draw", {}).get("pause", 0))
            yield _event({"type": "image_generation.completed", "b64_json": PICTURE, "seed": 1})

        return StreamingResponse(answer(), media_type="text/event-stream")

    async def speak(request: Request) -> Response:
        """A fifth of a second of silence, in pieces that cut a sample in half."""
        say("INFO", f"speak {json.dumps(await request.json(), ensure_ascii=False)}")

        async def answer() -> AsyncIterator[bytes]:
            for piece in (b"\0" * 4799, b"\0" * 4801):
                yield piece

        return StreamingResponse(answer(), media_type="audio/pcm")

    async def voices(request: Request) -> Response:
        names = orders(options).get("voices", ["default"])
        return JSONResponse({"voices": [{"id": name, "name": name, "model": "org/voice"} for name in names]})

    async def transcribe(request: Request) -> Response:
        """Tells what kind of file has come."""
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            begin = (await file.read())[:4].hex()
            return JSONResponse({"text": f" A {file.content_type} beginning with {begin}."})

    async def preload(request: Request) -> Response:
        if refusal := orders(options).get("refuse_to_load"):
            return JSONResponse({"error": refusal}, status_code=503)
        loaded.add(request.path_params["model"])
        return JSONResponse({"instances": 1})

    async def cleanup(request: Request) -> Response:
        loaded.discard(request.query_params["model"])
        return JSONResponse({"unloaded": 1})

    middleware = [Middleware(RequestId), Middleware(RecordRequests, log=log, is_recorded=lambda path: "/v1/" in path)]
    return Starlette(
        middleware=middleware,
        routes=[
            Route("/model/preload/{model:path}/1", preload, methods=["POST"]),
            Route("/model/cleanup", cleanup, methods=["POST"]),
            Route("/live", live),
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/images/generations", draw, methods=["POST"]),
            Route("/v1/audio/speech", speak, methods=["POST"]),
            Route("/v1/audio/voices", voices),
            Route("/v1/audio/transcriptions", transcribe, methods=["POST"]),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--device", "--config", "--data-dir", "--host", "--log-level"):
        parser.add_argument(name)
    parser.add_argument("--port", type=int)
    parser.add_argument("--admin-port", type=int)
    parser.add_argument("--fd", type=int, action="append", default=[])
    options = parser.parse_args()
    refusal = orders(options).get("refuse_to_start")
    if refusal:
        say("ERROR", refusal)
        sys.exit(3)
    server = uvicorn.Server(uvicorn.Config(make_app(options), log_level="warning"))
    sockets = [socket.socket(fileno=fd) for fd in options.fd] or open_listeners(options.host, options.port)

    def stop() -> None:
        server.should_exit = True

    watch_stdin(stop)
    say("INFO", f"{options.device} listens on port {options.port}")
    asyncio.run(server.serve(sockets=sockets))


if __name__ == "__main__":
    main()
