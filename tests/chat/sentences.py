"""Random sentences of the grammars that are handed to the sampler: XGrammar's EBNF, as far as it is used here."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'\s*(?:(?P<literal>"(?:[^"\\]|\\.)*")|(?P<set>\[(?:[^\]\\]|\\.)*\])|(?P<dispatch>TagDispatch\()'
    r"|(?P<ahead>\(=)|(?P<name>[A-Za-z_]\w*)|(?P<count>\{\d+(?:,\d*)?\})|(?P<sign>[()|?*+,=]))"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
# Characters that have a meaning in some dialect, and some that have none.
_CHARACTERS = "aZ09 _-.,:;'=<>&/{}[]()|é北😀\n\t"
_DEEP = 12


@dataclass
class _Node:
    """kind: literal, set, rule, sequence, choice, repeat or dispatch. `height`: the least depth of rules below."""

    kind: str
    text: str = ""
    parts: "list[_Node]" = field(default_factory=list)
    least: int = 1
    most: int = 1
    triggers: dict[str, str] = field(default_factory=dict)


class Sentences:
    """Draws sentences of one grammar."""

    def __init__(self, grammar: str) -> None:
        lines = [line.partition(" ::= ") for line in grammar.splitlines()]
        self._rules = {name: _Reader(body).choice() for name, _, body in lines}
        self._heights = self._all_heights()

    def draw(self, seed: int) -> str:
        """One sentence, the same one for the same seed."""
        return "".join(self._rule("root", random.Random(seed), 0))

    def _rule(self, name: str, chance: random.Random, depth: int) -> Iterator[str]:
        yield from self._node(self._rules[name], chance, depth + 1)

    def _node(self, node: _Node, chance: random.Random, depth: int) -> Iterator[str]:
        match node.kind:
            case "literal":
                yield node.text
            case "set":
                yield chance.choice(_members(node.text))
            case "rule":
                yield from self._rule(node.text, chance, depth)
            case "sequence":
                for part in node.parts:
                    yield from self._node(part, chance, depth)
            case "choice":
                parts = node.parts
                if depth > _DEEP:
                    lowest = min(self._height(part) for part in parts)
                    parts = [part for part in parts if self._height(part) == lowest]
                yield from self._node(chance.choice(parts), chance, depth)
            case "repeat":
                most = node.least if depth > _DEEP else min(node.most, node.least + 3)
                for _ in range(chance.randint(node.least, most)):
                    yield from self._node(node.parts[0], chance, depth)
            case "dispatch":
                yield from self._dispatched(node, chance, depth)

    def _dispatched(self, node: _Node, chance: random.Random, depth: int) -> Iterator[str]:
        text = "".join(chance.choices(_CHARACTERS, k=chance.randint(0, 6)))
        for mark in (node.text, *node.triggers):
            text = text.replace(mark, "") if mark else text
        yield text
        if node.text:
            yield node.text
        elif node.triggers:
            trigger, rule = chance.choice(list(node.triggers.items()))
            yield trigger
            yield from self._rule(rule, chance, depth)

    def _all_heights(self) -> Mapping[str, int]:
        self._heights = dict.fromkeys(self._rules, 10**6)
        for _ in self._rules:
            self._heights = {name: 1 + self._height(body) for name, body in self._rules.items()}
        return self._heights

    def _height(self, node: _Node) -> int:
        match node.kind:
            case "rule":
                return self._heights[node.text]
            case "choice":
                return min(self._height(part) for part in node.parts)
            case "repeat" if not node.least:
                return 0
        return max((self._height(part) for part in node.parts), default=0)


class _Reader:
    def __init__(self, body: str) -> None:
        self._tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(body)]
        assert "".join(text for _, text in self._tokens) == re.sub(
            r'("(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\])|\s+', lambda m: m[1] or "", body
        ), body
        self._at = 0

    def choice(self) -> _Node:
        parts = [self._sequence()]
        while self._next("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _Node("choice", parts=parts)

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._at < len(self._tokens) and self._tokens[self._at][1] not in ("|", ")"):
            kind, text = self._tokens[self._at]
            self._at += 1
            if kind == "ahead":  # a hint for the sampler
                self.choice()
                assert self._next(")")
                continue
            parts.append(self._repeated(self._atom(kind, text)))
        return _Node("sequence", parts=parts)

    def _atom(self, kind: str, text: str) -> _Node:
        match kind:
            case "literal":
                return _Node("literal", _unescaped(text[1:-1]))
            case "set":
                return _Node("set", text[1:-1])
            case "name":
                return _Node("rule", text)
            case "dispatch":
                return self._dispatch()
        assert text == "(", text
        inner = self.choice()
        assert self._next(")")
        return inner

    def _dispatch(self) -> _Node:
        node = _Node("dispatch")
        words: list[tuple[str, str]] = []
        depth = 1
        while depth:
            kind, text = self._tokens[self._at]
            self._at += 1
            depth += (text == "(") - (text == ")")
            words.append((kind, text))
        for (kind, text), (_, following), *_ in zip(words, words[1:], words[2:], strict=False):
            if kind == "name" and text == "stop_str":
                node.text = next(_unescaped(each[1:-1]) for kind, each in words if kind == "literal")
            elif kind == "literal" and following == ",":
                node.triggers[_unescaped(text[1:-1])] = words[words.index((kind, text)) + 2][1]
        return node

    def _repeated(self, node: _Node) -> _Node:
        if self._at == len(self._tokens):
            return node
        kind, text = self._tokens[self._at]
        bounds = {"?": (0, 1), "*": (0, 99), "+": (1, 99)}.get(text)
        if kind == "count":
            least, comma, most = re.fullmatch(r"\{(\d+)(,?)(\d*)\}", text).groups()  # pyright: ignore[reportOptionalMemberAccess]
            bounds = (int(least), int(most or 99) if comma else int(least))
        if bounds is None:
            return node
        self._at += 1
        return _Node("repeat", parts=[node], least=bounds[0], most=bounds[1])

    def _next(self, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at][1] == text
        self._at += found
        return found


def _unescaped(text: str) -> str:
    return re.sub(
        r"\\(?:x([0-9a-f]{2})|(.))",
        lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPES.get(m[2], m[2]),
        text,
        flags=re.DOTALL,
    )


def _members(text: str) -> list[str]:
    negated = text.startswith("^")
    pieces = re.findall(r"\\x[0-9a-f]{2}|\\.|.", text.removeprefix("^"), re.DOTALL)
    found: set[str] = set()
    while pieces:
        first = _unescaped(pieces.pop(0))
        if len(pieces) > 1 and pieces[0] == "-":
            last = _unescaped(pieces[1])
            pieces = pieces[2:]
            found |= {chr(code) for code in range(ord(first), ord(last) + 1)}
        else:
            found.add(first)
    return sorted(set(_CHARACTERS) - found) if negated else sorted(found)
