"""Admin of which component depends on which."""

from typing import Any

from django import forms
from django.contrib import admin
from unfold.decorators import display

from accounts.admin import GlobalAdmin
from alerts.models import ComponentDependency
from alerts.triage import dependencies


class DependencyForm(forms.ModelForm):
    """Two components, and no circle."""

    class Meta:
        model = ComponentDependency
        fields = ["component", "depends_on"]

    def clean(self) -> dict[str, Any]:
        """Refuse what closes a circle."""
        data = super().clean() or self.cleaned_data
        # The admin saves in one transaction with this, so the check holds until it is stored.
        if data.get("component") and data.get("depends_on"):
            dependencies.check(data["component"], data["depends_on"], self.instance.pk)
        return data


@admin.register(ComponentDependency)
class ComponentDependencyAdmin(GlobalAdmin):
    """Edges of the graph along which trouble spreads."""

    form = DependencyForm
    list_display = ["what", "needs"]
    list_select_related = ["component", "depends_on"]
    search_fields = ["component__code", "depends_on__code"]

    @display(description="Component", ordering="component__name")
    def what(self, dependency: ComponentDependency) -> str:
        """What is hit."""
        return str(dependency.component)

    @display(description="Depends on", ordering="depends_on__name")
    def needs(self, dependency: ComponentDependency) -> str:
        """Where the cause may be."""
        return str(dependency.depends_on)
