"""Admin of on-call schedules and their rotations."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.admin import GlobalAdmin
from accounts.models import User
from alerts.delivery import oncall
from alerts.models import OnCallSchedule, Rotation, RotationMember, Weekday


@admin.register(OnCallSchedule)
class OnCallScheduleAdmin(GlobalAdmin):
    """Schedules of the teams."""

    list_display = ["name", "team", "time_zone", "layers"]
    list_filter = ["team"]
    list_select_related = ["team"]
    search_fields = ["name", "team__name"]
    readonly_fields = ["rotations"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Rotations can be added once there is a schedule."""
        return ["name", "team", "time_zone", *(["rotations"] if obj else [])]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OnCallSchedule]:
        """Those whose people this person may know."""
        queryset = super().get_queryset(request)
        seen = oncall.visible(request.user).values("pk")
        return queryset.filter(pk__in=seen).annotate(parts=Count("rotations"))

    @display(description="Rotations")
    def rotations(self, schedule: OnCallSchedule) -> SafeString:
        """A way to each, the highest layer first, and to a new one."""
        found = schedule.rotations.order_by("-layer").prefetch_related("members__user")
        rows = [
            (
                reverse("admin:alerts_rotation_change", args=[one.pk]),
                one.name,
                one.layer,
                ", ".join(str(member.user) for member in one.members.all()) or "nobody yet",
            )
            for one in found
        ]
        add = f"{reverse('admin:alerts_rotation_add')}?schedule={schedule.pk}"
        listed = format_html_join(
            "", '<p><a class="aio-link" href="{}">{}</a>, layer {}: {}</p>', rows
        )
        new = format_html('<p><a class="aio-link" href="{}">Add a rotation</a></p>', add)
        return format_html("{}{}", listed, new)

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
