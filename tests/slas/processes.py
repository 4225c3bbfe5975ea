"""Eight writers and four workers as processes of one database; workers are killed all the time.

`python -m tests.slas.processes SEED BASE CLIENT…` ends when every writer has stored its events.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import django
from django.utils import timezone

from tests.slas.events import Event

WRITERS, WORKERS = 8, 4
BATCHES, BATCH = 40, 5
PACE = 7  # minutes from batch to batch
LATE = 0.1  # share of batches with an event of an earlier minute
# A worker is killed after this many more commits, drawn anew each time.
LEAST, MOST = 3, 12
METRICS = ("conversational_query_response_time", "embedding_generation_time")


def batches(seed: int, writer: int, base: datetime, clients: list[int]) -> list[list[Event]]:
    """What a writer stores, transaction by transaction.

    All writers move through the hours together, so that each minute is fought over and then
    left for good; late events and repeats of other writers' events come in between.
    """
    own, shared = random.Random(seed * 100 + writer), random.Random(seed)
    found = []
    for number in range(BATCHES):
        first = number * PACE
        events = [drawn(own, base, clients, first) for _ in range(BATCH)]
        events.append(drawn(shared, base, clients, first, repeated=True))
        if own.random() < LATE:
            events.append(drawn(own, base, clients, own.randrange(first + 1)))
        found.append(events)
    return found


def drawn(
    source: random.Random, base: datetime, clients: list[int], first: int, *, repeated: bool = False
) -> Event:
    """An event in one of the few minutes from ``first`` on."""
    minute = first + source.randrange(PACE + 2)
    return Event(
        client_id=source.choice(clients),
        at=base + timedelta(minutes=minute, microseconds=source.randrange(60_000_000)),
        value=float(source.choice([10, 3000, 3001, 20_000])),
        metric=source.choice(METRICS),
        success=source.random() < 0.9,
        complexity=source.choice([None, "simple", "moderate"]),
        stars=source.choice([None, None, 1.0, 4.5]),
        event_id=UUID(int=source.getrandbits(128)) if repeated else None,
    )


def write(wanted: list[list[Event]], committed: int) -> None:
    """Store batch after batch, and tell of each."""
    from metrics.ingest.store import store

    for batch in wanted:
        store([event.row for event in batch])
        os.write(committed, b".")


def work() -> None:
    """Roll up and count until killed, in small batches, so that many are under way."""
    from metrics import longer, rollups
    from slas import slis

    while True:
        rollups.roll_up(batch=5)
        slis.count(hours=2)
        longer.roll_up(timezone.now(), batch=2)


def fork(run: Callable[[], None]) -> int:
    """A process that runs it and ends; its id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        run()
        code = 0
    finally:
        os._exit(code)


def killed(pid: int) -> None:
    """SIGKILL, so that nothing is tidied up."""
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "a worker failed"


def main(seed: int, base: datetime, clients: list[int]) -> int:
    """Let them all loose; returns how many workers were killed while writers wrote."""
    django.setup()
    ended, committed = os.pipe()
    writers = []
    for number in range(WRITERS):
        mine = batches(seed, number, base, clients)
        writers.append(fork(lambda mine=mine: write(mine, committed)))  # type: ignore[misc]
    # Only writers hold it now, so that reading ends with the last of them.
    os.close(committed)
    workers = [fork(work) for _ in range(WORKERS)]
    try:
        deaths = kill_while_they_write(random.Random(seed), ended, workers)
        for worker in list(workers):
            killed(worker)
            workers.remove(worker)
        assert all(os.waitpid(writer, 0)[1] == 0 for writer in list(writers))
        writers.clear()
    finally:
        for pid in [*workers, *writers]:
            os.kill(pid, signal.SIGKILL)
    return deaths


def kill_while_they_write(source: random.Random, ended: int, workers: list[int]) -> int:
    """Every few commits kill a worker and start another in its place; how many were killed."""
    left, deaths = WRITERS * BATCHES, 0
    while left > 0:
        for _ in range(min(left, source.randint(LEAST, MOST))):
            assert os.read(ended, 1), "a writer ended before it had stored everything"
            left -= 1
        place = source.randrange(WORKERS)
        killed(workers[place])
        workers[place] = fork(work)
        deaths += 1
    return deaths


if __name__ == "__main__":
    seed, base, *clients = sys.argv[1:]
    sys.stdout.write(str(main(int(seed), datetime.fromisoformat(base), [*map(int, clients)])))
