"""Conversations with tools in the Hermes form: one call, two at once, none needed; known and invented functions."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from . import corpus
from .conversation import Conversation, Message
from .noise import retype
from .rendering import pieces

_BEGIN = ("k", "t", "s", "m", "n", "r", "l", "b", "d", "p", "v", "z", "br", "st", "ch", "gr", "")
_MIDDLE = ("a", "e", "i", "o", "u", "ai", "ou", "ei")
_FINISH = ("", "n", "r", "l", "s", "nd", "m", "x")
_HAN = "天地山水風雲東西南北中大小新安平永和光明春秋城川江林田石橋港州青白金玉龍花"


class ToolExamples:
    """The tools file: functions with their parameters, wordings with {slots}, results and answers."""

    def __init__(self, *, refusal: dict[str, str]) -> None:
        self._refusal = refusal
        content = corpus.read("tools")
        self._functions: list[dict[str, Any]] = content["functions"]
        self._values: dict[str, dict[str, list[str]]] = content["values"]
        self._invented: dict[str, Any] = content["invented"]
        self._answer: dict[str, str] = content["answer"]
        self._wordings = {
            (function["id"], language): [w for p in function[f"{language}_ask"] for w in corpus.wordings(p)]
            for function in self._functions
            for language in corpus.LANGUAGES
        }
        self._pair_wordings = {
            (function["id"], language): [w for p in function.get(f"{language}_pair", ()) for w in corpus.wordings(p)]
            for function in self._functions
            for language in corpus.LANGUAGES
        }

    def texts(self, random_: random.Random) -> Iterator[str]:
        for language in corpus.LANGUAGES:
            conversation = self.draw(language, random_, lambda *_: [])
            yield from (text for text, _, _ in pieces(conversation))

    def draw(
        self,
        language: str,
        random_: random.Random,
        topic_turn: Callable[[str, random.Random], list[Message]],
    ) -> Conversation:
        """A conversation with tools on offer; `topic_turn` gives questions that need none of them."""
        kind = random_.random()
        if kind < 0.08:
            return self._refused(language, random_)
        if kind < 0.35:
            spec, question, calls = self._invent(language, random_)
        else:
            function = random_.choice(self._functions)
            spec = self._spec(function, random_)
            question, calls = self._ask(function, spec, language, random_, pair=kind > 0.85)
        others = [self._spec(f, random_) for f in random_.sample(self._functions, random_.choice((0, 0, 1, 2)))]
        tools = [spec, *(other for other in others if other["function"]["name"] != spec["function"]["name"])]
        random_.shuffle(tools)
        messages = self._system(language, random_)
        if random_.random() < 0.25:
            messages += topic_turn(language, random_)
        if random_.random() < 0.85 or len(messages) < 2:
            messages += self._called(question, calls, language, random_)
        if random_.random() < 0.12:
            messages += topic_turn(language, random_)
        return Conversation(messages, tools)

    def _refused(self, language: str, random_: random.Random) -> Conversation:
        """The tools on offer are not the one the question would need."""
        missing, offered = random_.sample([f for f in self._functions if f.get("off_topic")], 2)
        question, _ = self._ask(missing, self._spec(missing, random_), language, random_, pair=False)
        answer = {"role": "assistant", "content": self._refusal[language]}
        messages = [*self._system(language, random_), {"role": "user", "content": question}, answer]
        return Conversation(messages, [self._spec(offered, random_)])

    def _system(self, language: str, random_: random.Random) -> "list[Message]":
        if random_.random() > 0.15:
            return []
        return [{"role": "system", "content": random_.choice(self._invented["system"][language])}]

    def _called(
        self, question: str, calls: list[dict[str, Any]], language: str, random_: random.Random
    ) -> "list[Message]":
        messages: list[Message] = [
            {"role": "user", "content": question},
            {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": c} for c in calls]},
        ]
        if random_.random() < 0.3:
            return messages
        results = [self._result(language, random_) for _ in calls]
        messages += [{"role": "tool", "content": written} for written, _ in results]
        told = self._answer["join"][language].join(told for _, told in results)  # type: ignore[index]
        messages.append({"role": "assistant", "content": self._answer[language].replace("{result}", told)})
        return messages

    def _result(self, language: str, random_: random.Random) -> tuple[str, str]:
        """A tool's result as it is written, and as the assistant tells it."""
        kind = random_.random()
        if kind < 0.3:
            text = self._value(random_.choice(("condition", "state", "word")), language, random_)
            if random_.random() < 0.4:
                text = f"{random_.randint(-9, 99)}" + random_.choice(("", "°C", " GB", " %", f", {text}"))
            return text, text
        names = random_.sample(self._invented["results"], random_.choice((1, 2, 2, 3)))
        if random_.random() < 0.25:
            names[0] = self._word(random_)
        values: dict[str, Any] = {}
        for name in names:
            text = self._value(random_.choice(("condition", "state", "city", "word")), language, random_)
            whole, broken = random_.randint(0, random_.choice((99, 99999))), round(random_.random() * 40, 1)
            values[name] = random_.choice((whole, broken, text, text))
        told = self._answer["comma"][language].join(f"{name} {value}" for name, value in values.items())  # type: ignore[index]
        return json.dumps(values, ensure_ascii=False, separators=random_.choice(((", ", ": "), (",", ":")))), told

    def _ask(
        self, function: dict[str, Any], spec: dict[str, Any], language: str, random_: random.Random, *, pair: bool
    ) -> tuple[str, list[dict[str, Any]]]:
        """A question and the calls it asks for; a pair asks for the same function twice."""
        name = spec["function"]["name"]
        keys = list(spec["function"]["parameters"]["properties"])
        slots = function.get("slots", [])
        if pair and self._pair_wordings[function["id"], language]:
            text = random_.choice(self._pair_wordings[function["id"], language])
            first, second = self._value(slots[0], language, random_), self._value(slots[0], language, random_)
            text = retype(text, language, random_).replace("{1}", first).replace("{2}", second)
            return text, [{"name": name, "arguments": {keys[0]: value}} for value in (first, second)]
        text = retype(random_.choice(self._wordings[function["id"], language]), language, random_)
        arguments: dict[str, Any] = {}
        for index, (slot, key) in enumerate(zip(slots, keys, strict=True), start=1):
            value = self._value(slot, language, random_)
            text = text.replace(f"{{{index}}}", value)
            whole = spec["function"]["parameters"]["properties"][key].get("type") in ("integer", "number")
            arguments[key] = int(value) if whole else value
        return text, [{"name": name, "arguments": arguments}]

    def _spec(self, function: dict[str, Any], random_: random.Random) -> dict[str, Any]:
        """The function as an OpenAI tool, under one of its names, with or without descriptions."""
        described = random_.random() < 0.7
        properties: dict[str, Any] = {}
        for parameter in function.get("parameters", ()):
            schema: dict[str, Any] = {"type": parameter.get("type", "string")}
            if described and random_.random() < 0.6:
                schema["description"] = random_.choice(parameter["descriptions"])
            properties[random_.choice(parameter["names"])] = schema
        return _tool(
            random_.choice(function["names"]),
            random_.choice(function["descriptions"]) if described else None,
            properties,
            random_,
        )

    def _invent(self, language: str, random_: random.Random) -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        """A function nobody has seen, named in the question, with arguments to copy."""
        name = f"{random_.choice(self._invented['verbs'])}_{self._word(random_)}"
        keys = random_.sample(self._invented["parameters"], random_.choice((0, 1, 1, 2)))
        if keys and random_.random() < 0.3:
            keys[0] = self._word(random_)
        values = [self._value(random_.choice(("city", "word", "number")), language, random_) for _ in keys]
        text = random_.choice(self._invented[f"{language}_ask"][len(keys)]).replace("{name}", name)
        properties: dict[str, Any] = {}
        arguments: dict[str, Any] = {}
        for index, (key, value) in enumerate(zip(keys, values, strict=True), start=1):
            text = text.replace(f"{{key{index}}}", key).replace(f"{{{index}}}", value)
            whole = value.isdecimal() and random_.random() < 0.7
            properties[key] = {"type": "integer" if whole else "string"}
            arguments[key] = int(value) if whole else value
        described = random_.choice(self._invented["descriptions"]) if random_.random() < 0.5 else None
        return _tool(name, described, properties, random_), text, [{"name": name, "arguments": arguments}]

    def any_value(self, language: str, random_: random.Random) -> str:
        return self._value(random_.choice(("city", "word", "word", "number", "device", "state")), language, random_)

    def _value(self, slot: str, language: str, random_: random.Random) -> str:
        if slot == "number":
            return str(random_.randint(1, random_.choice((9, 99, 999))))
        if slot in ("city", "word") and random_.random() < 0.4:
            if language == "zh" and random_.random() < 0.7:
                return "".join(random_.choice(_HAN) for _ in range(random_.choice((2, 2, 3))))
            return self._word(random_).capitalize()
        if slot == "word":
            slot = "city"
        values = self._values[slot]
        return random_.choice(values[random_.choice(corpus.LANGUAGES) if random_.random() < 0.1 else language])

    @staticmethod
    def _word(random_: random.Random) -> str:
        syllables = random_.choice((2, 2, 3))
        return "".join(random_.choice(part) for _ in range(syllables) for part in (_BEGIN, _MIDDLE, _FINISH))


def _tool(name: str, description: str | None, properties: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if properties and random_.random() < 0.8:
        parameters["required"] = list(properties)
    function: dict[str, Any] = {"name": name}
    if description:
        function["description"] = description
    function["parameters"] = parameters
    return {"type": "function", "function": function}
