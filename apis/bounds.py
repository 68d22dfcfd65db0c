"""How much one request may hold, in every API."""

from typing import Annotated

from pydantic import Field

MAX_MESSAGES = 4096
"""Of one conversation: templates, which are programs, go over all of them, some more than once."""
MAX_TOOLS = 1024
"""Offered, or called in one turn."""
MAX_TEXTS = 4096
"""To embed or to rank in one request: the answer holds them all."""
MAX_CHOICES = 1024
"""Of one completion, all its prompts together: each is a request of its own."""
MAX_STOPS = 64
"""Of one answer: each is looked for at every token."""
Stops = str | Annotated[list[str], Field(max_length=MAX_STOPS)]
