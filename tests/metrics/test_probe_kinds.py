"""Each kind of probe against a real target, and every way a target can fail."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from metrics.models import Probe
from metrics.probes import system_resources
from metrics.probes.base import Sample, Spec
from metrics.probes.page_load import assets_of
from metrics.probes.registry import KINDS
from metrics.probes.runner import Outcome, rows_of, run, storable
from tests.metrics.target import Target, reply

QUERY = {"query": "Compare the teams"}
HTTP_KINDS: dict[str, dict[str, Any]] = {
    "conversational_query": QUERY,
    "user_feedback": {"feedback": "correction"},
    "embedding": {"texts": ["a"]},
    "page_load": {},
}


def spec(kind: str, url: str = "", payload: Any = None, timeout: float = 5.0) -> Spec:
    return Spec(
        name="test probe",
        kind=kind,
        target=url,
        payload={} if payload is None else payload,
        timeout=timeout,
        component="cognitive_core",
        service_name="tests",
        client_id=7,
        test_conditions={"load": "none"},
    )


def probe(*arguments: Any, **fields: Any) -> Outcome:
    return asyncio.run(run(spec(*arguments, **fields)))


def only(outcome: Outcome) -> Sample:
    (sample,) = outcome.samples
    return sample


def test_every_kind_that_can_be_chosen_is_registered() -> None:
    assert set(KINDS) == set(Probe.Kind.values)


# --- What each kind measures ------------------------------------------------


def test_a_query_records_complexity_models_and_confidence(target: Target) -> None:
    answer = {"models_used": ["m1", "m2"], "confidence": 0.8, "request_id": "r9"}
    target.answers["/q"] = reply(answer)
    outcome = probe("conversational_query", target.url("/q"), QUERY)
    sample = only(outcome)
    assert (outcome.error, sample.success, sample.unit) == ("", True, "ms")
    assert (sample.query_complexity, sample.models) == ("moderate", ["m1", "m2"])
    assert (sample.request_id, sample.endpoint_path) == ("r9", "/q")
    assert sample.metadata["confidence_score"] == 0.8


def test_a_query_sends_what_the_specification_sends(target: Target) -> None:
    target.answers["/q"] = reply({})
    probe("conversational_query", target.url("/q"), {**QUERY, "enable_user_feedback": False})
    _path, payload, headers = target.requests[0]
    assert payload == {
        "query": "Compare the teams",
        "client_id": 7,
        "include_ml_predictions": True,
        "enable_user_feedback": False,
    }
    assert headers["X-AIOSMON-Probe"] == "1"


def test_feedback_records_whether_it_corrects(target: Target) -> None:
    target.answers["/f"] = reply({"status": "taken"})
    payload = {"feedback": "correction", "userCorrection": "no", "triggers_retraining": True}
    metadata = only(probe("user_feedback", target.url("/f"), payload)).metadata
    assert metadata == {
        "feedback_type": "correction",
        "has_correction": True,
        "triggers_retraining": True,
    }


def test_embedding_makes_texts_of_the_wanted_number_and_length(target: Target) -> None:
    target.answers["/e"] = lambda sent: reply(
        {"vectors": [[0.5]] * len(sent["texts"]), "model": "lsa", "dimensions": 1}
    )
    sample = only(probe("embedding", target.url("/e"), {"text_length": 200, "batch_size": 3}))
    texts = target.requests[0][1]["texts"]
    assert [len(text) for text in texts] == [200] * 3
    assert len(set(texts)) == 3
    assert sample.models == ["lsa"]
    assert sample.metadata == {"batch_size": 3, "text_length": 200, "dimensions": 1}


def test_embedding_fails_when_a_vector_is_missing(target: Target) -> None:
    target.answers["/e"] = reply({"vectors": [[1.0]]})
    assert probe("embedding", target.url("/e"), {"texts": ["a", "b"]}).error == (
        "1 vectors for 2 texts"
    )


PAGE = b"""<html><link rel=stylesheet href=/a.css><script src="b.js"></script>
<img src="/c.png"><img src="/c.png"><img src="data:x"><script src="//cdn.example.org/d.js">
</script><link rel=canonical href=/no>"""


def test_page_load_loads_the_assets_of_its_own_host(target: Target) -> None:
    target.answers = {"/app/": reply(PAGE), "/a.css": reply(b"12345")}
    target.answers |= {"/app/b.js": reply(b"1"), "/c.png": reply(b"1")}
    sample = only(probe("page_load", target.url("/app/")))
    asked = [path for path, _payload, _headers in target.requests]
    assert asked[0] == "/app/"
    assert sorted(asked[1:]) == ["/a.css", "/app/b.js", "/c.png"]
    assert sample.metadata["assets"] == 3
    assert sample.metadata["bytes"] == len(PAGE) + 7
    assert sample.value >= sample.metadata["page_ms"]


def test_page_load_fails_when_an_asset_does(target: Target) -> None:
    target.answers = {"/": reply(b"<script src=gone.js></script><script src=a.js></script>")}
    target.answers["/a.js"] = reply(b"1")
    outcome = probe("page_load", target.url("/"))
    assert (outcome.error, only(outcome).endpoint_path) == ("HTTP 404", "/gone.js")


def test_page_load_looks_for_the_expected_text(target: Target) -> None:
    target.answers["/"] = reply(b"<h1>Terminal</h1>")
    assert not probe("page_load", target.url("/"), {"expect": "Terminal"}).error
    missing = probe("page_load", target.url("/"), {"expect": "Matrix"})
    assert missing.error == "The page does not contain “Matrix”."


def test_page_load_takes_at_most_fifty_assets() -> None:
    html = "".join(f"<img src=/{n}.png>" for n in range(80))
    assert len(assets_of(html, "http://localhost/")) == 50


def test_system_resources_gives_five_figures_with_absolutes() -> None:
    probe("system_resources")
    samples = {sample.metric_name: sample for sample in probe("system_resources").samples}
    percents = ("ai_system_cpu_usage", "ai_system_memory_usage", "monitoring_overhead")
    for name in percents:
        assert 0 <= samples[name].value <= 100
        assert samples[name].unit == "percent"
    for name in ("ai_system_memory_available", "monitoring_memory"):
        assert 10 < samples[name].value < 1e7
        assert samples[name].unit == "mb"
    overhead = samples["monitoring_overhead"].metadata
    share = overhead["cpu_seconds"] / (overhead["span_seconds"] * overhead["cores"])
    assert samples["monitoring_overhead"].value == pytest.approx(100 * share, abs=0.1)
    assert overhead["processes"] >= 1
    assert len(samples) == 5


def test_the_first_look_at_resources_claims_no_overhead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system_resources, "_readings", {})
    names = [{sample.metric_name for sample in probe("system_resources").samples} for _ in "12"]
    assert ["monitoring_overhead" in found for found in names] == [False, True]


# --- What can go wrong ------------------------------------------------------

WRONG = [
    (reply({}, 500), "HTTP 500"),
    (reply({}, 404), "HTTP 404"),
    (reply(b"", 302, Location="/elsewhere"), "HTTP 302"),
]
NO_JSON = [
    (reply(b"<html>"), "The answer is no JSON: "),
    (reply(b"\xff"), "The answer is no JSON: "),
    (reply([1]), "The answer is no JSON object."),
]


@pytest.mark.parametrize("kind", HTTP_KINDS)
@pytest.mark.parametrize(("answer", "error"), WRONG)
def test_a_wrong_status_is_a_failed_row(target: Target, kind: str, answer: Any, error: str) -> None:
    target.answers["/x"] = answer
    outcome = probe(kind, target.url("/x"), HTTP_KINDS[kind])
    sample = only(outcome)
    assert (outcome.error, sample.success, sample.endpoint_path) == (error, False, "/x")
    assert sample.metadata == {"error": error}
    assert 0 < sample.value < 5000
    assert [path for path, _payload, _headers in target.requests] == ["/x"]  # no redirect followed


@pytest.mark.parametrize("kind", ["conversational_query", "user_feedback", "embedding"])
@pytest.mark.parametrize(("answer", "error"), NO_JSON)
def test_an_answer_that_is_no_json_is_a_failed_row(
    target: Target, kind: str, answer: Any, error: str
) -> None:
    target.answers["/x"] = answer
    outcome = probe(kind, target.url("/x"), HTTP_KINDS[kind])
    assert outcome.error.startswith(error)
    assert not only(outcome).success


@pytest.mark.parametrize("kind", HTTP_KINDS)
def test_a_target_that_hangs_costs_no_more_than_the_timeout(target: Target, kind: str) -> None:
    target.answers["/x"] = target.hang
    started = time.monotonic()
    outcome = probe(kind, target.url("/x"), HTTP_KINDS[kind], timeout=0.2)
    assert time.monotonic() - started < 3
    sample = only(outcome)
    assert (sample.value, sample.success) == (200.0, False)
    assert sample.metadata == {"error": "No answer within 0.2 s", "no_answer": True}


def test_a_target_that_is_not_there_counts_as_no_answer() -> None:
    with Target() as gone:
        url = gone.url("/x")
    sample = only(probe("conversational_query", url, QUERY, timeout=1.5))
    assert (sample.value, sample.metadata["no_answer"]) == (1500.0, True)
    assert sample.query_complexity == "moderate"


def test_a_target_that_breaks_off_counts_as_no_answer(target: Target) -> None:
    target.answers["/x"] = reply(b"short", **{"Content-Length": "500"})
    sample = only(probe("user_feedback", target.url("/x"), {"feedback": "ok"}, timeout=1.0))
    assert sample.metadata["no_answer"] is True
    assert sample.value == 1000.0


def test_a_host_that_is_not_allowed_is_never_called(target: Target, settings: Any) -> None:
    settings.PROBE_ALLOWED_HOSTS = ["ai.example.org"]
    outcome = probe("conversational_query", target.url("/q"), QUERY)
    assert "not among the hosts that probes may call (ai.example.org)" in outcome.error
    assert not target.requests


def test_a_body_that_is_too_large_is_not_read_to_its_end(target: Target, settings: Any) -> None:
    settings.PROBE_MAX_RESPONSE_BYTES = 1000
    target.answers["/x"] = reply(b"x" * 1001)
    assert probe("page_load", target.url("/x")).error == "The answer is over 1000 bytes."


@pytest.mark.parametrize("kind", [*HTTP_KINDS, "ml_inference"])
@pytest.mark.parametrize("payload", [{}, {"query": 7, "texts": 7, "features": 7}])
def test_a_payload_at_fault_is_an_outcome_and_no_exception(kind: str, payload: Any) -> None:
    outcome = probe(kind, "", payload)
    assert outcome.error
    assert not only(outcome).success


@pytest.mark.parametrize("models", [7, "x", {"a": 1}])
def test_models_of_another_type_are_no_exception(target: Target, models: Any) -> None:
    target.answers["/q"] = reply({"models_used": models})
    assert probe("conversational_query", target.url("/q"), QUERY).samples


def test_what_cannot_be_stored_becomes_a_failed_row(target: Target) -> None:
    for confidence in ("a\0b", "x" * 40_000):
        target.answers["/q"] = reply({"confidence": confidence})
        outcome = probe("conversational_query", target.url("/q"), QUERY)
        stored, rows = storable(spec("conversational_query"), outcome, timezone.now())
        assert stored.error.startswith("The answer can't be stored: metadata")
        assert [row.success for row in rows] == [False]


def test_a_row_names_its_probe_and_test_conditions(target: Target) -> None:
    target.answers["/q"] = reply({})
    made = spec("conversational_query", target.url("/q"), QUERY)
    now = timezone.now()
    (row,) = rows_of(made, asyncio.run(run(made)), now)
    assert row.metadata is not None
    assert row.metadata["probe"] == "test probe"
    assert row.metadata["test_conditions"] == {"load": "none"}
    assert (row.timestamp, row.client_id, row.component) == (now, 7, "cognitive_core")


# --- What the admin's form refuses ------------------------------------------

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("conversational_query", "ftp://localhost/", QUERY),
    ("conversational_query", "http://", QUERY),
    ("conversational_query", "http://user:pw@localhost/", QUERY),
    ("conversational_query", "http://example.org/", QUERY),
    ("conversational_query", "http://localhost.example.org/", QUERY),
    ("conversational_query", "http://localhost/", {"query": " "}),
    ("user_feedback", "http://localhost/", {}),
    ("embedding", "http://localhost/", {"texts": []}),
    ("embedding", "http://localhost/", {"text_length": 0, "batch_size": 1}),
    ("embedding", "http://localhost/", {"text_length": 10**5, "batch_size": 11}),
    ("ml_inference", "nowhere", {"model_name": "m", "features": {"a": 1}}),
]


@pytest.mark.parametrize(("kind", "url", "payload"), REFUSED)
def test_it_refuses_a_target_or_payload_that_can_only_fail(
    kind: str, url: str, payload: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        KINDS[kind].check(url, payload)


@pytest.mark.parametrize(
    ("entry", "host", "allowed"),
    [
        ("ai.example.org", "AI.Example.org", True),
        ("ai.example.org", "x.ai.example.org", False),
        (".example.org", "ai.example.org", True),
        (".example.org", "badexample.org", False),
        ("[::1]", "[::1]", True),
    ],
)
def test_it_knows_which_hosts_are_allowed(
    settings: Any, entry: str, host: str, allowed: bool
) -> None:
    settings.PROBE_ALLOWED_HOSTS = [entry]
    check: Callable[[], None] = lambda: KINDS["page_load"].check(f"http://{host}/", {})  # noqa: E731
    if allowed:
        check()
    else:
        with pytest.raises(ValidationError):
            check()
