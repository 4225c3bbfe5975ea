"""The specification's SLAs, model targets and resource limits, number by number."""

from django.db import migrations

SLAS = {
    "simple_queries": {
        "description": 'Basic data retrieval queries (e.g., "How many issues do we have?")',
        "target_response_time": 3000,
        "max_response_time": 6000,
        "availability": 99.5,
        "user_satisfaction_target": 4.5,
        "examples": ["Count queries", "Simple aggregations", "Single table lookups"],
        "query_complexity": "simple",
        "business_impact": "People wait for plain facts; every look-up in the terminal feels slow.",
    },
    "moderate_queries": {
        "description": "Multi-table analysis with ML predictions "
        '(e.g., "Team performance with risk assessment")',
        "target_response_time": 8000,
        "max_response_time": 15000,
        "availability": 99.0,
        "user_satisfaction_target": 4.2,
        "examples": [
            "Team performance analysis with predictions",
            "Cross-table correlations with ML insights",
            "Historical trend analysis with forecasting",
        ],
        "query_complexity": "moderate",
        "business_impact": "Team leads decide without the predictions they are promised.",
    },
    "complex_queries": {
        "description": "Advanced strategic analysis with multiple ML models "
        '(e.g., "Complete DORA analysis with predictions and recommendations")',
        "target_response_time": 15000,
        "max_response_time": 30000,
        "availability": 98.5,
        "user_satisfaction_target": 4.0,
        "examples": [
            "Multi-model predictive analytics",
            "Complex strategic analysis with recommendations",
            "Cross-domain analysis with business insights",
        ],
        "query_complexity": "complex",
        "business_impact": "Strategic analyses for management come late or not at all.",
    },
    "user_feedback_processing": {
        "description": "User feedback processing and AI learning integration",
        "target_response_time": 500,
        "max_response_time": 2000,
        "availability": 99.9,
        "learning_integration_time": 3600,
        "learning_metric_name": "learning_integration_time",
        "examples": [
            "Thumbs up/down feedback",
            "User corrections and suggestions",
            "AI response quality ratings",
        ],
        "metric_name": "user_feedback_processing_time",
        "component": "user_interface",
        "business_impact": "Corrections are lost or late, so the models do not learn from users.",
    },
}

MODELS = {
    "epic_trajectory_prediction": (
        400, 0.75, "r2", 0.80, "Actual vs predicted within 20%", 3600, 100, 4.0,
    ),
    "story_complexity_estimation": (
        200, 0.65, "r2", 0.70, "Actual vs predicted within 1 story point", 1800, 50, 3.8,
    ),
    "rework_risk_assessment": (
        300, 0.70, "f1", 0.75, "Precision in identifying high-risk PRs", 2400, 75, 4.1,
    ),
    "query_complexity_classification": (
        100, 0.85, "accuracy", 0.90, "Correct routing decisions", 1200, 25, 4.3,
    ),
}

# component -> (name, value, unit, metric held against it, aggregate, description)
LIMITS = {
    "cognitive_core": [
        ("max_memory_usage", 4096, "mb", "memory_usage", "mean", "Memory of the component."),
        ("max_cpu_usage", 70, "percent", "cpu_usage", "mean", "CPU of the component."),
        ("max_concurrent_queries", 15, "count", "concurrent_queries", "max", "In flight at once."),
        ("query_timeout", 30000, "ms", "conversational_query_response_time", "max",
         "No query may take longer."),
        ("max_queue_size", 100, "count", "queue_size", "max", "Queries waiting."),
        ("ml_inference_timeout", 5000, "ms", "ml_prediction_inference_time", "max",
         "No prediction may take longer."),
    ],
    "user_interface": [
        ("max_memory_usage", 1024, "mb", "memory_usage", "mean", "Memory of the component."),
        ("max_cpu_usage", 40, "percent", "cpu_usage", "mean", "CPU of the component."),
        ("websocket_connections", 500, "count", "websocket_connections", "max",
         "Open at once."),
        ("feedback_processing_timeout", 2000, "ms", "user_feedback_processing_time", "max",
         "No feedback may take longer."),
        ("terminal_response_time", 300, "ms", "terminal_response_time", "mean",
         "The terminal's reaction to a key press."),
    ],
    "data_intelligence": [
        ("max_training_memory", 8192, "mb", "training_memory", "mean", "Memory of a training."),
        ("max_training_cpu", 80, "percent", "training_cpu", "mean", "CPU of a training."),
        ("max_training_time", 7200, "seconds", "training_time", "max",
         "No training may take longer (2 hours)."),
        ("embedding_batch_size", 100, "count", "embedding_batch_size", "max",
         "Texts in one embedding request."),
        ("feature_extraction_timeout", 10000, "ms", "feature_extraction_time", "max",
         "No feature extraction may take longer."),
    ],
    "nervous_system": [
        ("monitoring_overhead", 5, "percent", "monitoring_overhead", "mean",
         "The portal's own share of system resources."),
        ("alert_processing_time", 1000, "ms", "alert_processing_time", "max",
         "From a row's commit to its alert."),
        ("metric_collection_interval", 30, "seconds", "metric_collection_interval", "max",
         "Time between two collections."),
        ("dashboard_refresh_rate", 10, "seconds", "dashboard_refresh_time", "max",
         "Age of the figures that the dashboard shows."),
    ],
}


def load(apps, schema_editor):
    sla = apps.get_model("slas", "Sla")
    for code, fields in SLAS.items():
        defaults = {
            "metric_name": "conversational_query_response_time",
            "component": "cognitive_core",
            **fields,
        }
        sla.objects.get_or_create(code=code, defaults=defaults)
    target = apps.get_model("slas", "ModelTarget")
    names = (
        "inference_time", "accuracy_threshold", "accuracy_metric", "business_accuracy",
        "business_accuracy_definition", "training_time", "model_size_limit", "user_satisfaction",
    )
    for model, values in MODELS.items():
        target.objects.get_or_create(model_name=model, defaults=dict(zip(names, values)))
    limit = apps.get_model("slas", "ResourceLimit")
    for component, rows in LIMITS.items():
        for name, value, unit, metric, aggregate, description in rows:
            limit.objects.get_or_create(
                component=component,
                name=name,
                defaults={
                    "value": value,
                    "unit": unit,
                    "metric_name": metric,
                    "aggregate": aggregate,
                    "description": description,
                    # A maximum needs no company; a mean of one value says little.
                    "minimum_samples": 1 if aggregate == "max" else 3,
                },
            )


class Migration(migrations.Migration):
    dependencies = [("slas", "0001_initial"), ("metrics", "0003_specification")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
