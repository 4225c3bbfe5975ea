"""Background traffic: real HTTP requests to the service itself, in the name of two clients."""

import asyncio
import logging
import random
import time
from typing import Any

import httpx

from demo.classifier import load_labelled

log = logging.getLogger("demo.traffic")

CLIENTS = ("acme", "globex")
MOST_IN_FLIGHT = 4
TIMEOUT_SECONDS = 30.0
START_SECONDS = 60.0
QUERY_SHARE, EMBED_SHARE = 0.7, 0.15
FEEDBACK_SHARE = 0.5
# The specification's target per class: an answer slower than this spoils the rating.
EXPECTED_MS = {"simple": 3000.0, "moderate": 8000.0, "complex": 15000.0}


def rating_of(confidence: float, latency_ms: float, complexity: str) -> int:
    """1..5 stars: 5 for a confident answer in its class's target, 2 less at twice that."""
    doubt = 3 * max(0.0, 0.85 - confidence) / 0.85
    lateness = 2 * max(0.0, latency_ms / EXPECTED_MS[complexity] - 1)
    return round(min(5.0, max(1.0, 5 - doubt - lateness)))


class Traffic:
    """Sends requests at random moments, `per_second` on average; a failure never ends it."""

    def __init__(self, url: str, per_second: float) -> None:
        self._url = url
        self._per_second = per_second
        self._queries = load_labelled()
        self._slots = asyncio.Semaphore(MOST_IN_FLIGHT)

    async def run(self) -> None:
        """Wait until the service answers, then send until cancelled."""
        if not self._per_second:
            return
        async with (
            httpx.AsyncClient(base_url=self._url, timeout=TIMEOUT_SECONDS) as http,
            asyncio.TaskGroup() as requests,
        ):
            if not await self._answers(http):
                log.error("no traffic: %s did not answer /healthz", self._url)
                return
            while True:
                await asyncio.sleep(random.expovariate(self._per_second))
                await self._slots.acquire()
                requests.create_task(self._one(http))

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if (await http.get("/healthz")).is_success:
                    return True
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.2)
        return False

    async def _one(self, http: httpx.AsyncClient) -> None:
        headers = {"X-Client": random.choice(CLIENTS)}
        dice = random.random()
        try:
            if dice < QUERY_SHARE:
                await self._ask(http, headers)
            elif dice < QUERY_SHARE + EMBED_SHARE:
                texts = [query for query, _ in random.sample(self._queries, random.randint(1, 20))]
                await http.post("/api/ai/embed", json={"texts": texts}, headers=headers)
            else:
                await http.get("/terminal", headers=headers)
        except httpx.HTTPError as error:
            log.warning("a request failed: %s %s", type(error).__name__, error)
        except Exception:
            log.exception("a request failed in an unexpected way")
        finally:
            self._slots.release()

    async def _ask(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        query, _ = random.choice(self._queries)
        body = {"query": query, "include_ml_predictions": True, "enable_user_feedback": True}
        started = time.perf_counter()
        answer = await http.post("/api/ai/query", json=body, headers=headers)
        elapsed = (time.perf_counter() - started) * 1000
        if answer.is_success and random.random() < FEEDBACK_SHARE:
            reaction = self._reaction(answer.json(), elapsed)
            await http.post("/api/ai/feedback", json=reaction, headers=headers)

    def _reaction(self, answer: dict[str, Any], ms: float) -> dict[str, Any]:
        stars = rating_of(answer["confidence"], ms, answer["complexity"])
        reaction: dict[str, Any] = {"request_id": answer["request_id"], "feedback": "rating"}
        return reaction | {"rating": stars}
