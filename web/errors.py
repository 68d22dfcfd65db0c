"""The error every room below the wire raises, and every API renders in its own shape."""


class ServiceError(Exception):
    """A failure with an HTTP status and a sentence for a person: what happened and what to do.

    `code` is a stable machine-readable name, `param` the request field at fault, `retry_after` the seconds after
    which the same request may succeed.
    """

    status = 500
    code = "internal_error"

    def __init__(self, message: str, *, param: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after


class InvalidRequest(ServiceError):
    """The request itself is at fault."""

    status = 400
    code = "invalid_request"
