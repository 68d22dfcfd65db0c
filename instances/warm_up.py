"""What generating pipelines are warmed up with."""

from instances.protocol import Generate, GenerationParams, Image, MultimodalPrompt, image_tag

_PIXELS = 56
_SAMPLING = GenerationParams(max_tokens=2, ignore_eos=True)


def warm_up_prompt(request_id: int) -> Generate:
    return Generate(request_id, [0, 1, 2, 3], _SAMPLING)


def warm_up_picture(request_id: int) -> Generate:
    """For models that see."""
    image = Image(_PIXELS, _PIXELS, bytes(3 * _PIXELS**2))
    return Generate(request_id, [], _SAMPLING, MultimodalPrompt(image_tag(0), [image], 0))
