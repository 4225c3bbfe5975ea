"""Who waits together is stored together."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from metrics.ingest.faces import Incoming
from metrics.ingest.lanes import Lane, Waiting


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that nobody runs."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


def add(lane: Lane, loop: asyncio.AbstractEventLoop, count: int, most: int = 100) -> list[bool]:
    """Let so many wait, of ten bytes each."""
    request = Incoming("key", b"0123456789")
    waiting = [Waiting(request, loop, loop.create_future()) for _ in range(count)]
    return [lane.add(one, most) for one in waiting]


def test_a_writer_takes_all_that_waits(loop: asyncio.AbstractEventLoop) -> None:
    lane = Lane("test", 0)
    assert add(lane, loop, 3, most=2) == [True, True, False]
    assert lane.bytes == 20
    assert (len(lane._next_group()), lane.bytes) == (2, 0)


def test_the_first_to_come_again_waits_for_those_it_came_with(
    loop: asyncio.AbstractEventLoop,
) -> None:
    lane = Lane("test", 0, linger=10.0)
    add(lane, loop, 3)
    assert len(lane._next_group()) == 3
    add(lane, loop, 1)
    with ThreadPoolExecutor(1) as pool:
        group = pool.submit(lane._next_group)
        add(lane, loop, 2)
        assert len(group.result(10)) == 3


def test_it_waits_no_longer_than_it_may(loop: asyncio.AbstractEventLoop) -> None:
    lane = Lane("test", 0, linger=0.001)
    add(lane, loop, 3)
    lane._next_group()
    add(lane, loop, 1)
    assert len(lane._next_group()) == 1


def test_one_alone_does_not_wait(loop: asyncio.AbstractEventLoop) -> None:
    lane = Lane("test", 0, linger=3600.0)
    for _ in range(2):
        add(lane, loop, 1)
        assert len(lane._next_group()) == 1


def test_a_closed_lane_gives_what_it_has_and_takes_no_more(loop: asyncio.AbstractEventLoop) -> None:
    lane = Lane("test", 0, linger=3600.0)
    add(lane, loop, 3)
    lane._next_group()
    add(lane, loop, 1)
    lane.close(0)
    assert (len(lane._next_group()), lane._next_group(), add(lane, loop, 1)) == (1, [], [False])
