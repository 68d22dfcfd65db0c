"""Short texts and long ones are encoded by different libraries; nobody may notice."""

from pathlib import Path

import openvino_genai as genai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.tokenizer import ChatTokenizer

ROOT = Path(__file__).parent.parent.parent
DIRECTORIES = [ROOT / "tests" / "models" / "test_chat", ROOT / "models" / "demo_server-guide"]
TOKENIZERS = {path.name: (ChatTokenizer(path), genai.Tokenizer(path)) for path in DIRECTORIES}
PIECES = st.sampled_from(
    [
        "<|im_start|>user\n",
        "<|im_end|>\n",
        "<tool_call>",
        " ",
        "  \n\n",
        "OpenVINO",
        "什麼是",
        "？",
        "don't",
        "123",
        "é",
        "👩‍💻",
        "\t",
    ]
)


@pytest.mark.parametrize("name", TOKENIZERS)
@given(st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=20).map("".join))
def test_short_texts_get_the_ids_of_the_library(name: str, text: str) -> None:
    ours, library = TOKENIZERS[name]
    assert ours.encode(text) == library.encode(text, add_special_tokens=False).input_ids.data[0].tolist()


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_long_text_reads_as_before(name: str) -> None:
    ours, _ = TOKENIZERS[name]
    text = "OpenVINO 多模型 server. " * 500
    assert ours.decode(ours.encode(text)) == text
