"""Builds the demo model's draft: a smaller model of the same corpus and tokenizer, int8, in the demo model's folder.

Run from the project root with the packages of tools/requirements.txt: python tools/build_demo_draft.py
"""

import argparse
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path

import nncf
import torch
from demo.conversations import Corpus
from demo.export import export
from demo.markup import END, END_OF_TEXT
from demo.rendering import Example, Renderer
from demo.tokenizer import for_transformers
from demo.training import DRAFT, Plan, new_model, train
from tokenizers import Tokenizer

MODEL = Path(__file__).resolve().parent.parent / "models" / "demo_server-guide"
CONTEXT_LENGTH = 2048
DRAFTED_TOKENS = 12
"""At a time: the quickest of 3, 5, 8 and 12 (docs/benchmarks.md)."""
_NOT_NEEDED = ("tokenizer.json", "tokenizer_config.json")
"""The server reads the tokenizer of the model that is drafted for; the library those of OpenVINO in both folders."""


def examples(corpus: Corpus, renderer: Renderer, seed: int) -> Iterator[Example]:
    random_ = random.Random(seed)
    drawn = (renderer.example(corpus.draw(random_), random_) for _ in itertools.count())
    return (example for example in drawn if len(example[0]) <= CONTEXT_LENGTH)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=35, help="length of the training (default: 35)")
    parser.add_argument("--steps", type=int, help="train for so many steps instead; repeatable with the same seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=MODEL / "draft")
    parser.add_argument("--checkpoint", type=Path, help="keep the PyTorch weights in this file, from time to time")
    parser.add_argument("--export", action="store_true", help="export the checkpoint as it is, without training")
    options = parser.parse_args()

    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    end_id = tokenizer.token_to_id(END)
    assert end_id is not None
    model = new_model(tokenizer.get_vocab_size(), CONTEXT_LENGTH, end_id, options.seed, shape=DRAFT)
    print(f"{model.num_parameters():,} parameters, {tokenizer.get_vocab_size()} tokens", flush=True)

    def report(line: str) -> None:
        print(line, flush=True)
        if options.checkpoint:
            torch.save(model.state_dict(), options.checkpoint)

    if options.export:
        model.load_state_dict(torch.load(options.checkpoint))
    else:
        began = time.monotonic()
        plan = Plan(minutes=options.minutes, steps=options.steps)
        source = examples(Corpus(), Renderer(tokenizer, tokenizer), options.seed * 1000)
        steps = train(model, source, plan, report=report)
        report(f"{steps} steps in {(time.monotonic() - began) / 60:.1f} minutes")
    ends = [tokenizer.token_to_id(token) for token in (END, END_OF_TEXT)]
    model.generation_config.update(eos_token_id=ends, pad_token_id=ends[1], do_sample=False)
    model.generation_config.num_assistant_tokens = DRAFTED_TOKENS
    wrapped = for_transformers(tokenizer, CONTEXT_LENGTH)
    export(model, wrapped, options.output, kv_cache="f16", mode=nncf.CompressWeightsMode.INT8_SYM)
    for name in _NOT_NEEDED:
        (options.output / name).unlink(missing_ok=True)
    size = sum(path.stat().st_size for path in options.output.iterdir())
    print(f"exported to {options.output.name}: {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
