"""django-celery-beat's admins on unfold's base, so that schedules are edited in one look."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat.admin import ClockedScheduleAdmin as BaseClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin import GlobalAdmin

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


class UnfoldTaskSelectWidget(UnfoldAdminSelectWidget, TaskSelectWidget):
    """The list of registered tasks, in the portal's look."""


class UnfoldPeriodicTaskForm(PeriodicTaskForm):
    """The form with the portal's widgets."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = UnfoldTaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, GlobalAdmin):
    """What beat sends, and when."""

    form = UnfoldPeriodicTaskForm
    # The base class's template has an inline script, which our content policy refuses.
    change_form_template = None
    list_display = ["name", "task", "scheduler", "last_run_at", "total_run_count", "enabled"]
    list_filter = ["enabled"]

    def get_actions(self, request: HttpRequest) -> Any:
        """The base class's actions ask for no permission: only who may change tasks has them."""
        return super().get_actions(request) if self.has_change_permission(request) else {}


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(GlobalAdmin):
    """Every n seconds, minutes, …."""

    list_display = ["__str__", "every", "period"]
    list_filter = ["period"]
    search_fields = ["=every", "period"]


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, GlobalAdmin):
    """At set times."""

    list_filter = ["timezone"]
    search_fields = ["minute", "hour", "day_of_month", "month_of_year", "day_of_week"]


@admin.register(SolarSchedule)
class SolarScheduleAdmin(GlobalAdmin):
    """At sunrise, sunset, …."""

    list_display = ["__str__", "event", "latitude", "longitude"]
    list_filter = ["event"]
    search_fields = ["event"]


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, GlobalAdmin):
    """Once."""

    list_filter = ["clocked_time"]
    search_fields = ["clocked_time"]
