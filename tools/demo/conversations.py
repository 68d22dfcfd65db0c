"""Conversations to train on, drawn at random from the corpus."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from . import corpus
from .conversation import Conversation, Message
from .noise import retype
from .tool_examples import ToolExamples


@dataclass(frozen=True)
class _FollowUp:
    asked: dict[str, tuple[str, ...]]
    answer: dict[str, str]


class Corpus:
    """The corpus read once, ready to be drawn from."""

    def __init__(self) -> None:
        self.topics = corpus.topics()
        self._by_id = {topic.id: topic for topic in self.topics}
        self.off_topic = corpus.read("off_topic")
        self.settings = corpus.read("settings")
        self.exercises = corpus.read("exercises")
        self._off_topic_wordings = {
            language: [corpus.wordings(pattern) for pattern in self.off_topic[f"{language}_ask"]]
            for language in corpus.LANGUAGES
        }
        self._after: dict[str, list[_FollowUp]] = {}
        for entry in corpus.read("follow_ups"):
            self._add_follow_up(entry)
        self.tools = ToolExamples(refusal={language: self.off_topic[language] for language in corpus.LANGUAGES})

    def _add_follow_up(self, entry: dict[str, Any]) -> None:
        answers = self._by_id[entry["answer_of"]].answer if "answer_of" in entry else entry
        follow_up = _FollowUp(
            asked={
                language: tuple(w for pattern in entry[f"{language}_ask"] for w in corpus.wordings(pattern))
                for language in corpus.LANGUAGES
            },
            answer={language: answers[language] for language in corpus.LANGUAGES},
        )
        for before in entry["after"]:
            if before not in self._by_id:
                raise ValueError(f"a follow-up names the unknown topic {before}")
            self._after.setdefault(before, []).append(follow_up)

    def texts(self) -> Iterator[str]:
        """What the tokenizer learns from: each answer thrice, each wording once, tool conversations."""
        random_ = random.Random(0)
        for topic in self.topics:
            for language in corpus.LANGUAGES:
                yield from [topic.answer[language]] * 3
                yield from random_.sample(topic.asked[language], min(12, len(topic.asked[language])))
                yield from random_.sample(topic.framed[language], min(4, len(topic.framed[language])))
        for language in corpus.LANGUAGES:
            for _ in range(600):
                yield self.off_topic_question(language, random_)
            yield from self.settings["neutral"][language]
        for followers in self._after.values():
            for follower in followers:
                yield from follower.answer.values()
        for _ in range(120):
            yield from self.tools.texts(random_)

    def off_topic_question(self, language: str, random_: random.Random) -> str:
        text = random_.choice(random_.choice(self._off_topic_wordings[language]))
        for slot, values in self.off_topic["fill"][language].items():
            while f"{{{slot}}}" in text:
                text = text.replace(f"{{{slot}}}", random_.choice(values), 1)
        return text

    def draw(self, random_: random.Random) -> Conversation:
        kind = random_.random()
        language = random_.choice(corpus.LANGUAGES)
        if kind < 0.27:
            return self.tools.draw(language, random_, self.topic_turn)
        if kind < 0.30:
            return self._in_other_language(language, random_)
        if kind < 0.325:
            return Conversation(self._system(language, random_) + self.counting(language, random_))
        if kind < 0.41:
            return Conversation(self._system(language, random_) + self.repeating(language, random_))
        messages = self._system(language, random_)
        for _ in range(_turns(random_)):
            messages += self._exchange(language, random_)
            if random_.random() < 0.1:
                language = random_.choice(corpus.LANGUAGES)
        return Conversation(messages)

    def any_turn(self, language: str, random_: random.Random) -> list[Message]:
        """One question and its answer, sometimes off topic."""
        if random_.random() > 0.13:
            return self.topic_turn(language, random_)
        question = retype(self.off_topic_question(language, random_), language, random_)
        return _turn(question, self.off_topic[language])

    def topic_turn(self, language: str, random_: random.Random) -> list[Message]:
        topic = random_.choice(self.topics)
        asked = topic.framed[language] if random_.random() < 0.25 else topic.asked[language]
        return _turn(retype(random_.choice(asked or topic.asked[language]), language, random_), topic.answer[language])

    def counting(self, language: str, random_: random.Random) -> list[Message]:
        """A long answer whose every word is known: the numbers from 1 up to the one asked for."""
        last = random_.choice((random_.randint(2, 30), random_.randint(2, 100), random_.choice((10, 20, 50, 100))))
        pattern = random_.choice(self.exercises["count"][language])
        question = retype(random_.choice(corpus.wordings(pattern)), language, random_).replace("{n}", str(last))
        return _turn(question, self.exercises["between"][language].join(str(number) for number in range(1, last + 1)))

    def repeating(self, language: str, random_: random.Random) -> list[Message]:
        """Text to be given back unchanged: from it the model learns to copy arguments and results, too."""
        words = [self.tools.any_value(random_.choice(corpus.LANGUAGES), random_) for _ in range(random_.randint(1, 12))]
        if random_.random() < 0.3:
            words += random_.choice(self.topics).answer[language].split()[:10]
            random_.shuffle(words)
        text = random_.choice((" ", " ", ", ", "，")).join(words)
        return _turn(random_.choice(self.exercises["repeat"][language]) + text, text)

    def _exchange(self, language: str, random_: random.Random) -> list[Message]:
        """One turn, or a question with follow-ups that only make sense after it."""
        if random_.random() > 0.12:
            return self.any_turn(language, random_)
        return self.follow_up(language, random_)

    def follow_up(self, language: str, random_: random.Random) -> list[Message]:
        """A topic's question and answer, then a question that refers to it, and its answer."""
        first = random_.choice(list(self._after))
        topic = self._by_id[first]
        then = random_.choice(self._after[first])
        messages = _turn(retype(random_.choice(topic.asked[language]), language, random_), topic.answer[language])
        return messages + _turn(retype(random_.choice(then.asked[language]), language, random_), then.answer[language])

    def _system(self, language: str, random_: random.Random) -> list[Message]:
        if random_.random() > 0.22:
            return []
        return [{"role": "system", "content": random_.choice(self.settings["neutral"][language])}]

    def _in_other_language(self, language: str, random_: random.Random) -> Conversation:
        """The system prompt decides the language of the answer, whatever the question's."""
        setting, wanted = random_.choice((("in_english", "en"), ("in_chinese", "zh")))
        messages: list[Message] = [{"role": "system", "content": random_.choice(self.settings[setting])}]
        for _ in range(random_.choice((1, 1, 2))):
            topic = random_.choice(self.topics)
            messages += _turn(retype(random_.choice(topic.asked[language]), language, random_), topic.answer[wanted])
        return Conversation(messages)


def _turn(question: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def _turns(random_: random.Random) -> int:
    """Mostly one question, sometimes a long talk of up to about two thousand tokens."""
    kind = random_.random()
    if kind < 0.62:
        return 1
    if kind < 0.93:
        return random_.randint(2, 4)
    return random_.randint(5, 16) if kind < 0.985 else random_.randint(17, 30)
