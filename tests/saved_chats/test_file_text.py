"""Text comes out of text files in any usual encoding and out of PDFs, within bounds; nothing else does harm."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from saved_chats.errors import UnreadableFile
from saved_chats.file_text import MAX_CHARACTERS, MAX_FILE_BYTES, FileReader, plain_text


def make_pdf(*pages: str) -> bytes:
    """Written by hand: one page for each text, in a font that every reader has."""
    objects: list[bytes] = [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids: list[int] = []
    for text in pages:
        stream = f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode("latin-1")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent PARENT /MediaBox [0 0 595 842] /Contents %d 0 R"
            b" /Resources << /Font << /F1 1 0 R >> >> >>" % len(objects)
        )
        kids.append(len(objects))
    parent = len(objects) + 1
    objects.append(b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids)))
    objects.append(b"<< /Type /Catalog /Pages %d 0 R >>" % parent)
    data = b"%PDF-1.4\n"
    places: list[int] = []
    for number, content in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content.replace(b"PARENT", b"%d 0 R" % parent))
    table = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    return data + b"trailer << /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        table,
    )


async def problem(data: bytes, **options: float) -> str:
    with pytest.raises(UnreadableFile) as caught:
        await FileReader(**options).read(data)
    return caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp950"])
async def test_text_in_the_encodings_of_this_part_of_the_world(encoding: str) -> None:
    text = "第一行：模型伺服器\r\n第二行\tabc"
    read = await FileReader().read(text.encode(encoding))
    assert (read.text, read.pages, read.cut) == (text.replace("\r\n", "\n"), None, False)


@given(st.binary(max_size=200))
def test_no_bytes_do_harm(data: bytes) -> None:
    try:
        read = plain_text(data)
    except UnreadableFile:
        return
    read.text.encode("utf-8")
    assert "\0" not in read.text


async def test_long_text_is_cut() -> None:
    read = await FileReader().read(b"x" * (MAX_CHARACTERS + 1))
    assert (len(read.text), read.cut) == (MAX_CHARACTERS, True)


async def test_what_is_no_text_is_said() -> None:
    assert "empty" in await problem(b"")
    assert "no readable text" in await problem(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    assert "larger than 20 MB" in await problem(b"x" * (MAX_FILE_BYTES + 1))


async def test_the_pages_of_a_pdf() -> None:
    read = await FileReader().read(make_pdf("Invoice 42", "Second page"))
    assert (read.text, read.pages, read.cut) == ("Invoice 42\n\nSecond page", 2, False)


async def test_pdfs_that_cannot_be_read() -> None:
    good = make_pdf("words")
    assert "damaged" in await problem(b"%PDF-1.7\nnothing of the kind")
    assert "damaged" in await problem(good[: len(good) // 4])
    assert "only images" in await problem(make_pdf(""))
    writer = PdfWriter(PdfReader(BytesIO(good)))
    writer.encrypt("secret", algorithm="RC4-128")
    locked = BytesIO()
    writer.write(locked)
    assert "password" in await problem(locked.getvalue())


async def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    assert "too long" in await problem(make_pdf("words"), pdf_seconds=0.0)
