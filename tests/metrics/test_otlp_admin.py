"""The tables behind OTLP refuse what could never be stored."""

import pytest
from django.core.exceptions import ValidationError

from metrics.models import ComponentRule, OtlpAlias
from metrics.otlp import mapping

pytestmark = pytest.mark.django_db


def rule(**fields: str) -> ComponentRule:
    return ComponentRule(**{"name": "r", "attribute": "span.name", **fields})


def alias(**fields: str) -> OtlpAlias:
    return OtlpAlias(**{"kind": "metric", "name": "shop.latency", "convention": "own", **fields})


def test_a_rule_must_say_something() -> None:
    with pytest.raises(ValidationError, match="names a component, a metric, or both"):
        rule().full_clean()


@pytest.mark.parametrize("name", ["vector_search_accuracy", "nobody_knows_it"])
def test_a_span_is_a_known_length_of_time(name: str) -> None:
    with pytest.raises(ValidationError, match="Choose a known metric in ms"):
        rule(metric_name=name).full_clean()


def test_a_rules_category_comes_with_its_metric() -> None:
    made = rule(metric_name="embedding_generation_time")
    made.full_clean()
    assert made.metric_category == "ai_query"


def test_a_metric_needs_all_that_its_rows_need() -> None:
    with pytest.raises(ValidationError, match="its name here, its category and its unit"):
        alias(metric_name="shop_time").full_clean()


def test_a_known_metric_is_mapped_to_its_own_unit() -> None:
    fields = {"metric_name": "embedding_generation_time", "metric_category": "ai_query"}
    with pytest.raises(ValidationError, match="is measured in ms"):
        alias(**fields, measurement_unit="seconds").full_clean()
    alias(**fields, measurement_unit="ms").full_clean()


def test_the_shipped_names_and_rules_are_valid() -> None:
    for one in (*OtlpAlias.objects.all(), *ComponentRule.objects.all()):
        one.full_clean()


@pytest.mark.parametrize(
    ("here", "factor", "names"),
    [
        (
            "gen_ai.client.inference.duration",
            1000,
            ["gen_ai.client.operation.duration", "gen_ai.client.inference.duration"],
        ),
        (
            "gen_ai.client.inference.time_to_first_chunk",
            1000,
            [
                "gen_ai.server.time_to_first_token",
                "gen_ai.client.operation.time_to_first_chunk",
                "gen_ai.client.inference.time_to_first_chunk",
            ],
        ),
        (
            "gen_ai.client.inference.usage.output_tokens",
            1,
            [
                "gen_ai.client.inference.usage.output_tokens",
                "gen_ai.client.inference.operation.output_tokens",
            ],
        ),
    ],
)
def test_generations_of_one_metric_are_one_here(here: str, factor: int, names: list[str]) -> None:
    found = [mapping.load().metric(name) for name in names]
    assert all(found)
    assert {(one.metric_name, one.factor) for one in found if one} == {(here, factor)}
