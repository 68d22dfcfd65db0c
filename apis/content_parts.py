"""Parts of a message's content that cannot be taken."""

from web.errors import InvalidRequest


def unsupported_part(kind: str, taken: str, where: str) -> InvalidRequest:
    """A refusal that says where such a part can go instead. `taken`: what can be given; `where`: the field."""
    elsewhere = ""
    if "audio" in kind:
        elsewhere = " No model here hears in a conversation: /v1/audio/transcriptions writes a recording down."
    elif "video" in kind and "video" not in taken:
        elsewhere = " /v1/chat/completions takes videos, as video_url, for models that do."
    return InvalidRequest(f"'{kind}' parts are not supported: give {taken}.{elsewhere}", param=where)
