"""The specification's components, metrics and baselines, and the beat schedules of this app."""

from django.db import migrations

COMPONENTS = [
    ("cognitive_core", "Cognitive core", "Conversational queries and ML predictions."),
    ("user_interface", "User interface", "The AI terminal and user feedback."),
    ("data_intelligence", "Data intelligence", "Embeddings, features, model training."),
    ("nervous_system", "Nervous system", "This portal: monitoring and alerting."),
]

METRICS = [
    # name, category, unit, description
    ("conversational_query_response_time", "ai_query", "ms", "Question to complete answer."),
    ("ml_prediction_inference_time", "ml_inference", "ms", "One prediction of one model."),
    ("user_feedback_processing_time", "user_feedback", "ms", "Feedback sent to feedback taken."),
    ("learning_integration_time", "user_feedback", "seconds", "Feedback taken to model updated."),
    ("session_helpfulness", "user_feedback", "score", "A session's rating by its user, 1–5."),
    ("embedding_generation_time", "ai_query", "ms", "Texts sent to vectors received."),
    ("ai_terminal_load_time", "user_interface", "ms", "Page and its assets, loaded."),
    ("terminal_response_time", "user_interface", "ms", "A key press to the terminal's reaction."),
    ("ai_system_cpu_usage", "system_health", "percent", "CPU of the whole machine."),
    ("ai_system_memory_usage", "system_health", "percent", "Memory in use on the machine."),
    ("ai_system_memory_available", "system_health", "mb", "Memory still available."),
    ("monitoring_overhead", "system_health", "percent", "The portal's share of all CPUs."),
    ("monitoring_memory", "system_health", "mb", "Memory that the portal's processes hold."),
    ("memory_usage", "system_health", "mb", "Memory that a component's processes hold."),
    ("cpu_usage", "system_health", "percent", "A component's share of all CPUs."),
    ("concurrent_queries", "system_health", "count", "Queries in flight at once."),
    ("queue_size", "system_health", "count", "Queries waiting."),
    ("websocket_connections", "system_health", "count", "Open websocket connections."),
    ("training_memory", "system_health", "mb", "Memory that a training holds."),
    ("training_cpu", "system_health", "percent", "A training's share of all CPUs."),
    ("training_time", "ml_inference", "seconds", "Duration of one training."),
    ("embedding_batch_size", "system_health", "count", "Texts in one embedding request."),
    ("feature_extraction_time", "ml_inference", "ms", "Duration of one feature extraction."),
    ("alert_processing_time", "system_health", "ms", "Row committed to alert open."),
    ("metric_collection_interval", "system_health", "seconds", "Time between two collections."),
    ("dashboard_refresh_time", "system_health", "seconds", "Age of the figures on the dashboard."),
]

BASELINES = [
    ("conversational_query_response_time", "ai_query", 8500.0, "cognitive_core",
     {"query_complexity": "moderate", "includes_ml": True}),
    ("ml_prediction_inference_time", "ml_inference", 450.0, "cognitive_core",
     {"model_type": "epic_trajectory", "feature_count": 12}),
    ("user_feedback_processing_time", "user_feedback", 120.0, "user_interface",
     {"feedback_type": "correction", "includes_retraining": False}),
    ("embedding_generation_time", "ai_query", 2100.0, "data_intelligence",
     {"text_length": 500, "batch_size": 10}),
    ("ai_terminal_load_time", "user_interface", 280.0, "user_interface",
     {"component": "matrix_terminal", "initial_load": True}),
]

# name, task, seconds
SCHEDULES = [
    ("Probes: dispatch those due", "metrics.tasks.dispatch_probes", 2),
    ("Roll-ups: recompute pending minutes", "metrics.tasks.roll_up", 5),
    ("Partitions: make ahead, drop old", "metrics.tasks.maintain", 3600),
]


def load(apps, schema_editor):
    component = apps.get_model("metrics", "Component")
    for code, name, description in COMPONENTS:
        component.objects.get_or_create(code=code, defaults={"name": name, "description": description})
    metric = apps.get_model("metrics", "MetricDefinition")
    for name, category, unit, description in METRICS:
        defaults = {"category": category, "unit": unit, "description": description}
        metric.objects.get_or_create(name=name, defaults=defaults)
    baseline = apps.get_model("metrics", "PerformanceBaseline")
    for name, category, value, part, conditions in BASELINES:
        baseline.objects.create(
            metric_name=name,
            metric_category=category,
            baseline_value=value,
            measurement_unit="ms",
            component=part,
            test_conditions=conditions,
        )


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    task_model = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, task, seconds in SCHEDULES:
        interval, _ = interval_model.objects.get_or_create(every=seconds, period="seconds")
        # A tick that nobody took before the next one is due would only pile up.
        defaults = {"task": task, "interval": interval, "expire_seconds": max(seconds, 10)}
        task_model.objects.get_or_create(name=name, defaults=defaults)


class Migration(migrations.Migration):
    dependencies = [
        ("metrics", "0002_heavy_tables"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]

    operations = [
        migrations.RunPython(load, migrations.RunPython.noop),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
