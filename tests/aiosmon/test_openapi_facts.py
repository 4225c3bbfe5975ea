"""Feedback, deployments, series and baselines answer as the API's description says."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from metrics import feedback, rollups
from tests.aiosmon.test_openapi import ask, check, described

__all__ = ["ask", "described"]
pytestmark = pytest.mark.django_db
FEEDBACK, DEPLOYMENTS = "/api/v1/feedback/", "/api/v1/deployments/"
SERIES, BASELINES = "/api/v1/series/", "/api/v1/baselines/"
INTEGRATED = "/api/v1/feedback/{vote_id}/integrated"
VOTE = {"request_id": "r-1", "rating": 4}
DEPLOYMENT = {"component": "cognitive_core", "service_name": "assistant", "version": "1"}
READ, SEND = {"scopes": ["read"]}, {"scopes": ["ingest"]}


@pytest.mark.parametrize(
    ("status", "method", "path", "query", "options"),
    [
        (201, "POST", FEEDBACK, "", {"data": [VOTE], **SEND}),
        (207, "POST", FEEDBACK, "", {"data": [VOTE, {}], **SEND}),
        (400, "POST", FEEDBACK, "", {"data": [{}], **SEND}),
        (400, "POST", FEEDBACK, "", {"data": b"{", **SEND}),
        (413, "POST", FEEDBACK, "", {"data": b" " * (2**23 + 1), **SEND}),
        (415, "POST", FEEDBACK, "", {"data": b"x", "content_type": "text/csv", **SEND}),
        (400, "GET", FEEDBACK, "?rated=1", READ),
        (404, "GET", FEEDBACK, "?cursor=x", READ),
        (403, "GET", FEEDBACK, "", SEND),
        (201, "POST", DEPLOYMENTS, "", {"data": DEPLOYMENT, **SEND}),
        (400, "POST", DEPLOYMENTS, "", {"data": {**DEPLOYMENT, "url": "x"}, **SEND}),
        (401, "POST", DEPLOYMENTS, "", {"data": DEPLOYMENT}),
        (413, "POST", DEPLOYMENTS, "", {"data": b" " * (2**23 + 1), **SEND}),
        (415, "POST", DEPLOYMENTS, "", {"data": b"x", "content_type": "text/csv", **SEND}),
        (400, "GET", DEPLOYMENTS, "?since=x", READ),
        (404, "GET", DEPLOYMENTS, "?cursor=x", READ),
        (400, "GET", SERIES, "", READ),
        (404, "GET", SERIES, "?metric_name=x&cursor=x", READ),
        (406, "GET", SERIES, "?metric_name=x", {"Accept": "text/html", **READ}),
        (200, "GET", BASELINES, "?page_size=2", READ),
        (400, "GET", BASELINES, "?active=maybe&x=1", READ),
        (401, "GET", BASELINES, "", {}),
    ],
)
def test_an_answer_is_as_described(
    described: Any, ask: Any, status: int, method: str, path: str, query: str, options: Any
) -> None:
    answer = ask(method, path + query, **options)
    assert answer.status_code == status, answer.content
    check(described, method, answer, path)


def test_what_is_read_back_is_as_described(
    described: Any, ask: Any, acme: Any, make_rows: Any
) -> None:
    at = timezone.now() - timedelta(minutes=1)
    make_rows(acme, [1.0], request_id="r-1", ml_models_used=["m"], timestamp=at)
    make_rows(acme, [1.0], success=False, timestamp=at - timedelta(minutes=5))
    rollups.roll_up_all()
    votes = [feedback.Vote(acme.pk, "r-1", 4, at), feedback.Vote(None, "r-2", 1, at, "thumbs")]
    feedback.receive(votes, timezone.now())
    ask("POST", DEPLOYMENTS, {**DEPLOYMENT, "event_id": str(uuid4())}, **SEND)
    metric = "?metric_name=conversational_query_response_time"
    for path, query in (
        (FEEDBACK, ""),
        (FEEDBACK, "?page_size=1"),
        (DEPLOYMENTS, ""),
        (SERIES, metric),
        (SERIES, f"{metric}&group_by=client&page_size=1"),
    ):
        answer = ask("GET", path + query, **READ)
        assert answer.json()["results"], path
        check(described, "GET", answer, path)


@pytest.mark.parametrize(("status", "owned"), [(200, True), (409, False), (404, None)])
def test_integration_is_as_described(
    described: Any, ask: Any, acme: Any, status: int, owned: bool | None
) -> None:
    vote = feedback.Vote(acme.pk if owned else None, "r-1", 4, timezone.now())
    pk = uuid4() if owned is None else feedback.receive([vote], timezone.now())[0].id
    answer = ask("POST", INTEGRATED.format(vote_id=pk), **SEND)
    assert answer.status_code == status
    check(described, "POST", answer, INTEGRATED)


def test_the_examples_are_stored(described: Any, ask: Any) -> None:
    for path in (FEEDBACK, DEPLOYMENTS):
        content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        examples = [one["value"] for one in content.get("examples", {}).values()]
        for example in examples or [content["example"]]:
            answer = ask("POST", path, example, **SEND)
            assert answer.status_code == 201, answer.content


def test_the_error_of_percentiles_and_the_steps_are_described(described: Any) -> None:
    parameters = {one["name"]: one for one in described["paths"][SERIES]["get"]["parameters"]}
    assert parameters["metric_name"]["required"] is True
    assert set(parameters["group_by"]["schema"]["enum"]) >= {"client", "model"}
    assert parameters["page_size"]["schema"]["maximum"] == 2_000
