"""The process that takes the text out of a PDF: `python -m saved_chats.pdf_text PAGES CHARACTERS`, the file as its
standard input, one JSON document as its output.

A PDF may take a parser any time and any memory: that is why this is a process of its own.
"""

from __future__ import annotations

import json
import logging
import sys
from io import BytesIO
from typing import Any

MEMORY_BYTES = 1_000_000_000


def text_of(data: bytes, most_pages: int, most_characters: int) -> dict[str, Any]:
    """`{"text", "pages", "cut"}`, or `{"problem"}`: the last part of a key `notices.file_…`."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "locked"}
        pages = len(reader.pages)
        texts: list[str] = []
        left = most_characters
        for page in reader.pages[:most_pages]:
            text = page.extract_text().strip()
            texts.append(text[:left])
            left -= len(text)
            if left <= 0:
                break
    except (PyPdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, OSError):
        return {"problem": "broken"}
    except (MemoryError, NotImplementedError, AssertionError):
        return {"problem": "broken"}
    text = "\n\n".join(text for text in texts if text)
    if not text:
        return {"problem": "scanned" if pages else "broken"}
    return {"text": text, "pages": pages, "cut": left < 0 or pages > most_pages}


def bound_memory() -> None:
    """Where the system can (not on Windows)."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def main(arguments: list[str]) -> None:
    bound_memory()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    result = text_of(sys.stdin.buffer.read(), *map(int, arguments))
    # A font may map to halves of characters, which cannot be written down.
    sys.stdout.buffer.write(json.dumps(result).encode("ascii"))


if __name__ == "__main__":
    main(sys.argv[1:])
