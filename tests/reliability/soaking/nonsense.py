"""What no client should send: every piece must be refused with a status from 400 to 499."""

import json


def _chat(**changes: object) -> bytes:
    body: dict[str, object] = {"model": "demo/server-guide", "messages": [{"role": "user", "content": "hi"}]}
    return json.dumps({**body, **changes}).encode()


_LONG = _chat(messages=[{"role": "user", "content": "word " * 20_000}])

NONSENSE: tuple[tuple[str, str, bytes], ...] = (
    ("POST", "/v1/chat/completions", b""),
    ("POST", "/v1/chat/completions", b"{"),
    ("POST", "/v1/chat/completions", b"\xff\xfe\x00"),
    ("POST", "/v1/chat/completions", b"[" * 100_000),
    ("POST", "/v1/chat/completions", _chat(model="no/such")),
    ("POST", "/v1/chat/completions", _chat(messages=[])),
    ("POST", "/v1/chat/completions", _chat(max_tokens=-2)),
    ("POST", "/v1/chat/completions", _chat(temperature="hot")),
    ("POST", "/v1/chat/completions", _chat(response_format={"type": "no such"})),
    ("POST", "/v1/chat/completions", _chat(guided_regex="(" * 50)),
    ("POST", "/v1/chat/completions", _LONG),
    ("POST", "/v1/messages", _LONG),
    ("POST", "/v1/messages", _chat()),
    ("POST", "/api/chat", b"null"),
    ("POST", "/api/generate", b'{"model": "demo/server-guide", "prompt": 7}'),
    ("POST", "/v1/embeddings", _chat(input="a lamp")),
    ("POST", "/model/preload/no/such/1", b""),
    ("GET", "/v1/models/no/such", b""),
    ("GET", "/no/such", b""),
    ("GET", "/%00", b""),
    ("GET", "/v1/models/..%2f..%2fetc%2fpasswd", b""),
    ("DELETE", "/v1/chat/completions", b""),
)
PAGE_NONSENSE: tuple[tuple[str, str, bytes], ...] = (
    ("POST", "/api/update_config", b"{"),
    ("POST", "/api/update_config", b'{"device": "no such"}'),
    ("POST", "/api/pull_model", b'{"model_id": "../../etc/passwd"}'),
    ("DELETE", "/api/pull_jobs/none", b""),
    ("DELETE", "/api/local_models/no/such", b""),
    ("GET", "/api/logs/none", b""),
    ("GET", "/no/such", b""),
    ("GET", "/static/..%2f..%2fadmin_server.py", b""),
)
HALVES = (
    b"",
    b"G",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)
