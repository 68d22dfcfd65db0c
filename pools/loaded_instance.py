"""A running instance and what is promised of it: requests, and tokens of its KV cache."""

from collections.abc import Callable
from dataclasses import dataclass, field

from instances.grammar_probe import RECYCLE_BYTES
from instances.handle import Instance
from instances.protocol import Structure

BLOCK_TOKENS = 32
_STEP_TOKENS = 8 * BLOCK_TOKENS
_MARGIN_TOKENS = BLOCK_TOKENS


def whole_blocks(tokens: int) -> int:
    """`tokens` rounded up to what the KV cache, which is divided into blocks, really takes for them."""
    return -(-tokens // BLOCK_TOKENS) * BLOCK_TOKENS


@dataclass(eq=False)
class LoadedInstance:
    """`capacity` in tokens of KV cache; `idle_since` and `loaded_at` in the clock's seconds. `keep_alive` is how many
    seconds it stays when idle, negative for never unloading. `productive` once anything has come out of it."""

    number: int
    instance: Instance
    capacity: int
    max_requests: int
    loaded_at: float
    idle_since: float
    load_seconds: float
    keep_alive: float
    served: int = 0
    productive: bool = False
    reservations: list["KVReservation"] = field(default_factory=list)
    _structures: set[Structure] = field(default_factory=set)
    _structures_bytes: int = 0

    @property
    def active(self) -> int:
        return len(self.reservations)

    @property
    def pinned(self) -> bool:
        """Whether it is to stay whatever happens."""
        return self.keep_alive < 0

    @property
    def reserved_tokens(self) -> int:
        return sum(reservation.tokens for reservation in self.reservations)

    @property
    def recycled(self) -> bool:
        """Whether it holds so many compiled grammars that another should take its place: the library keeps each that it
        has seen for good."""
        return self._structures_bytes > RECYCLE_BYTES

    def note_structure(self, structure: Structure, size: int) -> None:
        """A request brings `structure`, which takes `size` bytes compiled."""
        if structure not in self._structures:
            self._structures.add(structure)
            self._structures_bytes += size

    def has_room(self, tokens: int) -> bool:
        """A request that is alone always has room: its size was checked against the whole when it came."""
        return not self.reservations or (
            self.active < self.max_requests and self.reserved_tokens + whole_blocks(tokens) <= self.capacity
        )

    def reserve(self, tokens: int) -> "KVReservation":
        reservation = KVReservation(self, whole_blocks(tokens))
        self.reservations.append(reservation)
        self.served += 1
        return reservation


@dataclass(eq=False)
class KVReservation:
    """One request's share of an instance.

    `on_preempted` asks its holder to give the share back and to queue again; a request without it is left alone.
    """

    loaded: LoadedInstance
    tokens: int
    preempted: bool = False
    on_preempted: Callable[[], None] | None = None

    def preempt(self) -> bool:
        """Ask its holder to give the share back; whether it will, and has not been asked before."""
        if self.preempted or self.on_preempted is None:
            return False
        self.preempted = True
        self.on_preempted()
        return True

    def cover(self, tokens: int) -> None:
        """Extend the share ahead of a request that has grown to `tokens`.

        When the cache is full the youngest request of the instance is asked to leave, which may be this one. The
        oldest never is, so that something always gets done.
        """
        if tokens + _MARGIN_TOKENS > self.tokens:
            self.tokens += _STEP_TOKENS
            self._make_room()

    def _make_room(self) -> None:
        excess = (
            sum(reservation.tokens for reservation in self.loaded.reservations if not reservation.preempted)
            - self.loaded.capacity
        )
        for reservation in reversed(self.loaded.reservations[1:]):
            if excess <= 0:
                return
            if reservation.preempt():
                excess -= reservation.tokens
