"""The fast way in, without a server: requests go to the ASGI application itself."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from accounts import keys
from metrics.ingest.asgi import Ingestion
from metrics.ingest.rest import Rest
from metrics.ingest.tally import tally

Post = Callable[..., list[httpx.Response]]


async def inner(scope: Any, receive: Any, send: Any) -> None:
    """Stands where Django stands; says 418."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


@contextmanager
def fast_way_in() -> Iterator[Post]:
    """Send bodies at once: ``post(key, rows, rows)`` gives an answer for each."""
    keys.ring.forget()
    app = Ingestion(inner)

    async def send_all(
        key: str, path: str, bodies: tuple[Any, ...], headers: dict[str, str]
    ) -> Any:
        headers = {"Authorization": f"Bearer {key}", **headers}
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
            sent = [client.post(path, headers=headers, **_content(body)) for body in bodies]
            return await asyncio.gather(*sent)

    def send(key: str, *bodies: Any, path: str = Rest.path, **headers: str) -> list[httpx.Response]:
        answers: list[httpx.Response] = asyncio.run(send_all(key, path, bodies, headers))
        return answers

    try:
        yield send
    finally:
        app.close()
        tally.reset()
    keys.ring.forget()


def _content(body: Any) -> dict[str, Any]:
    return {"content": body} if isinstance(body, bytes) else {"json": body}
