"""The ASGI application: `python -m granian --interface asgi demo.app:app --port 8090`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from aiosmon_sdk import Call
from aiosmon_sdk.asgi import AiosmonMiddleware
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from demo import config, reporting
from demo.calls import call_of, take_client
from demo.degrade import COMPONENTS, MAX_SLOWDOWN_MS
from demo.learning import Feedback
from demo.problems import Fields, Problem, read_fields
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


def measured(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Hand the request's call to the handler, and turn what it raises into an answer."""

    @wraps(handler)
    async def endpoint(request: Request) -> Response:
        call = None
        try:
            call = call_of(request)
            return await handler(request, call)
        except Problem as problem:
            if call and problem.status >= 500:
                call.failed(problem)
            return problem.response()
        except Exception as error:
            log.exception("%s failed", request.url.path)
            if call:
                call.failed(error)
            return Problem(500, None, "The service failed.", "See its log.").response()

    return endpoint


@measured
async def query(request: Request, call: Call) -> Response:
    """POST /api/ai/query."""
    fields = await read_fields(request)
    text = fields.text("query", longest=LONGEST_TEXT)
    predict = fields.flag("include_ml_predictions", default=False)
    wants_feedback = fields.flag("enable_user_feedback", default=False)
    take_client(call, fields)
    body = await _service(request).query(call, text, predict=predict)
    return JSONResponse(body | {"feedback_url": "/api/ai/feedback" if wants_feedback else None})


@measured
async def feedback(request: Request, call: Call) -> Response:
    """POST /api/ai/feedback."""
    service = _service(request)
    fields = await read_fields(request)
    kind = fields.choice("feedback", FEEDBACK_KINDS)
    stars = _stars(kind, fields)
    take_client(call, fields)
    given = Feedback(
        request_id=fields.optional_text("request_id", longest=100),
        stars=stars,
        correction=_correction(kind, fields),
        retrain=fields.flag("triggers_retraining", default=False),
    )
    call.metadata.update(
        feedback_type=kind,
        has_correction=bool(given.correction),
        triggers_retraining=given.retrain,
    )
    effect, retraining = await service.feedback(given)
    # A rating counts for the class of query that it rates.
    call.complexity = effect.label
    known = bool(given.request_id and service.learner.knows(given.request_id))
    if given.request_id and known and stars:
        # It is the rated request's: the portal finds its model and class.
        rating = {"thumbs_up": "up", "thumbs_down": "down"}.get(kind, stars)
        reporting.rate(service.portal, call, given.request_id, rating, given.correction)
    else:
        call.satisfaction = stars
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


@measured
async def embed(request: Request, call: Call) -> Response:
    """POST /api/ai/embed."""
    service = _service(request)
    fields = await read_fields(request)
    texts = fields.texts("texts", most=MOST_TEXTS, longest=LONGEST_TEXT)
    take_client(call, fields)
    call.metadata["batch_size"] = len(texts)
    vectors = await service.embed(texts)
    body = {"model": MODEL_NAME, "dimensions": service.embedder.dimensions, "vectors": vectors}
    return JSONResponse(body)


@measured
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
    classifier = service.classifier
    body: dict[str, Any] = {
        "status": "ok",
        "passages": service.passages,
        "pgml": service.pgml.state,
        "classifier": {"held_out_accuracy": classifier.accuracy, "learned": classifier.learned},
        "reporting": {"on": service.portal.enabled, **reporting.figures(service.portal)},
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
    tasks = [
        asyncio.create_task(service.report_resources()),
        asyncio.create_task(
            Traffic(service.config.own_url, service.config.traffic_per_second).run()
        ),
    ]
    if service.config.database_url:
        degraded = service.degradations.of("cognitive_core")
        install = service.pgml.install(service.models.values(), degraded)
        tasks.append(asyncio.create_task(install))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=reporting.FLUSH_SECONDS)
        await asyncio.to_thread(service.portal.close)
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
    # Older versions hand the app over by its name, so it has to have one.
    middleware=[Middleware(AiosmonMiddleware, **reporting.MEASURED)],  # type: ignore[arg-type]
    exception_handlers={Problem: on_problem, HTTPException: on_http_error},
    lifespan=lifespan,
)
