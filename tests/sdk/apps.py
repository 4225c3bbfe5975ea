"""The services of the matrix test, each set up as sdk/README.md says.

Every one answers /plain, /items/<number>, /stream (three parts, 50 ms apart), /fail and /status
(the SDK's counts). Run with SERVICE=starlette|fastapi|flask|django-wsgi|django-asgi.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiosmon_sdk

PARTS = [b"one ", b"two ", b"three"]


def status() -> dict[str, int]:
    """This process's id and the counts of its client, once all is sent."""
    client = aiosmon_sdk.default_client()
    client.flush(5)
    return {"pid": os.getpid(), **client.stats()}


async def slow_parts() -> AsyncIterator[bytes]:
    for part in PARTS:
        yield part
        await asyncio.sleep(0.05)
    aiosmon_sdk.current().models = ["generator"]


def slow_parts_sync() -> Iterator[bytes]:
    for part in PARTS:
        yield part
        time.sleep(0.05)
    aiosmon_sdk.current().models = ["generator"]


def starlette_app() -> Any:
    from aiosmon_sdk.asgi import AiosmonMiddleware
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Route

    async def plain(_request: Request) -> Response:
        return PlainTextResponse("plain")

    async def item(request: Request) -> Response:
        request.state.aiosmon.complexity = "simple"
        aiosmon_sdk.rate(f"r{request.path_params['number']}", 4)
        return PlainTextResponse(str(request.path_params["number"]))

    async def stream(_request: Request) -> Response:
        return StreamingResponse(slow_parts())

    async def fail(_request: Request) -> Response:
        raise ValueError("broken")

    async def counts(_request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(status))

    routes = [
        Route("/plain", plain),
        Route("/items/{number:int}", item),
        Route("/stream", stream),
        Route("/fail", fail),
        Route("/status", counts),
    ]
    app = Starlette(routes=routes)
    app.add_middleware(AiosmonMiddleware, exclude=["/status"])
    return app


def fastapi_app() -> Any:
    from aiosmon_sdk.asgi import AiosmonMiddleware
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse, StreamingResponse

    app = FastAPI()

    @app.get("/plain")
    async def plain() -> PlainTextResponse:
        return PlainTextResponse("plain")

    @app.get("/items/{number}")
    async def item(number: int) -> PlainTextResponse:
        aiosmon_sdk.current().complexity = "simple"
        aiosmon_sdk.rate(f"r{number}", 4)
        return PlainTextResponse(str(number))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(slow_parts())

    # A plain function: FastAPI runs it in a thread.
    @app.get("/fail")
    def fail() -> None:
        raise ValueError("broken")

    app.get("/status")(status)
    app.add_middleware(AiosmonMiddleware, exclude=["/status"])
    return app


def flask_app() -> Any:
    import flask
    from aiosmon_sdk.flask import instrument

    app = flask.Flask("matrix")

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    @app.get("/items/<int:number>")
    def item(number: int) -> str:
        flask.request.environ["aiosmon"].complexity = "simple"
        aiosmon_sdk.rate(f"r{number}", 4)
        return str(number)

    @app.get("/stream")
    def stream() -> flask.Response:
        return flask.Response(slow_parts_sync())

    @app.get("/fail")
    def fail() -> str:
        raise ValueError("broken")

    @app.get("/status")
    def counts() -> dict[str, int]:
        return status()

    instrument(app, exclude=["/status"])
    return app


def django_app(*, is_async: bool) -> Any:
    import django
    from django.conf import settings
    from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    def plain(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("plain")

    def item(request: HttpRequest, number: int) -> HttpResponse:
        request.aiosmon.complexity = "simple"  # type: ignore[attr-defined]
        aiosmon_sdk.rate(f"r{number}", 4)
        return HttpResponse(str(number))

    def stream(_request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(slow_parts() if is_async else slow_parts_sync())

    def fail(_request: HttpRequest) -> HttpResponse:
        raise ValueError("broken")

    def counts(_request: HttpRequest) -> JsonResponse:
        return JsonResponse(status())

    global urlpatterns  # Django finds them by module
    urlpatterns = [
        path("plain", plain),
        path("items/<int:number>", item),
        path("stream", stream),
        path("fail", fail),
        path("status", counts),
    ]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="matrix",
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "aiosmon_sdk.django.AiosmonMiddleware",
            "django.middleware.common.CommonMiddleware",
        ],
        AIOSMON={"exclude": ["/status"]},
    )
    django.setup()
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application

    return get_asgi_application() if is_async else get_wsgi_application()


urlpatterns: list[Any] = []
_MAKE = {
    "starlette": starlette_app,
    "fastapi": fastapi_app,
    "flask": flask_app,
    "django-wsgi": lambda: django_app(is_async=False),
    "django-asgi": lambda: django_app(is_async=True),
}

if os.environ.get("SERVICE"):
    # With gunicorn --preload this row is queued before the fork: the parent must send it, once.
    aiosmon_sdk.record("started", 1, unit="count", category="system_health")
    app = _MAKE[os.environ["SERVICE"]]()
