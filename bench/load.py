"""The load generator, a process of its own.

`python -m bench.load PORT PATH KEY ROWS CONNECTIONS SECONDS FORM`

It prints JSON: rows and requests per second, and the 50th and 99th percentile
of the answer times in ms. Bodies are made before the clock starts.
"""

import asyncio
import json
import random
import sys
import time
from datetime import UTC, datetime
from typing import Any


def row(number: int, form: str) -> dict[str, Any]:
    """A row as a service sends it; form "drf" names the client by id, as the reference wants."""
    now = datetime.now(UTC).isoformat()
    fields: dict[str, Any] = {
        "metric_name": "conversational_query_response_time",
        "metric_category": "ai_query",
        "metric_value": random.lognormvariate(7.5, 0.8),
        "measurement_unit": "ms",
        "component": "cognitive_core",
        "service_name": "assistant",
        "endpoint_path": "/api/ai/query",
        "request_id": f"req-{number:012d}",
        "query_complexity": random.choice(["simple", "moderate", "complex"]),
        "ml_models_used": ["retriever", "generator"],
        "timestamp": now,
        "metadata": {"confidence": 0.87, "prompt_chars": 412, "region": "eu-west"},
        "success": True,
    }
    return fields | ({"client": 1, "synthetic": False} if form == "drf" else {})


def request(port: int, path: str, key: str, body: bytes) -> bytes:
    """One complete HTTP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def talk(port: int, requests: list[bytes], until: float, times: list[float]) -> None:
    """One keep-alive connection that sends the next request when the last is answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    turn = random.randrange(len(requests))
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(requests[turn % len(requests)])
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        assert status == 201, body
        times.append(time.perf_counter() - started)
        turn += 1
    writer.close()


async def talk_to(port: int, requests: list[bytes], status: int, until: float | None = None) -> int:
    """Send each request once, or in turns until that time; returns how many were answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    done = 0
    while (time.perf_counter() < until) if until else done < len(requests):
        writer.write(requests[done % len(requests)])
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        assert int(head[9:12]) == status, body
        done += 1
    writer.close()
    return done


async def main(argv: list[str]) -> None:
    """Run the load and print what was measured."""
    port, path, key = int(argv[0]), argv[1], argv[2]
    rows, connections, seconds, form = int(argv[3]), int(argv[4]), float(argv[5]), argv[6]
    bodies = [
        json.dumps([row(n * rows + i, form) for i in range(rows)] if rows > 1 else row(n, form))
        for n in range(max(2, 2000 // rows))
    ]
    requests = [request(port, path, key, body.encode()) for body in bodies]
    times: list[float] = []
    await asyncio.gather(
        *(talk(port, requests, time.perf_counter() + 1, []) for _ in range(connections))
    )
    began = time.perf_counter()
    await asyncio.gather(
        *(talk(port, requests, began + seconds, times) for _ in range(connections))
    )
    spent = time.perf_counter() - began
    times.sort()
    print(
        json.dumps(
            {
                "rows": len(times) * rows / spent,
                "requests": len(times) / spent,
                "p50_ms": times[len(times) // 2] * 1000,
                "p99_ms": times[int(len(times) * 0.99)] * 1000,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
