"""The admin of API keys with what each key sent: figures that accounts knows nothing of."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.views import ChangeList

from accounts.admin import ApiKeyAdmin
from accounts.models import ApiKey
from metrics import intake_health, key_usage
from metrics.admin import bars
from metrics.key_usage import Usage

PERMISSION = "metrics.view_intakeminute"
DAYS, REASONS = 14, 10

admin.site.unregister(ApiKey)


class KeyList(ChangeList):
    """A page of keys, their figures read in one query."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """The page's keys, each with its ``usage``."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        figures = key_usage.usage([key.pk for key in self.result_list], timezone.now())
        for key in self.result_list:
            key.usage = figures.get(key.pk, Usage())


@admin.register(ApiKey)
class KeyUsageAdmin(ApiKeyAdmin):
    """Keys with their rows and rejects a day."""

    list_per_page = 50
    change_form_outer_before_template = "admin/metrics/key_usage.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """With figures for who may see them."""
        if request.user.has_perm(PERMISSION):
            return KeyList
        return super().get_changelist(request, **kwargs)

    def get_list_display(self, request: HttpRequest) -> Any:
        """Two columns more, before the dates."""
        columns = [*super().get_list_display(request)]
        if request.user.has_perm(PERMISSION):
            at = columns.index("last_used_at")
            columns[at:at] = ["rows_today", "rows_in_a_week"]
        return columns

    @display(description="Rows today")
    def rows_today(self, key: Any) -> SafeString:
        """Stored and refused since midnight."""
        return _rows(key.usage.today_stored, key.usage.today_rejected)

    @display(description="Last 7 days")
    def rows_in_a_week(self, key: Any) -> SafeString:
        """Stored and refused, today included."""
        return _rows(key.usage.week_stored, key.usage.week_rejected)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The key's page, with its last days and what was refused of it."""
        extra = dict(extra_context or {})
        key = self.get_object(request, object_id)
        if key is not None and request.user.has_perm(PERMISSION):
            extra |= _usage_context(request, key)
        return super().change_view(request, object_id, form_url, extra)


def _usage_context(request: HttpRequest, key: ApiKey) -> dict[str, Any]:
    now = timezone.now()
    days = key_usage.days(key.pk, now, DAYS)
    titles = [
        f"{one.day:%a %d %b}: {one.stored:,} stored, {one.rejected:,} refused" for one in days
    ]
    reasons = []
    if request.user.has_perm("metrics.view_intakerejection"):
        rejections = intake_health.rejections_for(request.user, intake_health.Only(key_id=key.pk))
        reasons = intake_health.reasons(rejections, days[0].day, REASONS)
    return {
        "usage": {
            "days": list(reversed(days)),
            "start": f"{days[0].day:%d %b}",
            "chart": bars.draw([(one.stored, one.rejected) for one in days], titles),
            "stored": sum(one.stored for one in days),
            "rejected": sum(one.rejected for one in days),
            "requests": sum(one.requests for one in days),
            "reasons": reasons,
        }
    }


def _rows(stored: int, rejected: int) -> SafeString:
    if not rejected:
        return format_html("{}", f"{stored:,}")
    return format_html(
        '{} <span class="aio-bad aio-nowrap">{} refused</span>', f"{stored:,}", f"{rejected:,}"
    )
