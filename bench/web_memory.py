"""Promise: a web process stays flat over two million rows, and 600 MB hold the worst bodies.

One granian worker, as in production. First 2000 batches of 1000 new rows, each
with event ids and an Idempotency-Key: after a warm-up every look at its memory
(PSS) stays within 5 % of their median. Then 32 connections send bodies of 8 MiB
at the same moment, several rounds of each kind, plain ones and gzip bombs
that unpack to just under the limit; its peak (VmHWM, which misses nothing
between two looks) counts. Kinds marked "hostile" hold no rows but what takes a
decoder the most memory a byte.
"""

import asyncio
import gzip
import statistics
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bench import servers
from bench.ingest import MAKE_KEY
from bench.load import row

BATCH, BATCHES, WARM_UP, LOOK_EVERY, SENDERS = 1000, 2000, 600, 50, 4
FLAT = 0.05
CONNECTIONS, ROUNDS = 32, 2
BOUND_MB = 600
MB = 1000 * 1000
LIMIT = 8 * 1024 * 1024
PATH = "/api/v1/metrics/"
JSON_LINES = "application/x-ndjson"


@dataclass(frozen=True)
class Body:
    """A body of 8 MiB, once unpacked, and what its headers say of it."""

    name: str
    content: bytes
    content_type: str = "application/json"
    encoding: str = ""


@dataclass(frozen=True)
class Target:
    """The web server's address, the key, and the process that answers."""

    port: int
    key: str
    worker: psutil.Process

    def head(self, body: Body, more: str = "") -> bytes:
        """The head of a request with this body."""
        encoding = f"Content-Encoding: {body.encoding}\r\n" if body.encoding else ""
        return (
            f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\nContent-Type: {body.content_type}\r\n"
            f"Content-Length: {len(body.content)}\r\n{encoding}{more}\r\n"
        ).encode()


def run() -> bool:
    """Print both figures with their bounds; True when they are kept."""
    with servers.database() as url:
        key = servers.manage(url, "shell", "-v", "0", "-c", MAKE_KEY).split("KEY ")[1].strip()
        with servers.web(url) as port:
            target = Target(port, key, worker_of(port))
            kept = [stays_flat(target)]
            kept += [stays_below(target, body) for body in bodies()]
    return all(kept)


def worker_of(port: int) -> psutil.Process:
    """The process that answers on the port: granian's largest child."""
    ours = psutil.Process().children(recursive=True)
    children = [one for one in ours if one.ppid() != psutil.Process().pid and one.is_running()]
    servants = [one for one in children if str(port) in " ".join(one.parent().cmdline())]
    return max(servants, key=lambda one: one.memory_info().rss)


def stays_flat(target: Target) -> bool:
    """Send two million rows, looking at the memory now and then."""
    looks = asyncio.run(send_rows(target))
    middle = statistics.median(looks)
    off = max(abs(look - middle) for look in looks) / middle
    kept = off <= FLAT
    print(
        f"  PSS over {BATCH * BATCHES:,} rows, after {BATCH * WARM_UP:,}: {looks[0]:.0f} MB at "
        f"first, {looks[-1]:.0f} at last, off the median by at most {off:.1%}   "
        f"promise <= {FLAT:.0%}   ratio {off / FLAT:.2f}   {verdict(kept)}"
    )
    return kept


async def send_rows(target: Target) -> list[float]:
    """The looks, in MB."""
    looks: list[float] = []
    numbers = iter(range(BATCHES))

    async def sender() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=2**20)
        for number in numbers:
            head, body = batch(target, number)
            status = await exchange(reader, writer, head + body)
            assert status == 201, status
            if number >= WARM_UP and number % LOOK_EVERY == 0:
                looks.append(target.worker.memory_full_info().pss / MB)
        writer.close()

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return looks


def batch(target: Target, number: int) -> tuple[bytes, bytes]:
    """Head and body of a request with rows that were never sent before."""
    first = number * BATCH
    rows = [row(first + n, "portal") | {"event_id": uuid.uuid4()} for n in range(BATCH)]
    body = Body("rows", msgspec.json.encode(rows))
    return target.head(body, f"Idempotency-Key: bench-{number}\r\n"), body.content


def stays_below(target: Target, body: Body) -> bool:
    """Send a body over all connections at once; the process's peak is what counts."""
    (Path("/proc") / str(target.worker.pid) / "clear_refs").write_text("5")
    before = target.worker.memory_info().rss / MB
    answers = asyncio.run(at_once(target, body))
    peak = high_water_mb(target.worker.pid)
    kept = peak <= BOUND_MB
    print(
        f"  {CONNECTIONS} × 8 MiB {body.name:<26} {before:4.0f} to {peak:4.0f} MB   "
        f"promise <= {BOUND_MB}   ratio {peak / BOUND_MB:.2f}   {verdict(kept)}   "
        f"answers: {told(answers)}"
    )
    return kept


async def at_once(target: Target, body: Body) -> Counter[int]:
    """How often each status came back; 0: the connection was closed."""
    answers: Counter[int] = Counter()
    request = target.head(body) + body.content

    async def sender() -> None:
        for _ in range(ROUNDS):
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
                answers[await exchange(reader, writer, request)] += 1
                writer.close()
            except (ConnectionError, asyncio.IncompleteReadError):
                answers[0] += 1

    await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return answers


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> int:
    """Send a request and read its whole answer; the status."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head[9:12])


def high_water_mb(pid: int) -> float:
    """The most that was resident since it was last reset."""
    for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise RuntimeError("this kernel tells no VmHWM")


def bodies() -> list[Body]:
    """Every kind, each of 8 MiB once unpacked."""
    rows = full_of_rows()
    padded = padded_rows()
    hostile: dict[str, tuple[bytes, str]] = {
        "numbers": (repeated(b"[", b"1,", b"1]"), "application/json"),
        "objects": (repeated(metadata_head(), b'{"":1},', b"1]}}"), "application/json"),
        "lists": (repeated(metadata_head(), b"[],", b"1]}}"), "application/json"),
        "keys": (full_of_keys(), "application/json"),
        "lines": (repeated(b"", b"1\n", b"1"), JSON_LINES),
    }
    made = [
        Body("rows, plain", rows),
        Body("rows, gzip", gzip.compress(rows, 1), encoding="gzip"),
        Body("rows in blanks, gzip", gzip.compress(padded, 1), encoding="gzip"),
    ]
    for name, (content, kind) in hostile.items():
        assert LIMIT - 1024 < len(content) <= LIMIT, name
        made.append(Body(f"hostile {name}, plain", content, kind))
        made.append(Body(f"hostile {name}, gzip", gzip.compress(content, 1), kind, "gzip"))
    return made


def full_of_rows() -> bytes:
    """As many rows as a request may have, with metadata that fills it up to the limit."""
    filled = encoded_rows(lambda number: {"note": f"{number:06d}" * 70})
    assert LIMIT * 0.9 < len(filled) <= LIMIT, len(filled)
    return filled


def padded_rows() -> bytes:
    """The same rows without metadata, and blanks for the rest."""
    rows = encoded_rows(lambda _number: {})
    return rows[:-1] + b" " * (LIMIT - len(rows)) + b"]"


def encoded_rows(metadata: Callable[[int], dict[str, Any]]) -> bytes:
    """10,000 rows as JSON."""
    rows = [row(number, "portal") | {"metadata": metadata(number)} for number in range(10_000)]
    return msgspec.json.encode(rows)


def metadata_head() -> bytes:
    """The beginning of one row, up to a list in its metadata."""
    fields = row(0, "portal") | {"timestamp": datetime.now(UTC)}
    fields.pop("metadata")
    return msgspec.json.encode(fields)[:-1] + b',"metadata":{"a":['


def full_of_keys() -> bytes:
    """One row whose metadata has half a million different keys."""
    head = metadata_head()[: -len(b'"a":[')]
    filled = head + b"".join(b'"%08d":1,' % number for number in range((LIMIT - len(head)) // 13))
    return filled[:-1] + b" " * (LIMIT - len(filled) - 1) + b"}}"


def repeated(head: bytes, part: bytes, tail: bytes) -> bytes:
    """``part`` between head and tail as often as the limit allows."""
    return head + part * ((LIMIT - len(head) - len(tail)) // len(part)) + tail


def told(answers: Counter[int]) -> str:
    """Statuses and how often."""
    return ", ".join(f"{status}: {count}" for status, count in sorted(answers.items()))


def verdict(kept: bool) -> str:
    """In one word."""
    return "PASS" if kept else "FAIL"
