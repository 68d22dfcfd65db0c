"""What a client is pointed at."""

from __future__ import annotations

from dataclasses import dataclass

ANY_KEY = "openvino"
YOUR_KEY = "ovk-…"


@dataclass(frozen=True)
class Target:
    """`base`: the server's URL without a path; `model` as it names it; `key`: what to show it, anything where it
    needs none. `context`: tokens, None where unknown."""

    base: str
    model: str
    key: str = ANY_KEY
    needs_key: bool = False
    context: int | None = None
    vision: bool = False

    @property
    def openai(self) -> str:
        return f"{self.base}/v1"

    @property
    def output(self) -> int:
        """Tokens to leave for one answer: clients reserve up to 32,000, which a short context does not have."""
        return min(8192, self.context // 4) if self.context else 8192
