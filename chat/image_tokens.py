"""How much of the context images and videos take, before their model has looked at them."""

from dataclasses import dataclass

from instances.protocol import Image, Video


@dataclass(frozen=True)
class _Cost:
    """`base` tokens for each image and, where the family's images are of any size, one more for so many pixels, up to
    `most` in all."""

    base: int
    pixels_a_token: int | None = None
    most: int | None = None

    def of(self, width: int, height: int) -> int:
        if self.pixels_a_token is None:
            return self.base
        tokens = self.base - (-width * height // self.pixels_a_token)
        return min(tokens, self.most or tokens)


# By `model_type` in config.json, from the families' own preprocessing: rather too much than too little.
_COSTS = {
    "llava": _Cost(580),
    "llava-qwen2": _Cost(732),
    "llava_next": _Cost(2930),
    "llava_next_video": _Cost(2930),
    "phi3_v": _Cost(2520),
    "minicpmv": _Cost(900),
    "minicpmo": _Cost(900),
    "gemma3": _Cost(262),
    "gemma3n": _Cost(262),
    "gemma4": _Cost(1130),
    # Squares of 448 pixels and 256 tokens, of which the closest shape may take twice the image's area.
    "internvl_chat": _Cost(264, 392, 3340),
    "qwen2_vl": _Cost(32, 784),
    "qwen2_5_vl": _Cost(32, 784),
    "qwen3_vl": _Cost(64, 1024),
    "qwen3_5": _Cost(64, 1024),
    "qwen3_5_moe": _Cost(64, 1024),
}
_UNKNOWN = _Cost(576, 784)
# For each frame of a video. Qwen's models see two frames as one.
_VIDEO_COSTS = {
    "llava_next_video": _Cost(160),
    "qwen2_vl": _Cost(68, 1568),
    "qwen2_5_vl": _Cost(68, 1568),
    "qwen3_vl": _Cost(16, 2048),
    "qwen3_5": _Cost(16, 2048),
    "qwen3_5_moe": _Cost(16, 2048),
    "gemma4": _Cost(90),
    "muse_glimmer": _Cost(170),
    "videochat_flash_qwen": _Cost(80),
}
_UNKNOWN_VIDEO = _Cost(68, 1568)


def expected_tokens(image: Image, model_type: str | None) -> int:
    """An estimate; the pipeline tells the real figure when the answer is there."""
    return _COSTS.get(model_type or "", _UNKNOWN).of(image.width, image.height)


def expected_video_tokens(video: Video, model_type: str | None) -> int:
    """As `expected_tokens`."""
    return video.frames * _VIDEO_COSTS.get(model_type or "", _UNKNOWN_VIDEO).of(video.width, video.height)
