"""Pieces of XGrammar's EBNF.

Two things decide the cost of a grammar there. Compiling it grows with the number of different places a token can stand
at, so that all schemas of a request share their basic rules (30 tools: 0.1 s instead of 4.1 s with a vocabulary of
150,000). And a string written by repetition makes every token a search of the whole vocabulary (140 ms) where the same
by recursion costs nothing; hence `chars` below.
"""

_ESCAPES = {code: f"\\x{code:02x}" for code in range(32)}
_ESCAPES |= {ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}

# No white space but one optional space after a comma or colon: a weak model can fill its answer with blanks.
SPACE = '" "?'
BASIC_RULES = {
    "string": r'"\"" chars',
    "chars": r'("\"" | [^"\\\x00-\x1f] chars | "\\" escape chars) (= [,}\]:])',
    "escape": r'["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]',
    "integer": r'"-"? natural',
    "natural": r'"0" | [1-9] [0-9]{0,14}',
    "number": r'"-"? natural ("." [0-9]{1,15})? ([eE] [+-]? [0-9]{1,2})?',
    "boolean": r'"true" | "false"',
    "null": r'"null"',
    "value": "string | number | boolean | null | object | array",
    "object": r'"{" ("}" | pair pairs)',
    "pairs": rf'"}}" | "," {SPACE} pair pairs',
    "pair": rf'string ":" {SPACE} value',
    "array": r'"[" ("]" | value values)',
    "values": rf'"]" | "," {SPACE} value values',
}


def literal(text: str) -> str:
    """`text` as a terminal."""
    return f'"{text.translate(_ESCAPES)}"'


def choice(alternatives: list[str]) -> str:
    """One of `alternatives`, each an expression."""
    return alternatives[0] if len(alternatives) == 1 else "(" + " | ".join(alternatives) + ")"


def until(mark: str) -> str:
    """Any text up to and including `mark`."""
    return f"TagDispatch(stop_eos=false, stop_str=({literal(mark)}), loop_after_dispatch=false)"


def free_text(triggers: dict[str, str], *, once: bool) -> str:
    """Any text, in which each trigger is followed by its rule; with `once` the first such ends the answer."""
    pairs = ", ".join(f"({literal(trigger)}, {rule})" for trigger, rule in triggers.items())
    return f"TagDispatch({pairs}, stop_eos=true, loop_after_dispatch={'false' if once else 'true'})"


def integers(low: int | None, high: int | None) -> str:
    """The decimal integers from `low` to `high`, both included; None is no limit. `low` is not above `high`."""
    alternatives: list[str] = []
    if low is None or low < 0:
        smallest = 1 if high is None or high >= 0 else -high
        alternatives.append('"-" ' + _naturals(smallest, None if low is None else -low))
    if high is None or high >= 0:
        alternatives.append(_naturals(max(0, low or 0), high))
    return choice(alternatives)


def _naturals(low: int, high: int | None) -> str:
    if high is None:
        if low == 0:
            return "natural"
        digits = len(str(low))
        longer = f"[1-9] [0-9]{{{digits},14}}"
        return choice([*_same_length(str(low), "9" * digits), longer])
    alternatives: list[str] = []
    while low <= high:
        longest = min(high, 10 ** len(str(low)) - 1)
        alternatives += _same_length(str(low), str(longest))
        low = longest + 1
    return choice(alternatives)


def _same_length(low: str, high: str) -> list[str]:
    """Numbers of one length between two of that length."""
    if low == high:
        return [literal(low)]
    rest = len(low) - 1
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return [f"[{low[0]}-{high[0]}]" + (f" [0-9]{{{rest}}}" if rest else "")]
    if low[0] == high[0]:
        return [f"{literal(low[0])} {choice(_same_length(low[1:], high[1:]))}"]
    lowest = low[0] + "9" * rest
    highest = high[0] + "0" * rest
    between = [f"[{int(low[0]) + 1}-{int(high[0]) - 1}] [0-9]{{{rest}}}"] if int(high[0]) - int(low[0]) > 1 else []
    return [*_same_length(low, lowest), *between, *_same_length(highest, high)]
