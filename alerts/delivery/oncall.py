"""On-call schedules as they are stored: who is on call, overrides, and who may ask for them.

When someone is on call is reckoned by rota.py.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from accounts import visibility
from accounts.models import User
from alerts.delivery import rota
from alerts.models import OnCallOverride, OnCallSchedule, Rotation, RotationMember

MOST_DAYS = 90  # of an override
# Changing any schedule's overrides, not only those of one's own teams.
ANY = "alerts.override_oncallschedule"


class Refused(Exception):
    """The override can't be made or withdrawn; the message says why."""


def plans(schedules: QuerySet[OnCallSchedule], since: datetime) -> dict[int, rota.Plan]:
    """The schedules' plans by id, in four queries; overrides that ended before ``since`` left out.

    People who are no longer active have no turns and no overrides.
    """
    members = RotationMember.objects.select_related("user").order_by("place", "id")
    rotations = Rotation.objects.prefetch_related(Prefetch("members", members))
    covers = OnCallOverride.objects.filter(ends_at__gt=since, user__is_active=True)
    loaded = schedules.prefetch_related(
        Prefetch("rotations", rotations), Prefetch("overrides", covers)
    )
    return {one.pk: _plan(one) for one in loaded}


def plan(schedule: OnCallSchedule, since: datetime) -> rota.Plan:
    """One schedule's plan, as ``plans`` has it."""
    return plans(OnCallSchedule.objects.filter(pk=schedule.pk), since)[schedule.pk]


def on_call(schedule: OnCallSchedule, at: datetime) -> User | None:
    """Who is on call at the moment ``at``; None: nobody."""
    person = rota.on_call(plan(schedule, at), at)
    return User.objects.get(pk=person) if person is not None else None


def visible(user: User | AnonymousUser) -> QuerySet[OnCallSchedule]:
    """The schedules this person may see: all who see all clients, else those of their teams.

    Who sees one client only is not told the names of everybody who works here.
    """
    if visibility.sees_all(user):
        return OnCallSchedule.objects.all()
    if not isinstance(user, User):
        return OnCallSchedule.objects.none()
    return OnCallSchedule.objects.filter(team__in=user.teams.all())


def may_override(user: User | AnonymousUser, schedule: OnCallSchedule) -> bool:
    """Whether this person may change who is on call here: their team's, or with ANY each one's."""
    if not isinstance(user, User) or not user.has_perm("alerts.add_oncalloverride"):
        return False
    if user.has_perm(ANY):
        return visible(user).filter(pk=schedule.pk).exists()
    return user.teams.filter(pk=schedule.team_id).exists()


def check_override(
    *,
    acting_user: User,
    schedule: OnCallSchedule,
    user: User,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """Raise Refused unless ``acting_user`` may put ``user`` on call for this time."""
    if not may_override(acting_user, schedule):
        raise Refused(f"Only members of {schedule.team} change who is on call in {schedule}.")
    if not user.is_active:
        raise Refused(f"{user} is not active and could not be told.")
    if ends_at <= starts_at:
        raise Refused("The end must come after the start.")
    if ends_at <= timezone.now():
        raise Refused("This time is over: who was on call is not rewritten.")
    if ends_at - starts_at > timedelta(days=MOST_DAYS):
        raise Refused(f"An override lasts {MOST_DAYS} days at most; change the rotation instead.")


def request_override(
    *,
    acting_user: User,
    schedule: OnCallSchedule,
    user: User,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
) -> OnCallOverride:
    """Put ``user`` on call from ``starts_at`` to ``ends_at``, at once. Raises Refused.

    A start in the past is moved to now: who was on call is not rewritten.
    """
    check_override(
        acting_user=acting_user, schedule=schedule, user=user, starts_at=starts_at, ends_at=ends_at
    )
    return OnCallOverride.objects.create(
        schedule=schedule,
        user=user,
        starts_at=max(starts_at, timezone.now()),
        ends_at=ends_at,
        reason=reason,
        requested_by=acting_user,
    )


def withdraw_override(override_id: int, *, acting_user: User) -> OnCallOverride:
    """End an override now, or before it begins. Raises Refused when it is over already."""
    override = (
        OnCallOverride.objects.select_related("schedule__team").filter(pk=override_id).first()
    )
    if override is None:
        raise Refused(f"Override #{override_id} no longer exists.")
    if not may_override(acting_user, override.schedule):
        raise Refused(f"Only members of {override.schedule.team} withdraw overrides of theirs.")
    now = timezone.now()
    if not OnCallOverride.objects.filter(
        pk=override_id, withdrawn_at__isnull=True, ends_at__gt=now
    ).update(withdrawn_at=now, withdrawn_by=acting_user):
        raise Refused(f"{override} is over, or somebody has withdrawn it already.")
    override.refresh_from_db()
    return override


def _plan(schedule: OnCallSchedule) -> rota.Plan:
    layers = [_layer(rotation) for rotation in schedule.rotations.all()]
    return rota.Plan(schedule.time_zone, layers, list(_covers(schedule.overrides.all())))


def _layer(rotation: Rotation) -> rota.Layer:
    hours = None
    if rotation.hours_from is not None and rotation.hours_to is not None:
        hours = (rotation.hours_from, rotation.hours_to)
    return rota.Layer(
        number=rotation.layer,
        people=[m.user_id if m.user.is_active else None for m in rotation.members.all()],
        starts_on=rotation.starts_on,
        handover_weekday=rotation.handover_weekday,
        handover_time=rotation.handover_time,
        weeks=rotation.weeks,
        ends_on=rotation.ends_on,
        weekdays=frozenset(rotation.weekdays),
        hours=hours,
        name=rotation.name,
    )


def _covers(overrides: Iterable[OnCallOverride]) -> Iterable[rota.Cover]:
    for one in overrides:
        end = min(one.ends_at, one.withdrawn_at) if one.withdrawn_at else one.ends_at
        if one.starts_at < end:
            yield rota.Cover(one.pk, one.user_id, one.starts_at, end, one.reason)
