"""Promise: OTLP traces over HTTP, stored and idempotent when answered, stay near raw COPY.

500 spans a request as protobuf, each span new; against a raw COPY of such rows
into the same table over one connection, in the same run. Beside them, where
they are installed, arize-phoenix and mlflow under the same load.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import time

from bench import peers, servers
from bench.ingest import MAKE_KEY, SECONDS, line, raw_copy

SPANS, CONNECTIONS = 500, 4
COPY_RATIO = 0.12
OTHERS = {"phoenix": 100.0, "mlflow": 15.0}
PEER_REQUESTS, PEER_SECONDS = 4, 60.0
STORED = "SELECT count(*) FROM ai_performance_metrics WHERE event_id IS NOT NULL"
# What each span's trace id begins with, until the request is sent.
MARK = b"\x00AIOSMON"


def run() -> bool:
    """Print spans per second with their ratios; True when the promises are kept."""
    with servers.database() as url:
        key = servers.manage(url, "shell", "-v", "0", "-c", MAKE_KEY).split("KEY ")[1].strip()
        copy = raw_copy(url, connections=1)
        with servers.web(url) as port:
            ours = load(port, f"Authorization: Bearer {key}\r\n")
        copy = (copy + raw_copy(url, connections=1)) / 2
        stored = servers.query(
            url, "SELECT count(*) FROM ai_performance_metrics WHERE event_id IS NOT NULL"
        )
    kept = [line("OTLP traces, spans/s", ours["spans"], "raw COPY", copy, COPY_RATIO)]
    kept.append(line("spans stored", stored, "answered", ours["total"], 1.0))
    kept += [beside(name, ours["spans"]) for name in OTHERS]
    return all(kept)


def beside(name: str, ours: float) -> bool:
    """Compare with another store of traces; True where it is not there to compare with.

    It is sent a few requests and timed until their spans are in its database:
    some answer at once and store when they can.
    """
    if not peers.installed(name):
        print(f"  {name} is not on the PATH: not compared.")
        return True
    with peers.running(name) as peer:
        sent = load(peer.port, peer.headers, PEER_REQUESTS)
        answered = time.perf_counter()
        stored = peer.settled(sent["total"])
        rate = stored / (sent["seconds"] + time.perf_counter() - answered)
    return line(f"spans/s ({stored} stored)", ours, name, rate, OTHERS[name])


def load(port: int, headers: str, requests: int = 0) -> dict[str, float]:
    """Run the load generator, a process of its own; returns what it measured."""
    argv = [sys.executable, "-m", "bench.otlp", str(port), headers, str(requests)]
    done = subprocess.run(argv, cwd=servers.CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def body() -> bytes:
    """A request of SPANS spans as GenAI instrumentations make them, their trace ids marked."""
    from tests.metrics.otlp import span, traces

    spans = []
    for number in range(SPANS):
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.system": "openai",
            "gen_ai.request.model": random.choice(["gpt-4o", "gpt-4o-mini"]),
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": f"chatcmpl-{number:024d}",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.usage.input_tokens": random.randrange(10, 4000),
            "gen_ai.usage.output_tokens": random.randrange(10, 1000),
            "gen_ai.request.temperature": 0.7,
            "server.address": "api.openai.com",
            "server.port": 443,
        }
        trace_id = MARK + number.to_bytes(8, "big")
        spans.append(span(attributes, ms=random.lognormvariate(6.5, 0.8), trace_id=trace_id))
    resource = {"service.name": "assistant", "telemetry.sdk.language": "python"}
    return traces(*spans, resource=resource).SerializeToString()


async def talk(
    port: int, headers: str, bodies: list[bytes], until: float, most: int | None = None
) -> int:
    """One keep-alive connection that sends request after request; how many."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    head = (
        f"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}"
        "Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n"
    )
    count = 0
    while time.perf_counter() < until and count != most:
        sent = bodies[count % len(bodies)].replace(MARK, os.urandom(len(MARK)))
        writer.write(head.format(len(sent)).encode() + sent)
        await writer.drain()
        answered = await reader.readuntil(b"\r\n\r\n")
        length = int(answered.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        content = await reader.readexactly(length)
        assert answered[9:12] == b"200", content
        count += 1
    writer.close()
    return count


async def main(port: int, headers: str, requests: int) -> None:
    """Run the load and print what was measured; for seconds, or so many requests."""
    bodies = [body() for _ in range(8)]

    async def several(seconds: float, most: int | None = None) -> int:
        until = time.perf_counter() + seconds
        # Stores on SQLite refuse what comes while they write: one after another for them.
        count = 1 if requests else CONNECTIONS
        connections = (talk(port, headers, bodies, until, most) for _ in range(count))
        return sum(await asyncio.gather(*connections))

    warm = 0 if requests else await several(1.0)
    began = time.perf_counter()
    count = await several(PEER_SECONDS if requests else SECONDS, requests or None)
    seconds = time.perf_counter() - began
    total = (warm + count) * SPANS
    print(json.dumps({"spans": count * SPANS / seconds, "total": total, "seconds": seconds}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
