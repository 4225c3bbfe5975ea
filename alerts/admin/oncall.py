"""Admin of on-call schedules and their rotations."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin import GlobalAdmin
from accounts.models import User
from alerts.admin import oncall_page
from alerts.delivery import oncall
from alerts.models import OnCallSchedule, Rotation, RotationMember, Weekday


class RotationInline(TabularInline):
    """What a schedule consists of, with a way to each."""

    model = Rotation
    fields = ["name", "layer", "starts_on", "ends_on", "weeks"]
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True


@admin.register(OnCallSchedule)
class OnCallScheduleAdmin(GlobalAdmin):
    """Schedules of the teams."""

    list_display = ["name", "team", "time_zone", "layers"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "team__name"]
    inlines = [RotationInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OnCallSchedule]:
        """Those whose people this person may know."""
        queryset = super().get_queryset(request)
        seen = oncall.visible(request.user).values("pk")
        return queryset.filter(pk__in=seen).annotate(parts=Count("rotations"))

    def get_urls(self) -> list[URLPattern]:
        """The page of who is on call, and the calendars' addresses, before the admin's own."""
        site = self.admin_site
        feed = site.admin_view(oncall_page.feed)
        own = [path("now/", site.admin_view(oncall_page.view), name="alerts_oncall_now")]
        for action in ("issue", "revoke"):
            extra = {"action": action}
            name = f"alerts_oncall_feed_{action}"
            own.append(path(f"now/feed/{action}/", feed, extra, name=name))
            own.append(path(f"<int:schedule_id>/feed/{action}/", feed, extra, name=f"{name}_of"))
        return [*own, *super().get_urls()]

    @display(description="Rotations", ordering="parts")
    def layers(self, schedule: Any) -> int:
        """How many."""
        return int(schedule.parts)


class MemberInline(TabularInline):
    """Who takes turns, in which order."""

    model = RotationMember
    fields = ["place", "user"]
    extra = 1
    ordering_field = "place"

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only people who can be told."""
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_active=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class RotationForm(forms.ModelForm):
    """Weekdays as tick boxes."""

    weekdays = forms.TypedMultipleChoiceField(
        choices=Weekday.choices,
        coerce=int,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Only on these days. None ticked: every day.",
    )

    class Meta:
        model = Rotation
        fields = "__all__"  # noqa: DJ007  # every field is set here


@admin.register(Rotation)
class RotationAdmin(GlobalAdmin):
    """Who takes turns. Each is a layer of its schedule."""

    form = RotationForm
    list_display = ["name", "schedule", "layer", "turns", "people", "starts_on", "ends_on"]
    list_filter = ["schedule"]
    list_select_related = ["schedule"]
    search_fields = ["name", "schedule__name", "members__user__username"]
    inlines = [MemberInline]
    fieldsets = [
        (None, {"fields": ["schedule", "name", "layer"]}),
        (
            "Turns",
            {"fields": ["starts_on", "ends_on", "handover_weekday", "handover_time", "weeks"]},
        ),
        ("Only in these hours", {"fields": ["weekdays", "hours_from", "hours_to"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rotation]:
        """Those of the schedules that this person may see."""
        queryset = super().get_queryset(request)
        queryset = queryset.filter(schedule__in=oncall.visible(request.user))
        return queryset.prefetch_related("members__user")

    @display(description="Hand-over")
    def turns(self, rotation: Rotation) -> str:
        """When, and how often."""
        day = Weekday(rotation.handover_weekday).label
        every = "every week" if rotation.weeks == 1 else f"every {rotation.weeks} weeks"
        return f"{day} {rotation.handover_time:%H:%M}, {every}"

    @display(description="People")
    def people(self, rotation: Rotation) -> str:
        """In the order of their turns."""
        return ", ".join(str(member.user) for member in rotation.members.all()) or "–"
