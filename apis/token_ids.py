"""Token ids as clients send them."""

from typing import Annotated

from pydantic import Field

TokenId = Annotated[int, Field(ge=0, lt=2**31)]
"""Whether the model has such a token is seen later."""
TokenIds = Annotated[list[TokenId], Field(fail_fast=True)]
"""A text in their place is no hundred thousand errors."""
