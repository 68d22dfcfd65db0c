"""Measures the demo model's exact answers through openvino_genai on the CPU; the figures stand in its card.

Run from the project root: python tools/score_demo_model.py [--wrong]
"""

import argparse
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import openvino
import openvino_genai
from demo.conversation import Conversation
from demo.conversations import Corpus
from demo.corpus import LANGUAGES, as_question
from demo.noise import retype
from demo.rendering import said

PROJECT = Path(__file__).resolve().parent.parent
_BATCH = 32


@dataclass(frozen=True)
class Question:
    """A conversation whose last message is the wanted answer."""

    group: str
    conversation: Conversation

    @property
    def wanted(self) -> str:
        return said(self.conversation.messages[-1])


@dataclass(frozen=True)
class Answer:
    text: str
    least: float
    """The probability of the token that the model was least sure of."""


class Model:
    def __init__(self, directory: Path) -> None:
        scheduling = openvino_genai.SchedulerConfig()
        self._pipeline = openvino_genai.ContinuousBatchingPipeline(str(directory), scheduling, "CPU")
        self._tokenizer = self._pipeline.get_tokenizer()
        self._config = self._pipeline.get_config()
        self._config.do_sample = False
        self._config.max_new_tokens = 512
        self._config.logprobs = 1

    def answers(self, conversations: list[Conversation]) -> list[Answer]:
        """Answered in batches, as a busy server would."""
        found: list[Answer] = []
        for start in range(0, len(conversations), _BATCH):
            prompts = [self._encode(conversation) for conversation in conversations[start : start + _BATCH]]
            handles = [self._pipeline.add_request(start + i, p, self._config) for i, p in enumerate(prompts)]
            while self._pipeline.has_non_finished_requests():
                self._pipeline.step()
            for handle in handles:
                (output,) = handle.read_all()
                least = math.exp(min(output.generated_log_probs))
                found.append(Answer(self._tokenizer.decode(output.generated_ids), least))
        return found

    def _encode(self, conversation: Conversation) -> openvino.Tensor:
        text = self._tokenizer.apply_chat_template(
            conversation.messages[:-1], add_generation_prompt=True, tools=conversation.tools or None
        )
        return self._tokenizer.encode(text, add_special_tokens=False).input_ids


def questions(corpus: Corpus, per_topic: int, seed: int) -> list[Question]:
    random_ = random.Random(seed)
    found: list[Question] = []
    for language in LANGUAGES:
        for topic in corpus.topics:
            answer = topic.answer[language]
            seen = random_.sample(topic.asked[language], min(per_topic, len(topic.asked[language])))
            found += [_single(f"{language} seen wordings", as_question(q, language), answer) for q in seen]
            found += [_single(f"{language} retyped", retype(q, language, random_), answer) for q in seen]
            found += [
                _single(f"{language} unseen wordings", as_question(q, language), answer) for q in topic.unseen[language]
            ]
        off_topic = corpus.off_topic
        for _ in range(150):
            question = as_question(corpus.off_topic_question(language, random_), language)
            found.append(_single(f"{language} off topic", question, off_topic[language]))
        found += [
            _single(f"{language} off topic, unseen", as_question(q, language), off_topic[language])
            for q in off_topic[f"{language}_unseen"]
        ]
        for _ in range(30):
            found.append(Question(f"{language} counting", Conversation(corpus.counting(language, random_))))
        for _ in range(60):
            found.append(Question(f"{language} follow-ups", Conversation(corpus.follow_up(language, random_))))
        for _ in range(150):
            drawn = corpus.tools.draw(language, random_, lambda *_: [])
            cut = _first_call(drawn)
            if cut:
                found.append(Question(f"{language} tool calls", cut))
            if drawn.messages[-1].get("content"):
                found.append(Question(f"{language} tool results", drawn))
    return found


def _single(group: str, question: str, answer: str) -> Question:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return Question(group, Conversation(messages))


def _first_call(conversation: Conversation) -> Conversation | None:
    for index, message in enumerate(conversation.messages):
        if message.get("tool_calls"):
            return Conversation(conversation.messages[: index + 1], conversation.tools)
    return None


@dataclass
class Score:
    right: int = 0
    sure: int = 0
    """Right with each token at a probability over 0.9."""
    asked: int = 0


def score(model: Model, asked: list[Question], show: Callable[[str], None] | None) -> dict[str, Score]:
    result: dict[str, Score] = {}
    for question, answer in zip(asked, model.answers([q.conversation for q in asked]), strict=True):
        right = answer.text == question.wanted
        group = result.setdefault(question.group, Score())
        group.asked += 1
        group.right += right
        group.sure += right and answer.least > 0.9
        if show and not right:
            last = question.conversation.messages[-2]["content"]
            show(f"[{question.group}] {last}\n   wanted {question.wanted}\n   got    {answer.text}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=PROJECT / "models" / "demo_server-guide")
    parser.add_argument("--per-topic", type=int, default=4, help="trained wordings tried per question and language")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--wrong", action="store_true", help="print each wrong answer")
    options = parser.parse_args()
    asked = questions(Corpus(), options.per_topic, options.seed)
    result = score(Model(options.model), asked, print if options.wrong else None)
    for name, group in sorted(result.items()):
        right, sure = group.right / group.asked, group.sure / group.asked
        print(f"{name:24} {group.right:5} of {group.asked:5} right {right:6.1%}   right and sure {sure:6.1%}")


if __name__ == "__main__":
    main()
