"""The requests that wait for one model, in an order that is fair between clients."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pools.loaded_instance import KVReservation


@dataclass(eq=False)
class Waiter:
    """`tokens` of KV cache are needed to begin; `since` is the clock's time of arrival, `client` who asks, `request_id`
    its name in headers and logs. `keep_alive`, unless None, becomes that of the instance it is given."""

    tokens: int
    client: str
    since: float
    granted: "asyncio.Future[KVReservation]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    request_id: str | None = None
    keep_alive: float | None = None

    @property
    def left(self) -> bool:
        """Whether its client has gone or it was answered: nothing is to be done for it."""
        return self.granted.done()


class FairQueue:
    """First come, first served for each client; between clients in turn, whatever number each has waiting.

    A request that comes back because it lost its instance goes before all others.
    """

    def __init__(self) -> None:
        self._returned: deque[Waiter] = deque()
        self._clients: OrderedDict[str, deque[Waiter]] = OrderedDict()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Waiter]:
        """All waiting requests, in the order in which they would be served if none arrived or left."""
        yield from (waiter for waiter in self._returned if not waiter.left)
        queues = [[waiter for waiter in queue if not waiter.left] for queue in self._clients.values()]
        for turn in range(max(map(len, queues), default=0)):
            yield from (queue[turn] for queue in queues if turn < len(queue))

    def add(self, waiter: Waiter, *, returned: bool = False) -> None:
        if returned:
            self._returned.append(waiter)
        else:
            self._clients.setdefault(waiter.client, deque()).append(waiter)

    def position(self, waiter: Waiter) -> int:
        """1 for who is served next; 0 for one that does not wait any more."""
        return next((number for number, each in enumerate(self, start=1) if each is waiter), 0)

    def first(self) -> Waiter | None:
        """Who is to be served next; stays in the queue."""
        self._drop_those_who_left()
        if self._returned:
            return self._returned[0]
        return next(iter(self._clients.values()))[0] if self._clients else None

    def pop(self) -> Waiter:
        """Take out who `first` named; its client's turn comes again after the other clients'."""
        if self._returned:
            return self._returned.popleft()
        client, queue = next(iter(self._clients.items()))
        waiter = queue.popleft()
        self._clients.move_to_end(client)
        if not queue:
            del self._clients[client]
        return waiter

    def overdue(self, now: float, seconds: float) -> list[Waiter]:
        """Those who have waited for `seconds` or longer."""
        return [waiter for waiter in self if now - waiter.since >= seconds]

    def refuse(self, error: Exception) -> None:
        """Answer all who wait with `error`."""
        for waiter in list(self):
            waiter.granted.set_exception(error)

    def _drop_those_who_left(self) -> None:
        while self._returned and self._returned[0].left:
            self._returned.popleft()
        for client in list(self._clients):
            queue = self._clients[client]
            while queue and queue[0].left:
                queue.popleft()
            if not queue:
                del self._clients[client]
