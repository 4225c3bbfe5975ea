"""Admin of on-call overrides: requested here, in force at once, withdrawn by POST."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin
from unfold.decorators import display

from accounts import rights
from accounts.models import User
from alerts.delivery import oncall
from alerts.models import OnCallOverride, OnCallSchedule

_BADGES = {"Now": "acknowledged", "To come": "ok", "Over": "none", "Withdrawn": "none"}


class OverrideForm(forms.ModelForm):
    """A request; ``acting_user`` is set by the admin."""

    acting_user: User

    class Meta:
        model = OnCallOverride
        fields = ["schedule", "user", "starts_at", "ends_at", "reason"]

    def clean(self) -> dict[str, Any]:
        """What the rule refuses is said before anything is saved."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        asked = {name: data.get(name) for name in ("schedule", "user", "starts_at", "ends_at")}
        if self.errors or None in asked.values():
            return data
        try:
            oncall.check_override(acting_user=self.acting_user, **asked)  # type: ignore[arg-type]
        except oncall.Refused as refused:
            raise ValidationError(str(refused)) from None
        return data


@admin.register(OnCallOverride)
class OnCallOverrideAdmin(ModelAdmin):
    """Who takes over from whom. Nobody edits or deletes one: it is withdrawn."""

    form = OverrideForm
    list_display = ["what", "state", "schedule", "starts_at", "ends_at", "reason", "requested_by"]
    list_filter = ["schedule"]
    list_select_related = ["schedule__team", "user", "requested_by"]
    search_fields = ["reason", "user__username", "schedule__name"]
    actions = ["withdraw_selected"]
    fields = ["schedule", "user", "starts_at", "ends_at", "reason"]

    @display(description="On call", ordering="user")
    def what(self, override: OnCallOverride) -> str:
        """Who takes over."""
        return str(override.user)

    @display(description="State")
    def state(self, override: OnCallOverride) -> SafeString:
        """Whether it holds."""
        word = _state(override)
        return format_html('<span class="aio-badge aio-badge--{}">{}</span>', _BADGES[word], word)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OnCallOverride]:
        """Those of the schedules that this person may see."""
        return super().get_queryset(request).filter(schedule__in=oncall.visible(request.user))

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The form knows who asks."""
        form = super().get_form(request, obj, **kwargs)
        return type(form.__name__, (form,), {"acting_user": request.user})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Schedules that this person may change; people whom they may know, or work with."""
        if db_field.name == "schedule":
            seen = oncall.visible(request.user).select_related("team")
            pks = [one.pk for one in seen if oncall.may_override(request.user, one)]
            kwargs["queryset"] = OnCallSchedule.objects.filter(pk__in=pks)
        elif db_field.name == "user":
            active = User.objects.filter(is_active=True)
            known = rights.people_to_show(active, request.user).values("pk")
            mates = active.filter(teams__members=request.user.pk).values("pk")
            kwargs["queryset"] = active.filter(pk__in=known) | active.filter(pk__in=mates)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """It stays as it was requested."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Who was on call stays on record."""
        return False

    def save_model(self, _request: Any, obj: OnCallOverride, form: Any, _change: bool) -> None:
        """Put the person on call, as asked by who is signed in."""
        made = oncall.request_override(
            acting_user=form.acting_user,
            schedule=obj.schedule,
            user=obj.user,
            starts_at=obj.starts_at,
            ends_at=obj.ends_at,
            reason=obj.reason,
        )
        obj.pk = made.pk

    def response_add(
        self, request: HttpRequest, obj: OnCallOverride, post_url_continue: str | None = None
    ) -> HttpResponse:
        """To the page that shows what it changed."""
        if "_addanother" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        text = f"{obj.user} is on call in {obj.schedule} for that time."
        self.message_user(request, text, messages.SUCCESS)
        return HttpResponseRedirect(reverse("oncall"))

    def get_urls(self) -> list[URLPattern]:
        """Withdrawing one, before the admin's own addresses."""
        view = self.admin_site.admin_view(self.withdraw)
        own = path("<int:override_id>/withdraw/", view, name="alerts_oncalloverride_withdraw")
        return [own, *super().get_urls()]

    @method_decorator(require_POST)
    def withdraw(self, request: HttpRequest, override_id: int) -> HttpResponse:
        """End one now, and return to the page of who is on call."""
        self._withdraw(request, self.get_queryset(request).filter(pk=override_id))
        return HttpResponseRedirect(reverse("oncall"))

    @admin.action(description="Withdraw selected overrides", permissions=["add"])
    def withdraw_selected(self, request: HttpRequest, queryset: QuerySet[OnCallOverride]) -> None:
        """End them now."""
        self._withdraw(request, queryset)

    def _withdraw(self, request: HttpRequest, overrides: QuerySet[OnCallOverride]) -> None:
        if not isinstance(request.user, User):
            return
        for pk in overrides.values_list("pk", flat=True):
            try:
                override = oncall.withdraw_override(pk, acting_user=request.user)
            except oncall.Refused as refused:
                self.message_user(request, str(refused), messages.ERROR)
            else:
                self.log_change(request, override, "Withdrawn.")
                self.message_user(request, f"{override} is withdrawn.", messages.SUCCESS)


def _state(override: OnCallOverride) -> str:
    now = timezone.now()
    if override.withdrawn_at is not None:
        return "Withdrawn"
    if override.ends_at <= now:
        return "Over"
    return "Now" if override.starts_at <= now else "To come"
