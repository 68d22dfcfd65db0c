"""Training the small language model on the assistant's words only."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import distributed
from torch.nn import functional
from transformers import Qwen2Config, Qwen2ForCausalLM

from .rendering import Example

_LENGTHS = (40, 48, 64, 80, 96, 128, 160, 192, 224, 256, 320, 384, 512, 768, 1024, 1536, 2048)
"""Padded lengths of batches, in tokens."""
_IGNORED = -100
_ROUND = 8
"""Steps between two averagings of the processes' weights."""


@dataclass(frozen=True)
class Plan:
    minutes: float
    """Wall-clock length of the run; the learning rate falls along it. Ignored when `steps` is given."""
    steps: int | None = None
    tokens_per_batch: int = 2048
    peak_rate: float = 3e-3
    final_rate: float = 2e-5
    warm_up: float = 0.03
    weight_decay: float = 0.05


@dataclass(frozen=True)
class Shape:
    hidden: int = 256
    layers: int = 6
    heads: int = 4


DRAFT = Shape(hidden=128, layers=2, heads=2)
"""Of the model that guesses the demo model's tokens: what a step costs decides, not how good it is."""


def new_model(
    vocabulary_size: int, context_length: int, end_id: int, seed: int, shape: Shape | None = None
) -> Qwen2ForCausalLM:
    shape = shape or Shape()
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=vocabulary_size,
        hidden_size=shape.hidden,
        intermediate_size=shape.hidden * 5 // 2,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads // 2,
        max_position_embeddings=context_length,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end_id,
        pad_token_id=None,
        attention_dropout=0.0,
    )
    return Qwen2ForCausalLM(config)


def batches(examples: Iterator[Example], tokens_per_batch: int) -> Iterator[list[Example]]:
    """Examples of like length together: each batch fills the rows that its padded length allows."""
    waiting: dict[int, list[Example]] = {length: [] for length in _LENGTHS}
    for example in examples:
        length = next(length for length in _LENGTHS if len(example[0]) <= length)
        waiting[length].append(example)
        if len(waiting[length]) * length >= tokens_per_batch:
            yield waiting[length]
            waiting[length] = []


def _tensors(batch: list[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids of shape (examples, padded length), flat places whose next token is the assistant's, and those next tokens.

    The places are filled up with ignored ones to a round number: every new shape costs the CPU kernels a compilation.
    """
    longest = max(len(ids) for ids, _ in batch)
    padded = next(length for length in _LENGTHS if longest <= length)
    ids = torch.zeros((len(batch), padded), dtype=torch.long)
    own = torch.zeros((len(batch), padded), dtype=torch.bool)
    for row, (tokens, mask) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        own[row, : len(mask) - 1] = torch.tensor(mask[1:])
    places = own.flatten().nonzero().flatten()
    wanted = ids.flatten()[places + 1]
    missing = -len(places) % 512
    return ids, functional.pad(places, (0, missing)), functional.pad(wanted, (0, missing), value=_IGNORED)


def _optimizers(model: Qwen2ForCausalLM, plan: Plan) -> list[torch.optim.Optimizer]:
    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    others = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "embed" in name]
    return [
        torch.optim.Muon(
            matrices, lr=plan.peak_rate, weight_decay=plan.weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(others, lr=plan.peak_rate, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def train(
    model: Qwen2ForCausalLM,
    examples: Iterator[Example],
    plan: Plan,
    *,
    report: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Trains in place; returns the number of steps. Inside a torch.distributed group the members stay in step."""
    torch.set_num_threads(1)
    optimizers = _optimizers(model, plan)
    model.train()
    source = batches(examples, plan.tokens_per_batch)
    began = clock()
    steps, tokens = 0, 0
    while True:
        elapsed = clock() - began
        done = _agreed(steps / plan.steps if plan.steps else elapsed / (plan.minutes * 60))
        if done >= 1:
            break
        rate = _rate(done, plan)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        losses = []
        for batch in itertools.islice(source, _ROUND):
            losses.append(_step(model, optimizers, batch))
            tokens += sum(len(ids) for ids, _ in batch)
        _average(model)
        steps += _ROUND
        if steps % (4 * _ROUND) == 0:
            loss, speed = sum(losses) / len(losses), tokens / (clock() - began)
            report(f"{done:6.1%}  step {steps}  loss {loss:.4f}  {speed:.0f} tok/s  rate {rate:.2e}")
    model.eval()
    return steps


def _step(model: Qwen2ForCausalLM, optimizers: list[torch.optim.Optimizer], batch: list[Example]) -> float:
    ids, places, wanted = _tensors(batch)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden.flatten(0, 1)[places])
    loss = functional.cross_entropy(logits.float(), wanted, ignore_index=_IGNORED)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def _agreed(done: float) -> float:
    """The first member's view of how far the run is, so that all stop at the same step."""
    if not distributed.is_initialized():
        return done
    value = torch.tensor([done], dtype=torch.float64)
    distributed.broadcast(value, 0)
    return value.item()


def _average(model: Qwen2ForCausalLM) -> None:
    """The mean of all members' weights; they trained on different examples since the last round."""
    if not distributed.is_initialized():
        return
    with torch.no_grad():
        weights = list(model.parameters())
        flat = torch.nn.utils.parameters_to_vector(weights)
        distributed.all_reduce(flat)
        torch.nn.utils.vector_to_parameters(flat / distributed.get_world_size(), weights)


def _rate(done: float, plan: Plan) -> float:
    if done < plan.warm_up:
        return plan.peak_rate * max(done / plan.warm_up, 0.02)
    along = (done - plan.warm_up) / (1 - plan.warm_up)
    return plan.final_rate + (plan.peak_rate - plan.final_rate) * 0.5 * (1 + math.cos(math.pi * along))
