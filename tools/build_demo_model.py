"""Builds the bundled demo model: corpus → tokenizer → training → int8 OpenVINO IR in models/demo_server-guide.

Run from the project root with the packages of tools/requirements.txt: python tools/build_demo_model.py
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nncf
import torch
from demo.conversations import Corpus
from demo.export import export, write_json
from demo.markup import END, END_OF_TEXT
from demo.rendering import Example, Renderer, check_against_template
from demo.tokenizer import for_transformers, train_tokenizer, with_dropout
from demo.training import Plan, new_model, train
from tokenizers import Tokenizer
from transformers import Qwen2ForCausalLM

PROJECT = Path(__file__).resolve().parent.parent
CONTEXT_LENGTH = 2048
MODEL_ID = "demo/server-guide"


def examples(corpus: Corpus, renderer: Renderer, seed: int) -> Iterator[Example]:
    random_ = random.Random(seed)
    while True:
        example = renderer.example(corpus.draw(random_), random_)
        if len(example[0]) <= CONTEXT_LENGTH:
            yield example


def run(rank: int, options: argparse.Namespace, meeting_point: str) -> None:
    """One training process; the first also reports and exports."""
    if options.processes > 1:
        torch.distributed.init_process_group("gloo", f"file://{meeting_point}", rank=rank, world_size=options.processes)
    corpus = Corpus()
    if options.resume:
        tokenizer = Tokenizer.from_file(str(options.resume / "tokenizer.json"))
    else:
        tokenizer = train_tokenizer(corpus.texts(), options.vocabulary)
    wrapped = for_transformers(tokenizer, CONTEXT_LENGTH)
    check_random = random.Random(options.seed)
    for _ in range(300):
        check_against_template(corpus.draw(check_random), wrapped)
    end_id = tokenizer.token_to_id(END)
    assert end_id is not None
    model = new_model(tokenizer.get_vocab_size(), CONTEXT_LENGTH, end_id, options.seed)
    if options.resume:
        model.load_state_dict(torch.load(options.resume / "weights.pt"))

    def report(line: str) -> None:
        if rank == 0:
            print(line, flush=True)
            if options.checkpoint:
                keep(model, tokenizer, options.checkpoint)

    report(f"{model.num_parameters():,} parameters, {tokenizer.get_vocab_size()} tokens")
    plan = Plan(minutes=options.minutes, steps=options.steps, peak_rate=options.peak_rate)
    renderer = Renderer(tokenizer, with_dropout(tokenizer, 0.1))
    began = time.monotonic()
    steps = train(model, examples(corpus, renderer, options.seed * 1000 + rank), plan, report=report)
    report(f"{steps} steps in {(time.monotonic() - began) / 60:.1f} minutes")
    if rank == 0:
        save(model, tokenizer, options)


def keep(model: Qwen2ForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), folder / "weights.pt")
    tokenizer.save(str(folder / "tokenizer.json"))


def save(model: Qwen2ForCausalLM, tokenizer: Tokenizer, options: argparse.Namespace) -> None:
    ends = [tokenizer.token_to_id(token) for token in (END, END_OF_TEXT)]
    model.generation_config.update(eos_token_id=ends, pad_token_id=ends[1], do_sample=False)
    wrapped = for_transformers(tokenizer, CONTEXT_LENGTH)
    export(model, wrapped, options.output, kv_cache="f16", mode=nncf.CompressWeightsMode.INT8_SYM)
    write_json(
        options.output / "metadata.json",
        {"model_id": MODEL_ID, "revision": "main", "commit": None, "downloaded_at": None, "source": "bundled"},
    )
    size = sum(path.stat().st_size for path in options.output.iterdir())
    print(f"exported to {options.output.name}: {size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40, help="length of the training (default: 40)")
    parser.add_argument("--steps", type=int, help="train for so many steps instead; repeatable with the same seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=3584)
    parser.add_argument("--processes", type=int, default=2, help="processes that train side by side (default: 2)")
    parser.add_argument("--output", type=Path, default=PROJECT / "models" / "demo_server-guide")
    parser.add_argument(
        "--checkpoint", type=Path, help="keep the PyTorch weights here, from time to time and at the end"
    )
    parser.add_argument("--resume", type=Path, help="train on from the weights and tokenizer of this checkpoint")
    parser.add_argument("--peak-rate", type=float, default=3e-3, help="highest learning rate (default: 3e-3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(run, (options, str(Path(folder, "meeting_point"))), nprocs=options.processes)


if __name__ == "__main__":
    main()
