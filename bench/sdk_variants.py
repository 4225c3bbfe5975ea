"""The applications that `bench.sdk` measures, each in its variants: ASGI and Django."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiosmon_sdk import Client
from aiosmon_sdk.asgi import AiosmonMiddleware
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

HEADERS = [
    (b"host", b"service.example"),
    (b"user-agent", b"bench/1"),
    (b"accept", b"*/*"),
    (b"content-type", b"application/json"),
    (b"content-length", b"0"),
    (b"x-client", b"acme"),
    (b"x-request-id", b"0b9e9f5a2c9a4d0c8e3f"),
    (b"accept-encoding", b"gzip"),
]


@dataclass
class Variant:
    """One way to run the application; ``flush`` sends what is queued."""

    name: str
    call: Callable[[int], None]
    flush: Callable[[], object] = lambda: None
    cpu: list[float] = field(default_factory=list)
    wait: list[float] = field(default_factory=list)


async def bare(_scope: Any, _receive: Any, send: Any) -> None:
    """The least that an ASGI application does."""
    start = {"type": "http.response.start", "status": 200, "headers": []}
    await send(start)
    await send({"type": "http.response.body", "body": b"ok"})


def asgi_variants(alive: Client, gone: dict[str, Client], port: int) -> list[Variant]:
    """The bare application, each variant called on one event loop."""
    loop = asyncio.new_event_loop()

    def caller(app: Callable[..., Awaitable[None]]) -> Callable[[int], None]:
        async def several(times: int) -> None:
            for _ in range(times):
                await app(scope(), nothing, taken)

        return lambda times: loop.run_until_complete(several(times))

    variants = [
        Variant("plain", caller(bare)),
        Variant("SDK", caller(AiosmonMiddleware(bare, sender=alive)), alive.flush),
        # A flush that can't succeed would only wait: what is queued stays, and costs memory alone.
        *(
            Variant(name, caller(AiosmonMiddleware(bare, sender=sender)))
            for name, sender in gone.items()
        ),
    ]
    otel = opentelemetry(port)
    if otel:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        app = OpenTelemetryMiddleware(bare, tracer_provider=otel)
        variants.append(Variant("OpenTelemetry", caller(app), otel.force_flush))
    return variants


def scope() -> dict[str, Any]:
    """What a server hands to an application."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/ai/query",
        "raw_path": b"/api/ai/query",
        "query_string": b"",
        "root_path": "",
        "headers": HEADERS,
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


async def nothing() -> dict[str, Any]:
    """An empty request body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def taken(_message: Any) -> None:
    """The server's send."""


def view(_request: HttpRequest) -> HttpResponse:
    """The least that a Django view does."""
    return HttpResponse(b"ok")


urlpatterns = [path("api/ai/query", view)]


def django_variants(alive: Client, gone: dict[str, Client], port: int) -> list[Variant]:
    """Django's WSGI handler with no middleware but the one that is measured."""
    ours = ["aiosmon_sdk.django.AiosmonMiddleware"]
    variants = [
        Variant("plain", handler([], {})),
        Variant("SDK", handler(ours, {"sender": alive}), alive.flush),
        *(Variant(name, handler(ours, {"sender": sender})) for name, sender in gone.items()),
    ]
    otel = opentelemetry(port)
    if otel:
        from opentelemetry.instrumentation.django import DjangoInstrumentor

        settings.MIDDLEWARE = []
        # It puts its middleware into the settings.
        DjangoInstrumentor().instrument(tracer_provider=otel)
        call = handler(list(settings.MIDDLEWARE), {})
        variants.append(Variant("OpenTelemetry", call, otel.force_flush))
    return variants


def handler(middleware: list[str], options: dict[str, Any]) -> Callable[[int], None]:
    """Calls a WSGI handler as a server does."""
    settings.MIDDLEWARE, settings.AIOSMON = middleware, options
    app = WSGIHandler()

    def several(times: int) -> None:
        for _ in range(times):
            response = app(environ(), lambda *_: None)
            for _part in response:
                pass
            response.close()

    return several


def environ() -> dict[str, Any]:
    """What a server hands to a WSGI application."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/api/ai/query",
        "QUERY_STRING": "",
        "SERVER_NAME": "service.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "service.example",
        "HTTP_USER_AGENT": "bench/1",
        "HTTP_X_CLIENT": "acme",
        "HTTP_X_REQUEST_ID": "0b9e9f5a2c9a4d0c8e3f",
        "wsgi.input": io.BytesIO(),
        "wsgi.url_scheme": "http",
    }


def opentelemetry(port: int) -> Any:
    """A tracer provider, as it comes, that exports to the sink; None when it is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        print("  (OpenTelemetry is not installed: not compared)")
        return None
    provider = TracerProvider()
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
