"""The loaded promises against the specification's, number by number."""

import pytest
from django.forms.models import model_to_dict

from alerts.models import AlertType, Severity
from metrics.models import Category, Complexity, Component, MetricDefinition, PerformanceBaseline
from metrics.units import Unit
from slas.models import ModelTarget, ResourceLimit, Sla

pytestmark = pytest.mark.django_db

SLAS = {
    "simple_queries": {
        "description": 'Basic data retrieval queries (e.g., "How many issues do we have?")',
        "target_response_time": 3000,
        "max_response_time": 6000,
        "availability": 99.5,
        "user_satisfaction_target": 4.5,
        "learning_integration_time": None,
        "examples": ["Count queries", "Simple aggregations", "Single table lookups"],
    },
    "moderate_queries": {
        "description": "Multi-table analysis with ML predictions "
        '(e.g., "Team performance with risk assessment")',
        "target_response_time": 8000,
        "max_response_time": 15000,
        "availability": 99.0,
        "user_satisfaction_target": 4.2,
        "learning_integration_time": None,
        "examples": [
            "Team performance analysis with predictions",
            "Cross-table correlations with ML insights",
            "Historical trend analysis with forecasting",
        ],
    },
    "complex_queries": {
        "description": "Advanced strategic analysis with multiple ML models "
        '(e.g., "Complete DORA analysis with predictions and recommendations")',
        "target_response_time": 15000,
        "max_response_time": 30000,
        "availability": 98.5,
        "user_satisfaction_target": 4.0,
        "learning_integration_time": None,
        "examples": [
            "Multi-model predictive analytics",
            "Complex strategic analysis with recommendations",
            "Cross-domain analysis with business insights",
        ],
    },
    "user_feedback_processing": {
        "description": "User feedback processing and AI learning integration",
        "target_response_time": 500,
        "max_response_time": 2000,
        "availability": 99.9,
        "user_satisfaction_target": None,
        "learning_integration_time": 3600,
        "examples": [
            "Thumbs up/down feedback",
            "User corrections and suggestions",
            "AI response quality ratings",
        ],
    },
}

MODEL_FIELDS = (
    "inference_time",
    "accuracy_threshold",
    "accuracy_metric",
    "business_accuracy",
    "business_accuracy_definition",
    "training_time",
    "model_size_limit",
    "user_satisfaction",
)
MODELS = {
    "epic_trajectory_prediction": (
        *(400, 0.75, "r2", 0.80, "Actual vs predicted within 20%"),
        *(3600, 100, 4.0),
    ),
    "story_complexity_estimation": (
        *(200, 0.65, "r2", 0.70, "Actual vs predicted within 1 story point"),
        *(1800, 50, 3.8),
    ),
    "rework_risk_assessment": (
        *(300, 0.70, "f1", 0.75, "Precision in identifying high-risk PRs"),
        *(2400, 75, 4.1),
    ),
    "query_complexity_classification": (
        *(100, 0.85, "accuracy", 0.90, "Correct routing decisions"),
        *(1200, 25, 4.3),
    ),
}

LIMITS = {
    "cognitive_core": {
        "max_memory_usage": (4096, "mb"),
        "max_cpu_usage": (70, "percent"),
        "max_concurrent_queries": (15, "count"),
        "query_timeout": (30000, "ms"),
        "max_queue_size": (100, "count"),
        "ml_inference_timeout": (5000, "ms"),
    },
    "user_interface": {
        "max_memory_usage": (1024, "mb"),
        "max_cpu_usage": (40, "percent"),
        "websocket_connections": (500, "count"),
        "feedback_processing_timeout": (2000, "ms"),
        "terminal_response_time": (300, "ms"),
    },
    "data_intelligence": {
        "max_training_memory": (8192, "mb"),
        "max_training_cpu": (80, "percent"),
        "max_training_time": (7200, "seconds"),
        "embedding_batch_size": (100, "count"),
        "feature_extraction_timeout": (10000, "ms"),
    },
    "nervous_system": {
        "monitoring_overhead": (5, "percent"),
        "alert_processing_time": (1000, "ms"),
        "metric_collection_interval": (30, "seconds"),
        "dashboard_refresh_rate": (10, "seconds"),
    },
}

# metric, category, value, unit, component, test conditions
BASELINES = [
    (
        *("conversational_query_response_time", "ai_query", 8500.0, "ms", "cognitive_core"),
        {"query_complexity": "moderate", "includes_ml": True},
    ),
    (
        *("ml_prediction_inference_time", "ml_inference", 450.0, "ms", "cognitive_core"),
        {"model_type": "epic_trajectory", "feature_count": 12},
    ),
    (
        *("user_feedback_processing_time", "user_feedback", 120.0, "ms", "user_interface"),
        {"feedback_type": "correction", "includes_retraining": False},
    ),
    (
        *("embedding_generation_time", "ai_query", 2100.0, "ms", "data_intelligence"),
        {"text_length": 500, "batch_size": 10},
    ),
    (
        *("ai_terminal_load_time", "user_interface", 280.0, "ms", "user_interface"),
        {"component": "matrix_terminal", "initial_load": True},
    ),
]


@pytest.mark.parametrize("code", SLAS)
def test_each_sla_has_every_number_and_text_of_the_specification(code: str) -> None:
    sla = model_to_dict(Sla.objects.get(code=code))
    assert {field: sla[field] for field in SLAS[code]} == SLAS[code]


@pytest.mark.parametrize("model", MODELS)
def test_each_model_target_has_every_number_and_definition(model: str) -> None:
    target = model_to_dict(ModelTarget.objects.get(model_name=model))
    assert tuple(target[field] for field in MODEL_FIELDS) == MODELS[model]


@pytest.mark.parametrize("component", LIMITS)
def test_each_component_has_its_limits_with_value_and_unit(component: str) -> None:
    limits = ResourceLimit.objects.filter(component=component)
    assert {limit.name: (limit.value, limit.unit) for limit in limits} == LIMITS[component]


def test_each_baseline_has_its_value_unit_and_test_conditions() -> None:
    loaded = PerformanceBaseline.objects.filter(active=True, client=None).order_by("pk")
    names = ("metric_name", "metric_category", "baseline_value", "measurement_unit", "component")
    assert [tuple(row) for row in loaded.values_list(*names, "test_conditions")] == BASELINES


def test_nothing_is_promised_that_the_specification_does_not_promise() -> None:
    assert set(Sla.objects.values_list("code", flat=True)) == set(SLAS)
    assert set(ModelTarget.objects.values_list("model_name", flat=True)) == set(MODELS)
    assert set(ResourceLimit.objects.values_list("component", flat=True)) == set(LIMITS)
    assert set(Component.objects.values_list("code", flat=True)) == set(LIMITS)


def test_each_query_sla_covers_its_own_complexity() -> None:
    covered = Sla.objects.exclude(query_complexity="").values_list("code", "query_complexity")
    assert dict(covered) == {f"{value}_queries": value for value in Complexity.values}


def test_ninety_five_percent_must_meet_each_response_time() -> None:
    shares = {promise.latency_share for promise in [*Sla.objects.all(), *ModelTarget.objects.all()]}
    assert shares == {95.0}


def test_each_limit_is_held_against_a_known_metric_in_the_same_unit() -> None:
    units = dict(MetricDefinition.objects.values_list("name", "unit"))
    limits = ResourceLimit.objects.all()
    assert {limit.name: units[limit.metric_name] for limit in limits} == {
        limit.name: limit.unit for limit in limits
    }


def test_the_enumerated_values_are_choices() -> None:
    categories = {"ai_query", "ml_inference", "user_feedback", "system_health", "user_interface"}
    assert set(Category.values) == categories
    assert set(Complexity.values) == {"simple", "moderate", "complex"}
    assert {"ms", "seconds", "mb", "requests/sec", "accuracy", "percent"} <= set(Unit.values)
    assert set(Severity.values) == {"low", "medium", "high", "critical"}
    types = {"sla_breach", "model_degradation", "user_satisfaction", "resource_limit"}
    # Silence is none of the four: nothing is known to be broken.
    assert set(AlertType.values) == {*types, "no_data"}
