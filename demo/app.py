"""The ASGI application: `python -m granian --interface asgi demo.app:app --port 8090`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo import calls, config
from demo.calls import Call
from demo.degrade import COMPONENTS, MAX_SLOWDOWN_MS
from demo.learning import Feedback
from demo.problems import Fields, Problem, read_fields
from demo.reporting import FLUSH_SECONDS
from demo.service import Service
from demo.traffic import Traffic
from demo.vectors import MODEL_NAME

log = logging.getLogger("demo")

STATIC = Path(__file__).parent / "static"
FEEDBACK_KINDS = ("thumbs_up", "thumbs_down", "correction", "rating")
LONGEST_TEXT = 10_000
MOST_TEXTS = 100
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

Handler = Callable[[Request, Call], Awaitable[Response]]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def measured(series: calls.Series) -> Callable[[Handler], Callable[[Request], Awaitable[Response]]]:
    """Time the handler, turn a Problem into its answer, and report the request.

    Probes are not reported (the portal writes their row), nor are refused requests (4xx): the
    caller's mistake is not the service's failure.
    """

    def decorate(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        @wraps(handler)
        async def endpoint(request: Request) -> Response:
            try:
                call = Call.of(series, request)
            except Problem as problem:
                return problem.response()
            response = await _answer(handler, request, call)
            success = response.status_code < 400
            if not call.is_probe and (success or response.status_code >= 500):
                _service(request).reporter.add(call.row(success=success))
            return response

        return endpoint

    return decorate


async def _answer(handler: Handler, request: Request, call: Call) -> Response:
    try:
        return await handler(request, call)
    except Problem as problem:
        call.metadata["http_status"] = problem.status
        return problem.response()
    except Exception:
        log.exception("%s failed", call.path)
        call.metadata["http_status"] = 500
        return Problem(500, None, "The service failed.", "See its log.").response()


@measured(calls.QUERY)
async def query(request: Request, call: Call) -> Response:
    """POST /api/ai/query."""
    fields = await read_fields(request)
    text = fields.text("query", longest=LONGEST_TEXT)
    predict = fields.flag("include_ml_predictions", default=False)
    wants_feedback = fields.flag("enable_user_feedback", default=False)
    call.take_client(fields)
    body = await _service(request).query(call, text, predict=predict)
    return JSONResponse(body | {"feedback_url": "/api/ai/feedback" if wants_feedback else None})


@measured(calls.FEEDBACK)
async def feedback(request: Request, call: Call) -> Response:
    """POST /api/ai/feedback."""
    service = _service(request)
    fields = await read_fields(request)
    kind = fields.choice("feedback", FEEDBACK_KINDS)
    call.score = _stars(kind, fields)
    call.take_client(fields)
    given = Feedback(
        request_id=fields.optional_text("request_id", longest=100),
        stars=call.score,
        correction=_correction(kind, fields),
        retrain=fields.flag("triggers_retraining", default=False),
    )
    call.metadata |= {"feedback_type": kind, "has_correction": bool(given.correction)}
    call.metadata["triggers_retraining"] = given.retrain
    effect, retraining = await service.feedback(given)
    # A rating counts for the class of query that it rates.
    call.complexity = effect.label
    known = bool(given.request_id and service.learner.knows(given.request_id))
    body = {"accepted": True, "answer_known": known, "passages_changed": effect.passages_changed}
    return JSONResponse(body | {"retraining": retraining})


def _stars(kind: str, fields: Fields) -> int | None:
    stars = fields.integer("rating", 1, 5)
    if kind == "rating" and stars is None:
        raise Problem(400, "rating", "Missing.", "Send an integer from 1 to 5.")
    return stars or {"thumbs_up": 5, "thumbs_down": 1}.get(kind)


def _correction(kind: str, fields: Fields) -> str | None:
    if kind == "correction":
        return fields.text("userCorrection", longest=LONGEST_TEXT)
    return fields.optional_text("userCorrection", longest=LONGEST_TEXT)


@measured(calls.EMBED)
async def embed(request: Request, call: Call) -> Response:
    """POST /api/ai/embed."""
    service = _service(request)
    fields = await read_fields(request)
    texts = fields.texts("texts", most=MOST_TEXTS, longest=LONGEST_TEXT)
    call.take_client(fields)
    call.metadata["batch_size"] = len(texts)
    vectors = await service.embed(texts)
    body = {"model": MODEL_NAME, "dimensions": service.embedder.dimensions, "vectors": vectors}
    return JSONResponse(body)


@measured(calls.TERMINAL)
async def terminal(request: Request, call: Call) -> Response:  # noqa: ARG001
    """GET /terminal: the matrix terminal's page."""
    service = _service(request)
    await service.degradations.apply("user_interface")
    # Read here, not by a FileResponse, whose work begins only after the time was taken.
    page = await service.compute((STATIC / "terminal.html").read_bytes)
    return HTMLResponse(page, headers=PAGE_HEADERS)


async def healthz(request: Request) -> Response:
    """GET /healthz: that the service answers, and how its parts are."""
    service = _service(request)
    reporter, classifier = service.reporter, service.classifier
    body: dict[str, Any] = {
        "status": "ok",
        "passages": service.passages,
        "pgml": service.pgml.state,
        "classifier": {"held_out_accuracy": classifier.accuracy, "learned": classifier.learned},
        "reporting": {
            "on": service.config.reports,
            "queued": reporter.queued,
            "sent": reporter.sent,
            "dropped": reporter.dropped,
        },
    }
    return JSONResponse(body)


async def degrade(request: Request) -> Response:
    """GET and POST /demo/degrade: show or set the declared degradation."""
    service = _service(request)
    if request.method != "POST":
        return JSONResponse(service.degradations.as_dict())
    fields = await read_fields(request)
    fields.refuse_others("component", "slowdown", "error_rate")
    component = fields.choice("component", COMPONENTS)
    slowdown = fields.number("slowdown", 0, MAX_SLOWDOWN_MS)
    error_rate = fields.number("error_rate", 0, 1)
    if slowdown is None and error_rate is None:
        raise Problem(400, "slowdown", "Nothing to change.", "Send slowdown, error_rate or both.")
    service.degradations.set(component, slowdown, error_rate)
    return await _degraded(service)


async def recover(request: Request) -> Response:
    """POST /demo/recover: one component, or all when none is named."""
    service = _service(request)
    fields = await read_fields(request, empty_ok=True)
    fields.refuse_others("component")
    component = fields.choice("component", COMPONENTS) if fields.has("component") else None
    service.degradations.recover(component)
    return await _degraded(service)


async def _degraded(service: Service) -> Response:
    """The state of all, after telling the database what holds for its models too."""
    if service.pgml.state != "off":
        told = await service.pgml.degrade(service.degradations.of("cognitive_core"))
        if not told:
            log.warning("pgml.predict was not told of the new degradation")
    return JSONResponse(service.degradations.as_dict())


async def on_problem(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """A Problem raised outside a measured handler."""
    if not isinstance(error, Problem):
        raise error
    return error.response()


async def on_http_error(request: Request, error: Exception) -> Response:
    """404 and 405 in the same form as every other error."""
    if not isinstance(error, HTTPException):
        raise error
    fix = "See demo/README.md for the endpoints."
    problem = Problem(
        error.status_code, None, f"{request.method} {request.url.path}: {error.detail}", fix
    )
    response = problem.response()
    response.headers.update(error.headers or {})
    return response


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Fit, start the background tasks; at the end flush the rows and close everything."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    service = Service(config.from_environment())
    app.state.service = service
    reporting = asyncio.create_task(service.reporter.run())
    others = [
        asyncio.create_task(service.report_resources()),
        asyncio.create_task(
            Traffic(service.config.own_url, service.config.traffic_per_second).run()
        ),
    ]
    if service.config.database_url:
        degraded = service.degradations.of("cognitive_core")
        install = service.pgml.install(service.models.values(), degraded)
        others.append(asyncio.create_task(install))
    try:
        yield
    finally:
        for task in others:
            task.cancel()
        service.reporter.close()
        await asyncio.wait([reporting, *others], timeout=FLUSH_SECONDS)
        reporting.cancel()
        await asyncio.wait([reporting])
        await service.close()


app = Starlette(
    routes=[
        Route("/api/ai/query", query, methods=["POST"]),
        Route("/api/ai/feedback", feedback, methods=["POST"]),
        Route("/api/ai/embed", embed, methods=["POST"]),
        Route("/terminal", terminal),
        Mount("/terminal/static", StaticFiles(directory=STATIC)),
        Route("/healthz", healthz),
        Route("/demo/degrade", degrade, methods=["GET", "POST"]),
        Route("/demo/recover", recover, methods=["POST"]),
    ],
    exception_handlers={Problem: on_problem, HTTPException: on_http_error},
    lifespan=lifespan,
)
