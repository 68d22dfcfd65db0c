"""The text of a file that somebody attaches to a message: plain text of any kind, or a PDF."""

from __future__ import annotations

import asyncio
import codecs
import json
from asyncio.subprocess import DEVNULL, PIPE

import msgspec

from saved_chats.errors import UnreadableFile
from supervision.environment import child_environment
from supervision.python import python_command
from supervision.spawn import spawn_process

MAX_FILE_BYTES = 20_000_000
MAX_CHARACTERS = 200_000
"""Some 50,000 tokens of English, and more of Chinese: beyond that few models here have a context for it."""
MAX_PAGES = 500
PDF_SECONDS = 30.0
_MOST_AT_ONCE = 2
_ENCODINGS = ("utf-8-sig", "cp950", "gb18030")
"""As texts are saved where this page is read; each is strict, so that the next one is tried."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class FileText(msgspec.Struct):
    """`pages` of a PDF, else null. `cut`: there was more than is taken."""

    text: str
    pages: int | None
    cut: bool


class FileReader:
    def __init__(self, *, pdf_seconds: float = PDF_SECONDS) -> None:
        self._pdf_seconds = pdf_seconds
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)

    async def read(self, data: bytes) -> FileText:
        """Raises `UnreadableFile`."""
        if not data:
            raise UnreadableFile("empty")
        if len(data) > MAX_FILE_BYTES:
            raise UnreadableFile("too_large", most=f"{MAX_FILE_BYTES / 1e6:g}")
        if data[:1024].lstrip().startswith(b"%PDF-"):
            async with self._turns:
                return await self._read_pdf(data)
        return await asyncio.to_thread(plain_text, data)

    async def _read_pdf(self, data: bytes) -> FileText:
        command = python_command("-m", "saved_chats.pdf_text", str(MAX_PAGES), str(MAX_CHARACTERS))
        process = await spawn_process(
            command, environment=child_environment(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, own_group=True
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(data), self._pdf_seconds)
        except asyncio.TimeoutError as error:
            raise UnreadableFile("slow") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            found = json.loads(output)
        except ValueError as error:  # it died: of the bound on its memory, or of a fault in the parser
            raise UnreadableFile("broken") from error
        if "problem" in found:
            raise UnreadableFile(found["problem"])
        return FileText(_writable(found["text"]), found["pages"], found["cut"])


def plain_text(data: bytes) -> FileText:
    """Raises `UnreadableFile` for what is no text."""
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    for encoding in (marked,) if marked else _ENCODINGS:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _is_text(text):
            text = text.replace("\r\n", "\n")
            return FileText(_writable(text[:MAX_CHARACTERS]), None, len(text) > MAX_CHARACTERS)
    raise UnreadableFile("no_text")


def _is_text(text: str) -> bool:
    """Whether it holds no control characters but those of a terminal's log."""
    return not any(ord(character) < 32 and character not in "\t\n\r\f\x08\x1b" for character in text[:100_000])


def _writable(text: str) -> str:
    """Without halves of characters, which no JSON of ours takes, and without NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
