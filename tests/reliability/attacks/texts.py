"""Text that is none: invalid UTF-8, halves of surrogate pairs, NUL, in every part of a request."""

import json

from tests.reliability.attacks.attack import Reply, post, send_raw
from tests.reliability.attacks.bodies import CHAT, CONFIG, chat
from tests.support.launch import DEMO_ID

_NO_JSON = (b"\xff\xfe", b"\0", b"{", b"null", b'""')
_MODEL = DEMO_ID.encode()


async def broken_texts(url: str) -> list[Reply]:
    bodies = [chat("A").replace(b"A", b"\xff\xc3\x28"), chat("\ud83d"), chat("\0"), chat("\ufeff"), *_NO_JSON]
    bodies += [chat(stop=["\0"]), chat(stop=["\udc00"]), chat(user="\ud83d"), chat().replace(_MODEL, b"a\xff")]
    replies = await post(url, CHAT, *bodies)
    ollama = {"model": DEMO_ID, "prompt": "\ud83d\0", "stream": False, "options": {"num_predict": 4}}
    replies += await post(url, "/api/generate", json.dumps(ollama).encode(), *_NO_JSON)
    anthropic = {"model": DEMO_ID, "max_tokens": 4, "messages": [{"role": "user", "content": "\udfff\0"}]}
    return replies + await post(url, "/v1/messages", json.dumps(anthropic).encode(), *_NO_JSON)


async def broken_page_texts(url: str) -> list[Reply]:
    texts = ("\0", "\ud83d", "a\0b", "gpu\0")
    bodies = [*_NO_JSON, *(json.dumps({"device": text}).encode() for text in texts), b'{"device": "\xff"}']
    replies = await post(url, CONFIG, *bodies)
    names = [json.dumps({"model_id": f"a/{text}"}).encode() for text in texts]
    replies += await post(url, "/api/pull_model", *_NO_JSON, *names, b'{"model_id": "a/\xff"}')
    paths = [json.dumps({"path": f"/{text}"}).encode() for text in texts]
    return replies + await post(url, "/api/import_model", *_NO_JSON, *paths, b'{"path": "/\xff"}')


async def broken_heads(url: str) -> list[Reply]:
    """The path or the query alone is broken: the answer is a 404, or what the route says without them."""
    host = url.removeprefix("http://").encode()
    lines = [b"GET /" + text + b" HTTP/1.1\r\n" for text in (b"%00", b"%ff", b"%ed%a0%80", b"\xff\xfe", b"a\0b")]
    lines += [b"GET /health?a=" + text + b" HTTP/1.1\r\n" for text in (b"%00", b"%ff", b"%ed%a0%80", b"\xff", b"\0")]
    lines += [b"GET /static/" + text + b" HTTP/1.1\r\n" for text in (b"%00", b"..%2f%00", b"%ff.css")]
    lines += [b"GET /v1/models/" + text + b" HTTP/1.1\r\n" for text in (b"%00", b"a%2F%ff", b"%ed%a0%80")]
    heads = [line + b"Host: " + host + b"\r\n\r\n" for line in lines]
    for text in (b"\xff", b"\0", b"\xed\xa0\x80", b"%00"):
        heads.append(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\nX-Text: a" + text + b"\r\n\r\n")
        heads.append(b"GET /health HTTP/1.1\r\nHost: " + host + b"\r\nAuthorization: Bearer " + text + b"\r\n\r\n")
    return [await send_raw(url, head) for head in heads]
