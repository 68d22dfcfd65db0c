"""What images are expected to take of the context."""

import pytest

from chat.image_tokens import expected_tokens
from instances.protocol import Image


@pytest.mark.parametrize(
    ("model_type", "size", "tokens"),
    [
        ("llava", (2048, 2048), 580),
        ("gemma3", (10, 10), 262),
        ("qwen2_vl", (280, 280), 132),
        ("qwen2_vl", (281, 280), 133),
        ("internvl_chat", (448, 448), 776),
        ("internvl_chat", (2048, 2048), 3340),
        ("of_tomorrow", (28, 28), 577),
        (None, (28, 28), 577),
    ],
)
def test_every_family_has_its_way(model_type: str | None, size: tuple[int, int], tokens: int) -> None:
    assert expected_tokens(Image(*size, b""), model_type) == tokens
