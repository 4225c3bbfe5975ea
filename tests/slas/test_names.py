"""Objectives' keys in words."""

import pytest

from slas import names


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("sla:simple_queries:latency", "Simple queries: latency"),
        ("limit:nervous_system:monitoring_overhead", "Nervous system: monitoring overhead"),
        ("something else", "something else"),
    ],
)
def test_it_puts_a_key_in_words(key: str, words: str) -> None:
    assert names.in_words(key) == words


@pytest.mark.parametrize(
    ("key", "unit"),
    [
        ("sla:simple_queries:latency", "ms"),
        ("sla:simple_queries:availability", "percent"),
        ("sla:simple_queries:satisfaction", "score"),
        ("sla:user_feedback_processing:learning_integration", "seconds"),
        ("model:rework_risk_assessment:inference_time", "ms"),
        ("limit:cognitive_core:max_memory_usage", "mb"),
    ],
)
def test_it_knows_the_unit(key: str, unit: str) -> None:
    assert names.unit_of(key, "mb") == unit
