"""The ASGI entry point that the web server loads: fast ingestion in front of Django.

Django runs as WSGI in a fixed pool of threads, which keep their database
connections; its own ASGI handler was measured three times slower.
"""

import os
from typing import Any, cast

from a2wsgi import WSGIMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiosmon.settings")

# Loads the apps: what follows needs them.
from aiosmon.wsgi import application as django

# isort: split
from aiosmon.watcher import Watched
from metrics.ingest.asgi import Ingestion, Message, Receive, Send

THREADS = 8
_wsgi: Any = WSGIMiddleware(cast("Any", django), workers=THREADS)


async def in_threads(scope: Message, receive: Receive, send: Send) -> None:
    """Serve a request by Django.

    a2wsgi hands receive and send to the loop from its threads, which takes
    coroutines alone; the server's own are other awaitables.
    """

    async def receive_one() -> Message:
        return await receive()

    async def send_one(message: Message) -> None:
        await send(message)

    await _wsgi(scope, receive_one, send_one)


application = Watched(Ingestion(in_threads))
