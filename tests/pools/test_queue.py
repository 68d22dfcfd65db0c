import asyncio
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from pools.queue import FairQueue, Waiter


def waiter(client: str, since: float = 0.0) -> Waiter:
    loop = asyncio.new_event_loop()
    try:
        return Waiter(1, client, since, loop.create_future())
    finally:
        loop.close()


def served(queue: FairQueue) -> list[Waiter]:
    order: list[Waiter] = []
    while (first := queue.first()) is not None:
        assert queue.pop() is first
        order.append(first)
    return order


@given(st.lists(st.sampled_from("abcd")))
def test_everyone_is_served_once_and_each_client_in_its_own_order(clients: list[str]) -> None:
    queue = FairQueue()
    waiters = [waiter(client, float(number)) for number, client in enumerate(clients)]
    for each in waiters:
        queue.add(each)
    predicted = list(queue)
    order = served(queue)
    assert order == predicted
    assert sorted(map(id, order)) == sorted(map(id, waiters))
    for client in set(clients):
        own = [each.since for each in order if each.client == client]
        assert own == sorted(own)


@given(st.lists(st.sampled_from("abcd"), min_size=1))
def test_no_client_is_served_twice_while_another_waits_for_its_turn(clients: list[str]) -> None:
    queue = FairQueue()
    for client in clients:
        queue.add(waiter(client))
    counts: defaultdict[str, int] = defaultdict(int)
    left = defaultdict(int, {client: clients.count(client) for client in clients})
    for each in served(queue):
        counts[each.client] += 1
        left[each.client] -= 1
        assert all(counts[other] >= counts[each.client] - 1 for other in left if left[other] > 0)


@given(st.lists(st.sampled_from("abcd")))
def test_everyone_knows_its_place(clients: list[str]) -> None:
    queue = FairQueue()
    for client in clients:
        queue.add(waiter(client))
    assert [queue.position(each) for each in queue] == list(range(1, len(clients) + 1))
    for each in served(queue):
        assert queue.position(each) == 0


def test_a_request_that_lost_its_instance_goes_first() -> None:
    queue = FairQueue()
    queue.add(waiter("a"))
    returned = waiter("b")
    queue.add(returned, returned=True)
    assert queue.first() is returned
    assert next(iter(queue)) is returned


def test_those_who_left_are_not_counted_and_never_served() -> None:
    queue = FairQueue()
    gone, stays = waiter("a"), waiter("a")
    queue.add(gone)
    queue.add(stays)
    gone.granted.cancel()
    assert len(queue) == 1
    assert queue.first() is stays


def test_the_overdue_are_those_who_waited_too_long() -> None:
    queue = FairQueue()
    old, new = waiter("a", 0.0), waiter("b", 9.0)
    queue.add(old)
    queue.add(new)
    assert queue.overdue(10.0, 5.0) == [old]
