"""Images and videos in a conversation: as clients send them, and as the pixels that a model looks at."""

import asyncio
import base64
import binascii
import hashlib
import io
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from PIL import Image as Pillow
from PIL import ImageOps

from chat.image_tokens import expected_tokens, expected_video_tokens
from chat.videos import UnusableVideo, is_video, read_video
from instances.protocol import Image, MultimodalPrompt, Video, image_tag, video_tag
from web.errors import InvalidRequest
from web.public_fetch import FetchFailed, PublicFetch

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 64_000_000
MAX_IMAGES = 32
MAX_VIDEOS = 4
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_LONGEST_EDGE = 2048
_LONGEST_EDGE_LOW_DETAIL = 512
_VIDEOS_AT_ONCE = 2
_SOUNDS = (b"ID3", b"fLaC", b"OggS", b"\xff\xfb")
_DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """An image of a message, or a video. `url` is a data URL or where it lies, `where` the field of the request it came
    in.

    `marker` stands for it in the message's text, so that it keeps its place whatever is done to the text.
    """

    url: str
    where: str
    low_detail: bool = False
    video: bool = False

    @cached_property
    def marker(self) -> str:
        return f"<picture {hashlib.sha256(f'{self.low_detail} {self.video} {self.url}'.encode()).hexdigest()}>"


def picture_of_base64(data: str, where: str) -> Picture:
    """From an API that sends the bytes alone; a data URL is taken too."""
    return Picture(data if _DATA_URL.match(data) else f"data:image;base64,{data}", where)


def text_of(pieces: Iterable[str | Picture]) -> str:
    """Pieces of a message as one text, with markers for the pictures."""
    return "".join(piece if isinstance(piece, str) else piece.marker for piece in pieces)


def place(prompt: str, pictures: Sequence[Picture]) -> tuple[str, list[Picture]]:
    """The prompt with a tag for each marker, and the pictures in the order of the tags. A picture that the
    template has left out is left out."""
    known = {picture.marker: picture for picture in pictures}
    if not known:
        return prompt, []
    shown: list[Picture] = []

    def tag(match: re.Match[str]) -> str:
        picture = known[match[0]]
        shown.append(picture)
        index = sum(each.video == picture.video for each in shown) - 1
        return video_tag(index) if picture.video else image_tag(index)

    return re.sub("|".join(re.escape(marker) for marker in known), tag, prompt), shown


@dataclass(frozen=True)
class Prompt:
    """`ids` are those of `text`, in which images have only a tag; `tokens` is what the prompt takes of the context."""

    text: str
    ids: list[int]
    multimodal: MultimodalPrompt | None = None

    @property
    def tokens(self) -> int:
        return self.multimodal.tokens if self.multimodal else len(self.ids)


def prompt_with_images(text: str, ids: list[int], shown: Sequence[Image | Video], model_type: str | None) -> Prompt:
    """The prompt of a vision-language model, with the images and videos that the tags in `text` stand for."""
    images = [each for each in shown if isinstance(each, Image)]
    videos = [each for each in shown if isinstance(each, Video)]
    tokens = len(ids) + sum(expected_tokens(image, model_type) for image in images)
    tokens += sum(expected_video_tokens(video, model_type) for video in videos)
    return Prompt(text, ids, MultimodalPrompt(text, images, tokens, videos))


class PictureLoader:
    """Gets, checks and decodes pictures. Without `fetch`, pictures at a URL are refused."""

    def __init__(self, fetch: PublicFetch | None = None) -> None:
        self._fetch = fetch
        self._decoding_videos = asyncio.Semaphore(_VIDEOS_AT_ONCE)

    async def load(self, pictures: Sequence[Picture]) -> list[Image | Video]:
        """Their pixels, in order. Raises `InvalidRequest`."""
        for most, what, video in ((MAX_IMAGES, "images", False), (MAX_VIDEOS, "videos", True)):
            same = [picture for picture in pictures if picture.video == video]
            if len(same) > most:
                raise InvalidRequest(f"There are {len(same)} {what}; a request may have {most}.", param=same[0].where)
        loaded: dict[Picture, Image | Video] = {}
        for picture in pictures:
            if picture not in loaded:
                loaded[picture] = await self._decoded(picture)
        return [loaded[picture] for picture in pictures]

    async def _decoded(self, picture: Picture) -> Image | Video:
        data = await self._data(picture)
        if not picture.video:
            return await asyncio.to_thread(_decode, data, picture)
        async with self._decoding_videos:
            try:
                return await asyncio.to_thread(read_video, data)
            except UnusableVideo as error:
                raise _refusal(picture, str(error)) from error

    async def _data(self, picture: Picture) -> bytes:
        head = _DATA_URL.match(picture.url)
        if head is not None:
            return await asyncio.to_thread(_from_base64, picture, head.end())
        if not picture.url.lower().startswith(("http://", "https://")):
            raise _refusal(picture, "it is neither a data URL with base64 nor an http or https URL")
        if self._fetch is None:
            raise _refusal(
                picture, "URLs are not fetched here; send it as a data URL, or set allow_image_urls for this device"
            )
        try:
            return await self._fetch.get(picture.url, max_bytes=MAX_BYTES)
        except FetchFailed as error:
            raise _refusal(picture, str(error)) from error


def _from_base64(picture: Picture, begin: int) -> bytes:
    encoded = picture.url[begin:]
    if len(encoded) > MAX_BYTES * 4 // 3 + 4:
        raise _refusal(picture, f"it is larger than {MAX_BYTES >> 20} MiB")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal(picture, "its base64 is not valid") from error


def _decode(data: bytes, picture: Picture) -> Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked here, not by a warning
            with Pillow.open(io.BytesIO(data), formats=_FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise _refusal(picture, f"it has more than {MAX_PIXELS // 10**6} million pixels")
                return _as_pixels(opened, picture)
    except InvalidRequest:
        raise
    except Exception as error:  # whatever a decoder comes to with bytes that are no image
        raise _refusal(picture, f"it is no readable image ({', '.join(_FORMATS)}){_elsewhere(data)}") from error


def _elsewhere(data: bytes) -> str:
    if is_video(data):
        return "; a video goes to /v1/chat/completions, as video_url"
    if data.startswith(_SOUNDS) or data[8:12] == b"WAVE":
        return "; a recording goes to /v1/audio/transcriptions"
    return ""


def _as_pixels(opened: Pillow.Image, picture: Picture) -> Image:
    """Turned as its camera says, on white where it is transparent, and no larger than models make use of."""
    edge = _LONGEST_EDGE_LOW_DETAIL if picture.low_detail else _LONGEST_EDGE
    opened.draft("RGB", (edge, edge))
    upright = ImageOps.exif_transpose(opened)
    if upright.has_transparency_data:
        coloured = upright.convert("RGBA")
        upright = Pillow.new("RGBA", coloured.size, "white")
        upright.alpha_composite(coloured)
    plain = upright.convert("RGB")
    plain.thumbnail((edge, edge), Pillow.Resampling.LANCZOS)
    return Image(plain.width, plain.height, plain.tobytes())


def _refusal(picture: Picture, reason: str) -> InvalidRequest:
    what = "A video" if picture.video else "An image"
    return InvalidRequest(f"{what} cannot be used: {reason}.", param=picture.where)
