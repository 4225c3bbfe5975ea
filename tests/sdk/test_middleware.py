"""What the middlewares make of a request, in the cases that the matrix does not reach."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmon_sdk import Client, Rule
from aiosmon_sdk.asgi import AiosmonMiddleware
from aiosmon_sdk.wsgi import AiosmonMiddleware as WsgiMiddleware
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from tests.sdk.portal import FakePortal

App = Callable[..., Any]


def serve(app: App, path: str = "/x", headers: dict[str, str] | None = None) -> list[Any]:
    """Call an ASGI application as a server does; returns what it sent."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    bodies = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        # As a server: after the body there is nothing until the caller leaves.
        return bodies.pop() if bodies else await asyncio.Event().wait()

    listed = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "headers": listed,
        "query_string": b"a=1",
        "server": ("x", 80),
        "http_version": "1.1",
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    return sent


def answering(status: int, *parts: bytes) -> App:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return app


def rows(portal: FakePortal, client: Client) -> list[dict[str, Any]]:
    assert client.flush(5)
    return portal.rows


def test_rules_name_rows_by_path(portal: FakePortal, client: Client) -> None:
    rules = [
        Rule("/api/query*", "conversational_query_response_time"),
        Rule("/api/*", "api_time", "user_interface", "user_interface"),
    ]
    app = AiosmonMiddleware(
        answering(200, b"ok"), sender=client, rules=rules, include=["/api/*"], exclude="*/health"
    )
    for path in ("/api/query/1", "/api/other", "/api/health", "/static/x"):
        serve(app, path)
    found = [(row["metric_name"], row["component"]) for row in rows(portal, client)]
    assert found == [
        ("conversational_query_response_time", "cognitive_core"),
        ("api_time", "user_interface"),
    ]


def test_describe_fills_in_the_call_and_may_fail(
    portal: FakePortal, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def describe(call: Any, scope: Any) -> None:
        call.client = "acme"
        call.metadata["query"] = scope["query_string"].decode()
        raise KeyError("bug")

    app = AiosmonMiddleware(answering(200, b"ok"), sender=client, describe=describe)
    serve(app)
    serve(app)
    first, _second = rows(portal, client)
    assert first["client"] == "acme"
    assert first["metadata"]["query"] == "a=1"
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_a_failure(portal: FakePortal, client: Client, status: int) -> None:
    serve(AiosmonMiddleware(answering(status, b""), sender=client))
    (row,) = rows(portal, client)
    assert row["success"] is False
    assert row["metadata"]["error"] == f"HTTP {status}"


def test_callers_mistakes_can_be_left_out(portal: FakePortal, client: Client) -> None:
    serve(AiosmonMiddleware(answering(404, b""), sender=client, client_errors=False))
    serve(AiosmonMiddleware(answering(404, b""), sender=client))
    (row,) = rows(portal, client)
    assert row["success"] is True


def test_an_exception_in_the_middle_of_a_stream_is_a_failure(
    portal: FakePortal, make_client: Callable[..., Client]
) -> None:
    client = make_client(error_messages=False)

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        raise ValueError("a secret")

    with pytest.raises(ValueError, match="secret"):
        serve(AiosmonMiddleware(app, sender=client))
    (row,) = rows(portal, client)
    assert (row["success"], row["metadata"]["error"]) == (False, "ValueError")
    assert row["metadata"]["ttfb_ms"] > 0


def test_no_answer_at_all_is_a_failure(portal: FakePortal, client: Client) -> None:
    serve(AiosmonMiddleware(answering(200), sender=client), "/nothing-but-a-start")

    async def silent(*_: Any) -> None:
        return

    serve(AiosmonMiddleware(silent, sender=client), "/silent")
    found = {row["endpoint_path"]: row for row in rows(portal, client)}
    assert found["/silent"]["success"] is False
    assert found["/silent"]["metadata"]["error"] == "no answer"


def test_routes_below_mounts_are_named_by_their_template(
    portal: FakePortal, client: Client
) -> None:
    async def item(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("item")

    app = Starlette(routes=[Mount("/api", routes=[Route("/items/{id}", item)])])
    serve(AiosmonMiddleware(app, sender=client), "/api/items/7")
    (row,) = rows(portal, client)
    assert row["endpoint_path"] == "/api/items/{id}"


def test_background_work_after_the_answer_is_not_its_time(
    portal: FakePortal, client: Client
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answering(200, b"ok")(scope, receive, send)
        await asyncio.sleep(0.1)

    serve(AiosmonMiddleware(app, sender=client))
    (row,) = rows(portal, client)
    assert row["metric_value"] < 100


def test_headers_are_read_only_where_wanted(portal: FakePortal, client: Client) -> None:
    headers = {"X-Client": "acme", "X-Request-ID": "r1"}
    app = answering(200, b"ok")
    serve(AiosmonMiddleware(app, sender=client), headers=headers)
    unread = {"client_header": None, "request_id_header": None}
    serve(AiosmonMiddleware(app, sender=client, **unread), headers=headers)
    first, second = rows(portal, client)
    assert (first["client"], first["request_id"]) == ("acme", "r1")
    assert "client" not in second
    assert "request_id" not in second


def test_other_connections_pass_untouched(client: Client) -> None:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    middleware = AiosmonMiddleware(app, sender=client)
    for kind in ("lifespan", "websocket"):
        asyncio.run(middleware({"type": kind}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan", "websocket"]
    assert client.stats()["queued"] == 0


def test_a_starlette_stream_is_timed_to_its_first_and_last_byte(
    portal: FakePortal, client: Client
) -> None:
    async def parts() -> Any:
        await asyncio.sleep(0.03)
        yield b"a"
        await asyncio.sleep(0.05)
        yield b"b"

    async def stream(_request: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    serve(AiosmonMiddleware(Starlette(routes=[Route("/x", stream)]), sender=client))
    (row,) = rows(portal, client)
    assert 30 <= row["metadata"]["ttfb_ms"] < 75
    assert row["metric_value"] >= 80


def wsgi(app: App) -> Any:
    environ = {"PATH_INFO": "/x", "REQUEST_METHOD": "GET"}
    return app(environ, lambda *_: None)


def test_a_wsgi_stream_that_is_left_is_aborted_and_closed(
    portal: FakePortal, client: Client
) -> None:
    closed: list[bool] = []

    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    parts = wsgi(WsgiMiddleware(app, sender=client))
    next(parts)
    parts.close()
    (row,) = rows(portal, client)
    assert closed == [True]
    assert row["metadata"]["aborted"] is True


def test_a_wsgi_list_is_handed_on_as_it_is(portal: FakePortal, client: Client) -> None:
    answer = [b"whole"]

    def app(_environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return answer

    assert wsgi(WsgiMiddleware(app, sender=client)) is answer
    assert len(rows(portal, client)) == 1


def test_a_client_that_is_off_leaves_the_service_alone(
    make_client: Callable[..., Client],
) -> None:
    off = make_client(url="")
    sent = serve(AiosmonMiddleware(answering(200, b"ok"), sender=off))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
