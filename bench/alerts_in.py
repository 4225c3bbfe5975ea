"""Promise: alerts of other systems are taken at a rate that no storm of theirs reaches.

64 connections send one alert a request, as Prometheus does: first ones that are
new, then the same again and again, as it does while they fire. Every answer
comes after the commit.
"""

import asyncio
import json
import secrets
import sys
import time

from bench import servers
from bench.load import request, talk_to

PATH = "/api/v2/alerts"
CONNECTIONS, NEW, SECONDS = 64, 4_000, 8.0
# What Alerta takes, with two workers on a machine of two cores, and how much more is promised.
ALERTA, TIMES = 121.0, 8.0


def run() -> bool:
    """Print alerts taken a second; True when the promise is kept."""
    with servers.database() as url:
        code = "from accounts import keys; print('key', keys.issue('bench', ['alerts'])[1])"
        key = servers.manage(url, "shell", "-c", code).split("key ")[-1].strip()
        with servers.web(url) as port:
            new = asyncio.run(_once(port, key))
            again = asyncio.run(_again(port, key))
        stored = servers.query(url, "SELECT count(*) FROM ai_performance_alerts")
    assert stored == NEW, stored
    for what, speed in (("new alerts", new), ("alerts told again", again)):
        print(
            f"  {what + ', one a request':<36} {speed:8,.0f}/s   "
            f"= {speed / ALERTA:4.1f} x Alerta's {ALERTA:g}/s   promise >= {TIMES:g}"
        )
    return min(new, again) >= TIMES * ALERTA


def _bodies(port: int, key: str) -> list[bytes]:
    run_id = secrets.token_hex(4)
    return [
        request(port, PATH, key, json.dumps([_alert(run_id, number)]).encode())
        for number in range(NEW)
    ]


def _alert(run_id: str, number: int) -> dict[str, object]:
    labels = {
        "alertname": f"Late{number % 50}",
        "instance": f"node-{number}",
        "severity": "warning",
    }
    return {"labels": labels, "annotations": {"summary": f"{run_id}: p95 is too high"}}


async def _once(port: int, key: str) -> float:
    """Each alert once, over all connections; alerts a second."""
    bodies = _kept(port, key)
    shares = [bodies[place::CONNECTIONS] for place in range(CONNECTIONS)]
    began = time.perf_counter()
    await asyncio.gather(*(talk_to(port, share, 200) for share in shares))
    return len(bodies) / (time.perf_counter() - began)


async def _again(port: int, key: str) -> float:
    bodies = _kept(port, key)
    shares = [bodies[place::CONNECTIONS] for place in range(CONNECTIONS)]
    until = time.perf_counter() + SECONDS
    counts = await asyncio.gather(*(talk_to(port, share, 200, until=until) for share in shares))
    return sum(counts) / SECONDS


_made: dict[tuple[int, str], list[bytes]] = {}


def _kept(port: int, key: str) -> list[bytes]:
    """The same bodies for both measurements."""
    return _made.setdefault((port, key), _bodies(port, key))


if __name__ == "__main__":
    sys.exit(0 if run() else 1)
