"""The API's description: valid, complete, and true of what the addresses answer."""

import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import jsonschema
import msgspec
import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema

from accounts import keys
from accounts.models import ApiKey, User
from metrics.ingest.service import BY_PATH
from tests.metrics.wire import row

pytestmark = pytest.mark.django_db
METRICS = "/api/v1/metrics/"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description, as JSON readers get it. A warning of the generator's is an error."""
    text = StringIO()
    call_command("spectacular", "--fail-on-warn", "--format", "openapi-json", stdout=text)
    return dict(json.loads(text.getvalue()))


@pytest.fixture
def ask() -> Callable[..., Any]:
    """``ask("GET", url, scopes=[…])`` with a key of these scopes; none without any."""

    def send(method: str, url: str, data: Any = None, *, scopes: Any = (), **headers: str) -> Any:
        if scopes:
            headers["Authorization"] = f"Bearer {keys.issue('docs', list(scopes))[1]}"
        body = data if isinstance(data, bytes) else msgspec.json.encode(data) if data else b""
        content_type = headers.pop("content_type", "application/json")
        return Browser().generic(method, url, body, content_type=content_type, headers=headers)

    return send


def paths_of(patterns: Any, prefix: str = "/") -> Iterator[str]:
    """Every address below ``patterns``, as OpenAPI writes it."""
    for one in patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from paths_of(one.url_patterns, path)
        elif isinstance(one, URLPattern):
            converters = one.pattern.converters
            for name, converter in converters.items():
                kind = type(converter).__name__.removesuffix("Converter").lower()
                path = path.replace(f"<{kind}:{name}>", f"{{{name}}}")
            yield path


def check(described: dict[str, Any], method: str, answer: Any, path: str = METRICS) -> None:
    """Hold an answer to what is described for its status."""
    response = described["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = described["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
    schema = response["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": described["components"]})
    validator.validate(answer.json())
    for name, header in response.get("headers", {}).items():
        assert not header.get("required") or name in answer.headers


def test_it_is_openapi_3_1(described: dict[str, Any]) -> None:
    assert described["openapi"] == "3.1.0"
    validate_schema(described)


def test_it_has_every_address_and_no_other(described: dict[str, Any]) -> None:
    rest = {path for path in paths_of(get_resolver().url_patterns) if path.startswith("/api/v1/")}
    assert METRICS in rest
    assert set(described["paths"]) == rest | set(BY_PATH)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}
    for name in names:
        found: Any = described
        for step in name.split("/"):
            found = found[step]
        assert found


def test_every_operation_names_the_keys_errors_and_how_to_retry(described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert {"401", "403", "503"} <= set(operation["responses"]), (method, path)
            assert operation["security"] == [{"bearer": []}, {"apiKey": []}]
    assert "Retry-After" in described["components"]["responses"]["Unavailable"]["headers"]


def test_every_face_of_ingestion_says_what_it_takes_and_answers(described: dict[str, Any]) -> None:
    for path, face in BY_PATH.items():
        operation = described["paths"][path]["post"]
        assert set(operation["requestBody"]["content"]) == face.content_types, path
        assert {"400", "413", "415", "429"} <= set(operation["responses"]), path


def test_its_examples_are_rows_that_are_stored(described: dict[str, Any], ask: Any) -> None:
    bodies = described["paths"][METRICS]["post"]["requestBody"]["content"]
    examples = bodies["application/json"]["examples"]
    sent = [msgspec.json.encode(one["value"]) for one in examples.values()]
    for example in [*sent, bodies["application/x-ndjson"]["example"].encode()]:
        # Only the examples' date is too old.
        body = example.replace(b'"timestamp":"2026-01-31T12:00:00Z",', b"")
        body = body.replace(b'"event_id"', b'"request_id"')
        kind = "application/json" if example in sent else "application/x-ndjson"
        answer = ask("POST", METRICS, body, scopes=["ingest"], content_type=kind)
        assert answer.status_code == 201, answer.json()


@pytest.mark.parametrize(
    ("status", "rows"),
    [
        (201, [row()]),
        (207, [row(), row(metric_value="x")]),
        (400, [row(metric_value="x")]),
        (400, b"{"),
    ],
)
def test_what_is_answered_to_rows_is_as_described(
    described: dict[str, Any], ask: Any, status: int, rows: Any
) -> None:
    answer = ask("POST", METRICS, rows, scopes=["ingest"])
    assert answer.status_code == status
    check(described, "POST", answer)


def test_a_page_of_rows_is_as_described(
    described: dict[str, Any], ask: Any, acme: Any, make_rows: Any
) -> None:
    make_rows(acme, [1.0, 2.0], metadata={"a": 1}, ml_models_used=["gpt-4o"])
    answer = ask("GET", f"{METRICS}?page_size=1", scopes=["read"])
    assert answer.json()["next"]
    check(described, "GET", answer)


@pytest.mark.parametrize(
    ("status", "method", "url", "options"),
    [
        (400, "GET", f"{METRICS}?metric=x", {"scopes": ["read"]}),
        (401, "GET", METRICS, {}),
        (401, "POST", METRICS, {}),
        (403, "GET", METRICS, {"scopes": ["ingest"]}),
        (403, "POST", METRICS, {"scopes": ["read"]}),
        (404, "GET", f"{METRICS}?cursor=x", {"scopes": ["read"]}),
        (406, "GET", METRICS, {"scopes": ["read"], "Accept": "text/html"}),
        (413, "POST", METRICS, {"data": b" " * (2**23 + 1), "scopes": ["ingest"]}),
        (415, "POST", METRICS, {"data": b"x", "scopes": ["ingest"], "content_type": "text/csv"}),
        (415, "POST", METRICS, {"data": b"x", "scopes": ["ingest"], "Content-Encoding": "br"}),
    ],
)
def test_an_error_is_as_described(
    described: dict[str, Any], ask: Any, status: int, method: str, url: str, options: Any
) -> None:
    answer = ask(method, url, **options)
    assert answer.status_code == status
    check(described, method, answer)


def test_a_key_that_came_with_another_body_is_as_described(
    described: dict[str, Any], ask: Any
) -> None:
    _key, text = keys.issue("docs", [ApiKey.Scope.INGEST])
    headers = {"Idempotency-Key": "once", "X-API-Key": text}
    first, again, other = (
        ask("POST", METRICS, [row(metric_value=n)], **headers) for n in (1, 1, 2)
    )
    assert [one.status_code for one in (first, again, other)] == [201, 201, 409]
    assert again.headers["Idempotent-Replay"] == "true"
    check(described, "POST", again)
    check(described, "POST", other)


def test_a_key_that_sent_too_much_is_as_described(described: dict[str, Any], ask: Any) -> None:
    key, text = keys.issue("docs", [ApiKey.Scope.INGEST])
    ApiKey.objects.filter(pk=key.pk).update(rows_per_minute=1)
    answers = [ask("POST", METRICS, [row(), row(), row()], **{"X-API-Key": text}) for _ in "ab"]
    assert answers[-1].status_code == 429
    check(described, "POST", answers[-1])


def test_strangers_are_not_told_where_to_knock() -> None:
    answer = Browser().get("/api/schema/?format=json")
    assert answer.status_code in (401, 403)
    assert set(answer.json()["error"]) == {"field", "problem", "fix"}
    assert Browser().get("/api/docs/").headers["Location"].startswith("/admin/login/")


def test_a_person_who_may_not_sign_in_to_the_admin_is_refused(make_user: Any) -> None:
    browser = Browser()
    browser.force_login(make_user(is_staff=False))
    assert browser.get("/api/schema/?format=json").status_code == 403


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_any_key_reads_it_in_json_or_yaml(api_key: str, form: str) -> None:
    answer = Browser().get(f"/api/schema/?format={form}", headers={"X-API-Key": api_key})
    text = answer.content.decode()
    start = '{"openapi":"3.1.0"' if form == "json" else "openapi: 3.1.0"
    assert text.replace("\n", "").replace(" ", "").startswith(start.replace(" ", ""))


def test_the_admin_leads_to_its_page(client: Any, make_user: Callable[..., User]) -> None:
    client.force_login(make_user("Viewer"))
    assert 'href="/api/docs/"' in client.get("/admin/").content.decode()
    assert client.get("/api/docs/").status_code == 200
