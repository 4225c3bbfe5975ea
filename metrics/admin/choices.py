"""Components and metrics are chosen, not typed: a promise on a misspelt one would never alert."""

from typing import Any

from django import forms
from django.db.models import Field
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from metrics.models import Component, MetricDefinition

FIELDS = ("component", "metric_name", "learning_metric_name")


class KnownNames:
    """Mixin for admins whose models name components and metrics by text."""

    def formfield_for_dbfield(
        self, db_field: "Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """A select of what there is."""
        if db_field.name not in FIELDS:
            found: forms.Field | None = super().formfield_for_dbfield(  # type: ignore[misc]
                db_field, request, **kwargs
            )
            return found
        choices = _components() if db_field.name == "component" else _metrics()
        return forms.ChoiceField(
            choices=[("", "---------"), *choices],
            required=not db_field.blank,
            label=str(db_field.verbose_name).capitalize(),
            help_text=db_field.help_text,
            widget=UnfoldAdminSelectWidget,
            initial=db_field.get_default(),
        )


def _components() -> list[tuple[str, str]]:
    return list(Component.objects.values_list("code", "name"))


def _metrics() -> list[tuple[str, str]]:
    metrics = MetricDefinition.objects.values_list("name", "unit")
    return [(name, f"{name} ({unit})") for name, unit in metrics]
