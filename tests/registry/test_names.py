"""What people copy from the hub, as the id and the revision that are meant."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidModelName
from registry.names import check_model_id, parse_reference

ID = "OpenVINO/Qwen3-8B-int4-ov"
GGUF = "unsloth/Qwen3-0.6B-GGUF"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (ID, (ID, None)),
        (f"  {ID}\n", (ID, None)),
        (f"{GGUF}:Q8_0", (f"{GGUF}:Q8_0", None)),
        (f"https://huggingface.co/{ID}", (ID, None)),
        (f"http://hf.co/{ID}/", (ID, None)),
        (f"huggingface.co/{ID}?library=openvino#files", (ID, None)),
        (f"https://huggingface.co/{ID}/tree/main", (ID, None)),
        (f"https://huggingface.co/{ID}/tree/v1.0/sub", (ID, "v1.0")),
        (f"https://huggingface.co/{GGUF}/blob/main/Qwen3-0.6B-Q8_0.gguf", (f"{GGUF}:Qwen3-0.6B-Q8_0.gguf", None)),
        (f"https://mirror.example/{ID}/resolve/abc123/config.json", (ID, "abc123")),
        (f"https://www.modelscope.cn/models/{ID}/files", (ID, None)),
        ("https://huggingface.co/models", ("https://huggingface.co/models", None)),
        ("not a name", ("not a name", None)),
    ],
)
def test_ids_and_addresses(text: str, meant: tuple[str, str | None]) -> None:
    assert parse_reference(text) == meant


PART = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._]{0,20}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda part: part != "models"
)


@given(PART, PART, st.sampled_from(["", "/", "/tree/main", "?x=1", "#top", "/blob/main/README.md"]))
def test_every_address_of_a_model_means_the_model(organisation: str, name: str, rest: str) -> None:
    model_id = f"{organisation}/{name}"
    assert parse_reference(f"https://huggingface.co/{model_id}{rest}")[0] == model_id


@given(st.text(max_size=60))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    model_id, _ = parse_reference(text)
    with contextlib.suppress(InvalidModelName):
        check_model_id(model_id)
