"""Admin of API keys: made, rotated and revoked; the full key is shown once."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from accounts import keys, rights
from accounts.admin.base import ScopedAdmin
from accounts.filters import ClientFilter
from accounts.models import ApiKey, User

# seconds → in words; for as long the old key still works
OVERLAPS = {
    0: "None – it ends now, e.g. because it leaked",
    3600: "1 hour",
    86_400: "24 hours",
    7 * 86_400: "7 days",
}


class ApiKeyForm(forms.ModelForm):
    """Scopes as tick boxes."""

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "client", "acts_as", "rows_per_minute", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" in self.fields:
            # A form that was opened before a rotation must not undo the old key's end.
            self.fields["expires_at"].show_hidden_initial = True


class RotateForm(forms.Form):
    """For how long old and new key both work."""

    overlap = forms.TypedChoiceField(
        label="Overlap: how long the old key still works",
        choices=list(OVERLAPS.items()),
        coerce=int,
        initial=86_400,
        widget=UnfoldAdminRadioSelectWidget,
    )


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Keys of services. The full key is shown once, when it is made."""

    form = ApiKeyForm
    list_display = ["name", "prefix", "what", "for_client", "state", "last_used_at", "expires_at"]
    list_filter = [ClientFilter]
    list_select_related = ["client"]
    search_fields = ["name", "prefix"]
    readonly_fields = [
        "prefix",
        "created_at",
        "created_by",
        "last_used_at",
        "revoked_at",
        "successor",
        "predecessor",
    ]
    actions = ["revoke"]
    actions_detail = ["rotate"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """What is set; and, once the key exists, its life."""
        settable = ["name", "scopes", "client", "acts_as", "rows_per_minute", "expires_at"]
        if obj is None:
            return [(None, {"fields": settable})]
        life = ["prefix", "created_at", "created_by", "last_used_at", "revoked_at"]
        life += ["successor"] if obj.replaced_by_id else []
        life += ["predecessor"] if hasattr(obj, "replaces") else []
        return [(None, {"fields": settable}), ("Life", {"fields": life})]

    @display(description="May")
    def what(self, key: ApiKey) -> str:
        """The key's scopes."""
        return ", ".join(ApiKey.Scope(scope).label for scope in key.scopes)

    @display(description="Client")
    def for_client(self, key: ApiKey) -> str:
        """Whom it may report for."""
        return str(key.client or "All clients")

    @display(
        description="State",
        label={"Active": "success", "Ending": "info", "Revoked": "danger", "Expired": "warning"},
    )
    def state(self, key: ApiKey) -> str:
        """Whether it can be used; a rotated key ends with its overlap."""
        if key.revoked_at:
            return "Revoked"
        if key.expires_at and key.expires_at <= timezone.now():
            return "Expired"
        return "Ending" if key.replaced_by_id and key.expires_at else "Active"

    @display(description="Replaced by")
    def successor(self, key: ApiKey) -> SafeString:
        """The key that took its place."""
        return _link(key.replaced_by)

    @display(description="Replaces")
    def predecessor(self, key: ApiKey) -> SafeString:
        """The key whose place it took, and whether that is still in use."""
        used = key.replaces.last_used_at
        last = f"last used {timezone.localtime(used):%Y-%m-%d %H:%M}" if used else "never used"
        return format_html("{}, {}", _link(key.replaces), last)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """A key is revoked, so that its traces keep their name."""
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Nobody makes a key that may do more than they themselves."""
        if db_field.name == "acts_as":
            actor = request.user
            may = [one.pk for one in User.objects.all() if rights.may_change(actor, one)]
            kwargs["queryset"] = User.objects.filter(Q(pk__in=may) | Q(pk=actor.pk))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Issue a new key and show it once; of an old one, save what the person changed.

        Saving all of it would undo a revocation or rotation that came meanwhile.
        """
        if change:
            obj.save(update_fields=form.changed_data)
            return
        key, text = keys.issue(
            obj.name,
            obj.scopes,
            client=obj.client,
            rows_per_minute=obj.rows_per_minute,
            expires_at=obj.expires_at,
            acts_as=obj.acts_as,
            created_by=_person(request),
        )
        obj.pk, obj.prefix = key.pk, key.prefix
        self._show_once(request, text)

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """End the keys now."""
        revoked = [key for key in queryset if keys.revoke(key)]
        for key in revoked:
            self.log_change(request, key, "Revoked.")
        self.message_user(request, f"{len(revoked)} keys revoked.", messages.SUCCESS)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """No button to rotate what can't be rotated."""
        key = self.get_object(request, str(object_id))
        if key is None or keys.why_not_rotatable(key, timezone.now()):
            return []
        return super().get_actions_detail(request, object_id)

    @action(description="Rotate", url_path="rotate", icon="autorenew", permissions=["change"])
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the overlap; by POST, make the successor and show it once."""
        key = self.get_object(request, object_id)
        if key is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if why := keys.why_not_rotatable(key, timezone.now()):
            return self._not_rotated(request, key, why)
        form = RotateForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._rotated(request, key, timedelta(seconds=form.cleaned_data["overlap"]))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": key,
            "title": f"Rotate {key.name}",
            "form": form,
        }
        return TemplateResponse(request, "admin/accounts/rotate_key.html", context)

    def _rotated(self, request: HttpRequest, key: ApiKey, overlap: timedelta) -> HttpResponse:
        try:
            new, text = keys.rotate(key, overlap, _person(request))
        except keys.NotRotatable as error:
            return self._not_rotated(request, key, str(error))
        self.log_change(request, key, f"Rotated; {new.prefix} replaces it.")
        self.log_addition(request, new, f"Replaces {key.prefix}.")
        self._show_once(request, text)
        return HttpResponseRedirect(_url(new))

    def _not_rotated(self, request: HttpRequest, key: ApiKey, why: str) -> HttpResponse:
        self.message_user(request, f"{key} was not rotated. {why}", messages.ERROR)
        return HttpResponseRedirect(_url(key))

    def _show_once(self, request: HttpRequest, text: str) -> None:
        note = format_html(
            'The key is <code class="aio-key">{}</code> – copy it now: '
            "it is not stored and can't be shown again.",
            text,
        )
        self.message_user(request, note, messages.WARNING)


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _url(key: ApiKey) -> str:
    return reverse("admin:accounts_apikey_change", args=[key.pk])


def _link(key: ApiKey | None) -> SafeString:
    if key is None:
        return SafeString("–")
    return format_html('<a class="aio-link" href="{}">{}</a>', _url(key), key)
