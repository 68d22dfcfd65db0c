"""A model that knows nothing: every token is equally likely, so that only a grammar shapes what it says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import openvino_genai as genai
import pytest

from chat.tokenizer import ChatTokenizer
from instances.grammar_worker import weightless_model
from instances.protocol import Structure
from instances.sampling import structured_output

CHAT_MODEL = Path(__file__).parent.parent / "models" / "test_chat"
Sample = Callable[[Structure, int], "str | None"]


@pytest.fixture(scope="session")
def sample() -> Sample:
    """A random sentence of a grammar by a seed; None for one without an end within 600 tokens, or no text."""
    tokenizer = genai.Tokenizer(CHAT_MODEL)
    config = genai.GenerationConfig()
    config.set_eos_token_id(tokenizer.get_eos_token_id())
    xml, weights = weightless_model(len(tokenizer.get_vocab()))
    pipeline = genai.LLMPipeline(xml, weights, tokenizer, "CPU", config, ATTENTION_BACKEND="SDPA")
    decode = ChatTokenizer(CHAT_MODEL).decode

    def draw(structure: Structure, seed: int) -> str | None:
        config = pipeline.get_generation_config()
        config.max_new_tokens, config.do_sample, config.rng_seed = 600, True, seed
        config.structured_output_config = structured_output(structure)
        prompt = np.zeros((1, 1), dtype=np.int64)
        inputs = genai.TokenizedInputs(ov.Tensor(prompt), ov.Tensor(np.ones_like(prompt)))
        results = pipeline.generate(inputs, config)
        ended = genai.GenerationFinishReason.STOP in results.finish_reasons
        answer = decode([int(token) for token in results.tokens[0]])
        # Random bytes make up code points that are no characters, whose decoding has no certain length.
        return answer if ended and "\ufffd" not in answer else None

    return draw
