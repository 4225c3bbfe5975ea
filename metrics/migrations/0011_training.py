"""What a training reports of a model."""

from django.db import migrations

METRICS = [
    # name, category, unit, description
    ("model_accuracy", "ml_inference", "accuracy", "A model's score in its own metric, 0–1."),
    ("model_business_accuracy", "ml_inference", "accuracy", "Right as the business counts, 0–1."),
    ("ml_training_time", "ml_inference", "seconds", "Duration of one model's training."),
    ("ml_model_size", "ml_inference", "mb", "Size of a trained model."),
]


def load(apps, schema_editor):
    metric = apps.get_model("metrics", "MetricDefinition")
    for name, category, unit, description in METRICS:
        defaults = {"category": category, "unit": unit, "description": description}
        metric.objects.get_or_create(name=name, defaults=defaults)


class Migration(migrations.Migration):
    dependencies = [("metrics", "0008_changed_minutes")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
