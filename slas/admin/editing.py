"""Editing a promise: with a reason, versioned, and never over an edit that wasn't seen."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.db import connection, models
from django.db.models import QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin import GlobalAdmin
from accounts.models import User
from metrics.admin.choices import KnownNames
from slas import versions
from slas.admin import backtest, changes, history
from slas.admin.changes import Change

REASON = ("Why", {"fields": ["reason"]})
ADDED, DELETED = "First promised.", "The promise was deleted."


class PromiseForm(forms.ModelForm):
    """A promise's fields, why they change, and what they were when the form was opened."""

    reason = forms.CharField(
        label="Reason for the change",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Kept with the new version. Needed when what is promised or how it is judged "
        "changes; words may change without.",
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    # The backtest asks what would happen; it changes nothing.
    needs_reason = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changes: list[Change] = []
        self._stamp = stamp(self.instance) if self.instance.pk else ""
        self.fields["seen"].initial = self._stamp

    def _post_clean(self) -> None:
        """With the instance as the form would save it."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors or not self.instance.pk:
            return
        self.changes = changes.between(self.saved(), self.instance)
        seen = self.cleaned_data.get("seen")
        if seen and seen != self._stamp:
            self.add_error(
                None,
                "Someone else changed this promise after you opened it. Open the page again to "
                "see the present values, then make your change.",
            )
        if self.needs_reason and self.changes and not self.cleaned_data.get("reason", "").strip():
            self.add_error("reason", "Say why: what is promised changes (see below).")
            self.fields["reason"].widget.attrs["autofocus"] = True

    def saved(self) -> Any:
        """The promise as it is stored."""
        return type(self.instance).objects.get(pk=self.instance.pk)


def stamp(promise: models.Model) -> str:
    """Tells one state of a promise from another."""
    text = json.dumps(model_to_dict(promise), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class PromiseAdmin(KnownNames, GlobalAdmin):
    """The base of the promises' admins."""

    form = PromiseForm
    change_form_after_template = "admin/slas/change_reason.html"
    change_form_outer_after_template = "admin/slas/change_after.html"

    class Media:
        css = {"all": ["aiosmon/backtest.css"]}
        js = ["aiosmon/asking.js", "aiosmon/backtest.js"]

    def get_urls(self) -> list[URLPattern]:
        """With the backtest's."""
        info = f"{self.opts.app_label}_{self.opts.model_name}"

        def ask(request: HttpRequest, object_id: str | None = None) -> HttpResponse:
            return backtest.view(self, request, object_id)

        wrapped: Callable[..., HttpResponse] = self.admin_site.admin_view(ask)
        return [
            path("add/backtest/", wrapped, name=f"{info}_add_backtest"),
            path("<path:object_id>/backtest/", wrapped, name=f"{info}_backtest"),
            *super().get_urls(),
        ]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may not change it has no reason to give."""
        found = super().get_fieldsets(request, obj)
        if obj is not None and not self.has_change_permission(request, obj):
            return found
        return [*found, REASON]

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Locked while it is saved: of two edits at once the second sees the first."""
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST" and connection.in_atomic_block:
            return self.model.objects.select_for_update().filter(pk=found.pk).first()
        return found

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """With the backtest's button and the versions."""
        promise = kwargs.get("obj")
        if promise is not None:
            context["history"] = history.of(promise, request.user)
        context["backtest"] = backtest.button(self, request, promise)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and begin the new versions in the same transaction."""
        now = timezone.now()
        # What others left behind is not to get this reason.
        versions.sync(now)
        super().save_model(request, obj, form, change)
        reason = form.cleaned_data.get("reason", "").strip()
        done = versions.sync(now, reason=reason or ("" if change else ADDED), by=_person(request))
        for one in form.changes:
            messages.info(request, str(one))
        if done and change:
            start = timezone.localtime(now + versions.MINUTE)
            messages.info(request, f"The new numbers judge from {start:%H:%M} on.")

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """With the reason, also where no version keeps it."""
        reason = request.POST.get("reason", "").strip()
        if isinstance(message, list) and reason:
            told = LogEntry(change_message=json.dumps(message)).get_change_message()
            message = f"{told} Reason: {reason}"
        return super().log_change(request, obj, message)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete, and end its versions in the same transaction."""
        self._deleting(request, lambda: super(PromiseAdmin, self).delete_model(request, obj))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """As one."""
        self._deleting(
            request, lambda: super(PromiseAdmin, self).delete_queryset(request, queryset)
        )

    def _deleting(self, request: HttpRequest, delete: Callable[[], None]) -> None:
        now = timezone.now()
        versions.sync(now)
        delete()
        versions.sync(now, reason=DELETED, by=_person(request))


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None
