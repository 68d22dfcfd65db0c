"""The error every room below the wire raises, and every API renders in its own shape."""

LONGEST_MESSAGE = 4000
_LONGEST_PARAM = 200


class ServiceError(Exception):
    """A failure with an HTTP status and a sentence for a person: what happened and what to do.

    `code` is a stable machine-readable name, `param` the request field at fault, `retry_after` the seconds after
    which the same request may succeed. A sentence that repeats very much of what a client said is cut.
    """

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: int | None = None) -> None:
        self.message = shortened(message, LONGEST_MESSAGE)
        super().__init__(self.message)
        self.param = shortened(param, _LONGEST_PARAM) if param else param
        self.retry_after = retry_after


class InvalidRequest(ServiceError):
    """The request itself is at fault."""

    status = 400
    code = "invalid_request"


def shortened(text: str, length: int) -> str:
    """`text`, with its middle left out where it has more than `length` characters: how a sentence ends says most."""
    end = length // 4
    return text if len(text) <= length else f"{text[: length - end - 1]}…{text[-end:]}"
