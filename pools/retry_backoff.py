"""Failed loads and ended instances: when a model has failed, and how long to wait before the next try."""

_FIRST_RETRY_SECONDS = 5.0
_LAST_RETRY_SECONDS = 600.0
_CRASHES_THAT_FAIL = 3


class RetryBackoff:
    """`error` is why the model has failed, None while it has not; it stays until a load succeeds or `forgive`."""

    def __init__(self) -> None:
        self.error: str | None = None
        self._failures = 0
        self._failed_at = 0.0
        self.crashes = 0

    def forgive(self) -> None:
        """Allow the next try at once."""
        self.error = None

    def loaded(self) -> None:
        self.error, self._failures = None, 0

    def failed(self, reason: str, now: float) -> None:
        """A load failed, or there is no use in another: the pause doubles each time (`now` in seconds)."""
        self.error, self._failed_at, self.crashes = reason, now, 0
        self._failures += 1

    def crashed(self, *, productive: bool) -> int:
        """An instance ended unasked, `productive` if it had answered anything; how many did so in a row by now."""
        self.crashes = 1 if productive else self.crashes + 1
        return self.crashes

    @property
    def hopeless(self) -> bool:
        """Whether so many instances ended in a row that the next would too."""
        return self.crashes >= _CRASHES_THAT_FAIL

    def pausing(self, now: float) -> bool:
        """Whether it is too early to try again."""
        pause = min(_LAST_RETRY_SECONDS, _FIRST_RETRY_SECONDS * 2 ** max(0, self._failures - 1))
        return self.error is not None and now < self._failed_at + pause
