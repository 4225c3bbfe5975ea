"""django-celery-beat's admins on unfold's base, so that schedules are edited in one look."""

from django.contrib import admin
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
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

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
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, ModelAdmin):
    """What beat sends, and when."""

    form = UnfoldPeriodicTaskForm
    # The base class's template has an inline script, which our content policy refuses.
    change_form_template = None
    list_display = ["name", "task", "scheduler", "last_run_at", "total_run_count", "enabled"]
    list_filter = ["enabled"]


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(ModelAdmin):
    """Every n seconds, minutes, …."""


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, ModelAdmin):
    """At set times."""


@admin.register(SolarSchedule)
class SolarScheduleAdmin(ModelAdmin):
    """At sunrise, sunset, …."""


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, ModelAdmin):
    """Once."""
