"""How much memory the instances of one device may take together."""

from collections.abc import Hashable


class MemoryBudget:
    """Reservations against a fixed number of bytes. Not more than bookkeeping: nothing is allocated here."""

    def __init__(self, total_bytes: int) -> None:
        self.total_bytes = total_bytes
        self._reserved: dict[Hashable, int] = {}

    @property
    def reserved_bytes(self) -> int:
        return sum(self._reserved.values())

    @property
    def free_bytes(self) -> int:
        return self.total_bytes - self.reserved_bytes

    def reserve(self, holder: Hashable, size: int) -> bool:
        """Set `size` bytes aside for `holder`; False, and nothing is changed, when they are not there."""
        if size > self.free_bytes:
            return False
        self._reserved[holder] = size
        return True

    def release(self, holder: Hashable) -> None:
        """Give back what `holder` has, if anything."""
        self._reserved.pop(holder, None)
