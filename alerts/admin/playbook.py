"""Admin of the playbooks, with a preview filled from a recent alert."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.decorators import display
from unfold.widgets import UnfoldAdminURLInputWidget

from accounts import visibility
from accounts.admin.base import GlobalAdmin
from alerts import matching
from alerts.admin.unsaved import Context, UnsavedPreview
from alerts.models import Alert, Playbook
from alerts.raising import playbooks

# How far back an alert that fits is looked for.
MOST = 500


class PlaybookForm(forms.ModelForm):
    """Matchers that can be used, and a body that names only what there is."""

    runbook_url = forms.URLField(
        label="Runbook",
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=UnfoldAdminURLInputWidget,
        help_text="Alerts link to it below the text.",
    )

    def clean_matchers(self) -> list[matching.Matcher]:
        """Well formed, and about what alerts have."""
        try:
            return matching.checked(self.cleaned_data["matchers"] or [])
        except matching.Invalid as error:
            raise ValidationError(str(error)) from error

    def clean_body(self) -> str:
        """Refuse unknown placeholders by name: they would stand in an alert unfilled."""
        body = str(self.cleaned_data["body"])
        if unknown := playbooks.unknown(body):
            named = ", ".join(f"{{{name}}}" for name in unknown)
            known = ", ".join(f"{{{name}}}" for name in playbooks.PLACEHOLDERS)
            raise ValidationError(f"There is no {named}. Use {known}.")
        return body


@admin.register(Playbook)
class PlaybookAdmin(UnsavedPreview, GlobalAdmin):
    """What to do first, by kind of alert."""

    form = PlaybookForm
    list_display = ["name", "about", "priority", "runbook", "enabled"]
    list_filter = ["enabled"]
    search_fields = ["name", "body", "matchers"]
    search_help_text = "Name, text, or what it is for."
    list_per_page = 100
    preview_page = "admin/alerts/playbook_preview.html"
    preview_title = "How it would read"
    preview_words = (
        "The text above, filled from the newest alert that the matchers above fit. "
        "Nothing is saved."
    )
    fieldsets = [
        (None, {"fields": ["name", "enabled"]}),
        ("Which alerts", {"fields": ["matchers", "priority"]}),
        (
            "What to do",
            {
                "fields": ["body", "runbook_url"],
                "description": "Placeholders: "
                + "; ".join(f"{{{name}}} {text}" for name, text in playbooks.PLACEHOLDERS.items()),
            },
        ),
    ]

    @display(description="For")
    def about(self, playbook: Playbook) -> str:
        """The matchers in words."""
        return matching.in_words(playbook.matchers)

    @display(description="Runbook")
    def runbook(self, playbook: Playbook) -> str:
        """Whether it links to one."""
        return "Linked" if playbook.runbook_url else "–"

    def preview_of(self, request: HttpRequest, instance: Any) -> Context:
        """Its text for the newest alert it fits, and which playbook that alert would get."""
        alert = self._newest(request, instance)
        if alert is None:
            return {"about": matching.in_words(instance.matchers), "body": instance.body}
        others = [one for one in Playbook.objects.filter(enabled=True) if one.pk != instance.pk]
        winner = playbooks.best(alert, [*others, instance])
        return {
            "about": matching.in_words(instance.matchers),
            "alert": alert,
            "body": playbooks.render(instance, alert),
            "winner": winner if winner is not instance else None,
        }

    def _newest(self, request: HttpRequest, playbook: Playbook) -> Alert | None:
        visible = visibility.limit(Alert.objects.all(), request.user)
        newest = visible.select_related("client", "team").order_by("-created_at")[:MOST]
        fitting = (a for a in newest if matching.matches(playbook.matchers, matching.facts(a)))
        return next(fitting, None)
