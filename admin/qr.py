"""QR codes, as images that stand in the page itself."""

from __future__ import annotations

import segno


def qr_image(text: str) -> str:
    """A data URI; dark on light whatever the theme, as not every camera reads the reverse."""
    return segno.make(text, error="m", micro=False).svg_data_uri(scale=4, border=3, light="#fff", dark="#000")
