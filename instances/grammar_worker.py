"""The process that tries grammars out: `python -m instances.grammar_worker`, messages on stdin and stdout.

A grammar is compiled by the sampler at the first token, and one that fails there breaks its pipeline for everybody.
So it is compiled here first, with the model's real tokenizer (compiling takes the longer the larger the vocabulary)
and a network of no weights, which chooses a few random tokens under it. End-of-file on stdin ends the process.
"""

import os
import re
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import BinaryIO

import numpy as np
import openvino as ov
import openvino_genai as genai
import psutil
from openvino import opset13 as ops

from instances.frames import encode_frame, read_frame
from instances.grammar_protocol import CheckGrammar, GrammarVerdict, Started, decode_check
from instances.own_pipes import take_pipes
from instances.protocol import Grammar, Structure
from instances.sampling import structured_output

_TOKENS = 12


class Prober:
    """A tokenizer with a pipeline that samples evenly from its whole vocabulary."""

    def __init__(self, directory: str) -> None:
        tokenizer = genai.Tokenizer(directory)
        self._config = genai.GenerationConfig()
        self._config.set_eos_token_id(tokenizer.get_eos_token_id())
        self._config.max_new_tokens = _TOKENS
        self._config.do_sample = True
        xml, weights = weightless_model(len(tokenizer.get_vocab()))
        self._pipeline = genai.LLMPipeline(
            xml, weights, tokenizer, "CPU", self._config, ATTENTION_BACKEND="SDPA", INFERENCE_NUM_THREADS=1
        )
        self.refusal(Grammar('root ::= "a"'))  # what is made for the first only is no grammar's own cost

    def refusal(self, structure: Structure) -> str | None:
        """Why the grammar cannot be used, or None when it can."""
        config = self._pipeline.get_generation_config()
        config.structured_output_config = structured_output(structure)
        prompt = np.zeros((1, 1), dtype=np.int64)
        inputs = genai.TokenizedInputs(ov.Tensor(prompt), ov.Tensor(np.ones_like(prompt)))
        try:
            self._pipeline.generate(inputs, config)
        except RuntimeError as error:
            return _reason(error)
        return None


def weightless_model(vocabulary: int) -> tuple[str, ov.Tensor]:
    """A language model as XML and weights: every token is equally likely."""
    inputs = [
        ops.parameter(shape, kind, name=name)
        for name, shape, kind in (
            ("input_ids", [-1, -1], np.int64),
            ("attention_mask", [-1, -1], np.int64),
            ("position_ids", [-1, -1], np.int64),
            ("beam_idx", [-1], np.int32),
        )
    ]
    for parameter in inputs:
        parameter.output(0).get_tensor().set_names({parameter.get_friendly_name()})
    width = ops.constant(np.array([vocabulary], dtype=np.int64))
    logits = ops.broadcast(ops.constant(np.float32(0)), ops.concat([ops.shape_of(inputs[0]), width], 0))
    logits.output(0).get_tensor().set_names({"logits"})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        model = ov.Model([ops.result(logits)], inputs, "even")  # pyright: ignore[reportGeneralTypeIssues]
        ov.save_model(model, path, compress_to_fp16=False)
        weights = np.fromfile(path.with_suffix(".bin"), dtype=np.uint8)
        return path.read_text(encoding="utf-8"), ov.Tensor(weights)


def _reason(error: RuntimeError) -> str:
    # Native errors read "[time] file:line: Check failed: (condition) is false: what was wrong".
    last = str(error).strip().splitlines()[-1]
    return re.sub(r"^\[[\d:]+\] \S+\.cc:\d+: |Check failed: \(.*?\) is false: ", "", last).strip()


def serve(commands: BinaryIO, replies: BinaryIO) -> None:
    """Answer checks in order until the input ends."""
    inbox: SimpleQueue[CheckGrammar] = SimpleQueue()
    threading.Thread(target=_read, args=(commands, inbox), daemon=True).start()
    probers: dict[str, Prober] = {}
    memory = psutil.Process().memory_info
    while True:
        check, grown = inbox.get(), 0
        try:
            prober = probers.get(check.directory) or Prober(check.directory)
            probers[check.directory] = prober
            _send(replies, Started(check.id))
            before = memory().rss
            refusal = prober.refusal(check.structure)
            grown = max(0, memory().rss - before)
        except Exception as error:
            refusal = f"The grammar could not be tried: {error}"
        _send(replies, GrammarVerdict(check.id, refusal, grown))


def _read(commands: BinaryIO, inbox: SimpleQueue[CheckGrammar]) -> None:
    while (payload := read_frame(commands)) is not None:
        check = decode_check(payload)
        inbox.put(check)
    os._exit(0)  # also in the middle of a compilation


def _send(replies: BinaryIO, message: Started | GrammarVerdict) -> None:
    replies.write(encode_frame(message))
    replies.flush()


def main() -> None:
    # Compiling takes every core for its time; the models' answers come first.
    psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else 10)
    serve(*take_pipes())


if __name__ == "__main__":
    main()
