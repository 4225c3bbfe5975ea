"""Real instrumentations of OpenAI's client: what is stored is what was called."""

from collections import Counter
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.otlp.instrumented import NAMES, Call, Service
from tests.otlp.model_api import (
    COMPLETION_TOKENS,
    FAILING,
    FLAKY,
    PROMPT_TOKENS,
    SECONDS,
    response_id,
)
from tests.otlp.portal import Portal

METRICS = {"chat": "gen_ai_inference_time", "embeddings": "embedding_generation_time"}
DURATION = "gen_ai.client.inference.duration"
INPUT, OUTPUT = (f"gen_ai.client.inference.usage.{kind}_tokens" for kind in ("input", "output"))
WITH_METRICS = sorted(NAMES.keys() - {"openinference"})
# The first convention tells prompts and answers in log records.
LEFT_OUT = {"openai-v2": {"log_not_mapped": 14}}
STORED = {
    "rows": "SELECT count(*), sum(metric_value) FROM ai_performance_metrics",
    "points": "SELECT count(*), sum(total) FROM histogram_points",
    "votes": "SELECT count(*) FROM feedback",
}

each = pytest.mark.parametrize("name", NAMES)
each_with_metrics = pytest.mark.parametrize("name", WITH_METRICS)


def least_ms(call: Call) -> float:
    """What the call took at least: two attempts, or the two halves of a stream."""
    twice = call.model == FLAKY or call.model.endswith("stream")
    return 1000 * SECONDS * (2 if twice else 1)


def model_of(call: Call, unnamed: bool) -> str:
    """Some instrumentations know a call's model only from its answer."""
    return "" if unnamed and not call.success else call.model


@each
def test_the_service_called_what_it_says(services: dict[str, Service], name: str) -> None:
    service = services[name]
    statuses = {call: 200 if call.success else FAILING[call.model] for call in service.calls}
    made = Counter((call.model, statuses[call]) for call in service.calls)
    assert len(service.calls) == 10
    assert Counter((model, status) for _path, model, status in service.api.answered) == (
        made + Counter([(FLAKY, 500)])
    )


@each
def test_each_call_is_one_row(portal: Portal, services: dict[str, Service], name: str) -> None:
    rows = portal.query(
        "SELECT metric_name, ml_models_used ->> 0, success, metric_value, metadata"
        " FROM ai_performance_metrics WHERE service_name = %s AND metric_name = ANY(%s)"
        ' ORDER BY "timestamp"',
        name,
        list(METRICS.values()),
    )
    calls, unnamed = services[name].calls, name == "openinference"
    assert [row[:3] for row in rows] == [
        (METRICS[call.kind], model_of(call, unnamed) or None, call.success) for call in calls
    ]
    for call, (*_names, value, metadata) in zip(calls, rows, strict=True):
        assert value >= least_ms(call)
        assert metadata.get("input_tokens") == (PROMPT_TOKENS if call.success else None)
        answered = call.success and call.kind == "chat"
        assert metadata.get("output_tokens") == (COMPLETION_TOKENS if answered else None)
        if name != "openinference":
            assert metadata.get("response_id") == (response_id(call.model) if answered else None)
            assert bool(metadata.get("error")) is not call.success


@each
def test_nothing_is_refused(portal: Portal, services: dict[str, Service], name: str) -> None:
    exchanges = services[name].relay.exchanges
    assert {one.path for one in exchanges} >= {"/v1/traces"}
    assert {(one.status, one.answer) for one in exchanges} == {(200, b"")}
    assert {one.headers.get("Content-Encoding") for one in exchanges} == {"gzip"}
    assert portal.refusals(name, len(exchanges)) == LEFT_OUT.get(name, {})


@each_with_metrics
def test_durations_are_histograms_of_the_calls(
    portal: Portal, services: dict[str, Service], name: str
) -> None:
    stored = points(portal, name, DURATION)
    calls, unnamed = services[name].calls, name == "openllmetry"
    counted: Counter[tuple[str, bool]] = Counter()
    for model, total, succeeded, _sum in stored:
        assert succeeded in {0, total}
        counted[(model, succeeded > 0)] += total
    assert counted == Counter((model_of(call, unnamed), call.success) for call in calls)
    told = emitted(services[name])["gen_ai.client.operation.duration"]
    assert sum(one[1] for one in stored) == sum(count for count, _sum in told) == len(calls)
    assert sum(one[3] for one in stored) == pytest.approx(1000 * sum(one for _count, one in told))
    assert all(value >= 1000 * SECONDS * total for _model, total, _ok, value in stored)


@each_with_metrics
def test_tokens_are_histograms_of_the_calls(
    portal: Portal, services: dict[str, Service], name: str
) -> None:
    # The first convention counts no tokens of streams.
    counted = [
        call
        for call in services[name].calls
        if call.success and not (name == "openai-v2" and call.model.endswith("stream"))
    ]
    assert len(counted) in {5, 7}
    chats = [call for call in counted if call.kind == "chat"]
    assert points(portal, name, INPUT) == tokens(counted, PROMPT_TOKENS)
    assert points(portal, name, OUTPUT) == tokens(chats, COMPLETION_TOKENS)


@each
def test_all_of_it_sent_again_changes_nothing(
    portal: Portal, services: dict[str, Service], name: str
) -> None:
    before = {what: portal.query(sql) for what, sql in STORED.items()}
    answers = services[name].relay.again(portal.keys["again"])
    assert {(one.status, one.answer) for one in answers} == {(200, b"")}
    assert {what: portal.query(sql) for what, sql in STORED.items()} == before


def points(portal: Portal, service: str, metric: str) -> list[tuple[Any, ...]]:
    """Model, values, successful ones and their sum of each histogram point."""
    return portal.query(
        "SELECT model, total::int, succeeded::int, value_sum FROM histogram_points"
        " WHERE service_name = %s AND metric_name = %s ORDER BY model",
        service,
        metric,
    )


def tokens(calls: list[Call], each_has: int) -> list[tuple[Any, ...]]:
    """One point for each call, since each has a model of its own."""
    return [(model, 1, 1, float(each_has)) for model in sorted(call.model for call in calls)]


def emitted(service: Service) -> dict[str, list[tuple[int, float]]]:
    """Count and sum of every histogram point as the exporter wrote it, by metric."""
    found: dict[str, list[tuple[int, float]]] = {}
    for exchange in service.relay.sent("/v1/metrics"):
        message = ExportMetricsServiceRequest.FromString(exchange.plain)
        for one in message.resource_metrics:
            for metric in (metric for scope in one.scope_metrics for metric in scope.metrics):
                points = [(point.count, point.sum) for point in metric.histogram.data_points]
                found.setdefault(metric.name, []).extend(points)
    return found
