"""The page of who is on call: now, the next 14 days as a strip, and the calendars' addresses."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.models import User
from alerts.admin import oncall_strip
from alerts.admin.oncall_strip import Person, Row
from alerts.delivery import feeds, oncall, rota
from alerts.models import OnCallFeed, OnCallOverride, OnCallSchedule

PERMISSION = "alerts.view_oncallschedule"
ROWS = 2
MOST_SCHEDULES = 30


@dataclass(frozen=True)
class Line:
    """One shift of the list."""

    shift: rota.Shift
    who: str
    is_now: bool


@dataclass(frozen=True)
class Shown:
    """One schedule."""

    schedule: OnCallSchedule
    now: Line | None
    next: Line | None
    rows: list[Row]
    people: list[Person]
    lines: list[Line]
    overrides: list[OnCallOverride]
    has_gaps: bool
    may_override: bool
    has_feed: bool


def urls() -> list[URLPattern]:
    """The page and what it posts to, to be put under the admin."""
    view_ = admin.site.admin_view
    own = [path("", view_(view), name="oncall")]
    for action in ("issue", "revoke"):
        extra, name = {"action": action}, f"oncall_feed_{action}"
        own.append(path(f"calendar/{action}/", view_(feed), extra, name=name))
        own.append(
            path(f"calendar/<int:schedule_id>/{action}/", view_(feed), extra, name=f"{name}_of")
        )
    return own


def view(request: HttpRequest) -> HttpResponse:
    """The page, for who may see schedules."""
    user = _person(request)
    now = timezone.localtime()
    schedules = oncall.visible(user).select_related("team", "feed").order_by("name")
    listed = list(schedules[: MOST_SCHEDULES + 1])
    context = {
        **admin.site.each_context(request),
        "title": "On call",
        "schedules": _shown(user, listed[:MOST_SCHEDULES], now),
        "more": len(listed) > MOST_SCHEDULES,
        "zone": timezone.get_current_timezone_name(),
        "own_feed": OnCallFeed.objects.filter(user=user).exists(),
        "may_manage": request.user.has_perm("alerts.add_oncallschedule"),
    }
    return TemplateResponse(request, "admin/alerts/oncall.html", context)


@require_POST
def feed(request: HttpRequest, action: str, schedule_id: int | None = None) -> HttpResponse:
    """Make, replace or end a calendar's address: a schedule's, or the person's own."""
    user = _person(request)
    schedule = None
    if schedule_id is not None:
        schedule = oncall.visible(user).filter(pk=schedule_id).first()
        if schedule is None:
            raise Http404(f"There is no schedule {schedule_id}.")
        if not oncall.may_override(user, schedule):
            raise PermissionDenied
    owner: dict[str, Any] = {"schedule": schedule} if schedule else {"user": user}
    if action == "issue":
        _show_once(request, feeds.issue(acting_user=user, **owner))
    elif feeds.revoke(**owner):
        messages.success(request, "The calendar's address is ended: nobody can read it any more.")
    else:
        messages.info(request, "There was no address to end.")
    return HttpResponseRedirect(reverse("oncall"))


def _shown(user: User, schedules: list[OnCallSchedule], now: datetime) -> list[Shown]:
    first = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # By days, not by hours: one of them may have 23 or 25.
    last = timezone.make_aware(first.replace(tzinfo=None) + ROWS * oncall_strip.WEEK)
    pks = [schedule.pk for schedule in schedules]
    plans = oncall.plans(OnCallSchedule.objects.filter(pk__in=pks), first)
    spans = {pk: rota.shifts(plan, first, last) for pk, plan in plans.items()}
    asked = {one.person for found in spans.values() for one in found if one.person is not None}
    names = {one.pk: str(one) for one in User.objects.filter(pk__in=asked)}
    # Over all schedules: a person has one colour.
    people = oncall_strip.people_of([one for found in spans.values() for one in found], names)
    overrides: dict[int, list[OnCallOverride]] = {}
    for one in _coming(pks, now):
        overrides.setdefault(one.schedule_id, []).append(one)
    return [
        _one(user, schedule, spans[schedule.pk], people, overrides.get(schedule.pk, []), now)
        for schedule in schedules
    ]


def _one(
    user: User,
    schedule: OnCallSchedule,
    shifts: list[rota.Shift],
    people: dict[int, Person],
    overrides: list[OnCallOverride],
    now: datetime,
) -> Shown:
    lines = [
        Line(shift, _name(people, shift.person), shift.start <= now < shift.end)
        for shift in shifts
        if shift.end > now
    ]
    # A person's next shift may follow their own.
    after = next((line for line in lines if line.shift.person != lines[0].shift.person), None)
    return Shown(
        schedule,
        now=lines[0] if lines else None,
        next=after,
        rows=oncall_strip.strip(shifts, people, now.date(), ROWS, now),
        people=[people[pk] for pk in dict.fromkeys(s.person for s in shifts) if pk is not None],
        lines=lines,
        overrides=overrides,
        has_gaps=any(line.shift.person is None for line in lines),
        may_override=oncall.may_override(user, schedule),
        has_feed=hasattr(schedule, "feed"),
    )


def _name(people: dict[int, Person], person: int | None) -> str:
    return people[person].name if person is not None else "Nobody"


def _coming(pks: list[int], now: datetime) -> Any:
    """Overrides that hold now or will."""
    return (
        OnCallOverride.objects.filter(
            schedule__in=pks,
            withdrawn_at__isnull=True,
            ends_at__gt=now,
            starts_at__lt=now + timedelta(days=oncall.MOST_DAYS),
        )
        .select_related("user", "requested_by")
        .order_by("starts_at")
    )


def _show_once(request: HttpRequest, token: str) -> None:
    url = settings.PORTAL_URL.rstrip("/") + reverse("oncall_calendar", args=[token])
    note = format_html(
        'The calendar is at <code class="aio-key">{}</code> – give it to your calendar program '
        "now: it can't be shown again. Whoever knows it can read the calendar.",
        url,
    )
    messages.warning(request, note)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    return request.user
