"""Flask: the WSGI middleware, plus what only Flask knows: the route, and what a view raised."""

from __future__ import annotations

from typing import Any

from flask import Flask, got_request_exception, request, request_started

from aiosmon_sdk.call import Call
from aiosmon_sdk.wsgi import AiosmonMiddleware


def instrument(app: Flask, **options: Any) -> None:
    """Measure an application; options: see ``aiosmon_sdk.requests.Requests``."""
    middleware = AiosmonMiddleware(app.wsgi_app, **options)
    app.wsgi_app = middleware  # type: ignore[method-assign]  # as Flask's manual does

    def name_route(_sender: Flask, **_: Any) -> None:
        call = request.environ.get("aiosmon")
        if isinstance(call, Call) and request.url_rule is not None:
            call.endpoint = request.url_rule.rule

    def note_exception(_sender: Flask, exception: BaseException, **_: Any) -> None:
        call = request.environ.get("aiosmon")
        if isinstance(call, Call):
            middleware.caught(call, exception)

    # weak=False: nobody else keeps the functions.
    request_started.connect(name_route, app, weak=False)
    got_request_exception.connect(note_exception, app, weak=False)
