"""Which alerts a silence keeps quiet, when, and for whom."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.matching import Matcher
from alerts.models import Alert, Silence
from alerts.triage import flapping, lifecycle, settling, silences
from alerts.triage.lifecycle import Refused
from slas.models import Exclusion

pytestmark = pytest.mark.django_db
Breach = Callable[..., Alert | None]
MakeSilence = Callable[..., Silence]
MakeUser = Callable[..., User]


def status(alert: Alert | None) -> str:
    """What it is now."""
    assert alert is not None
    alert.refresh_from_db()
    return alert.status


def test_a_silence_suppresses_what_fires_and_lets_it_fire_again_when_it_ends(
    breach: Breach, make_silence: MakeSilence
) -> None:
    alert, other = breach(), breach(component="user_interface")
    silence = make_silence({"component": "cognitive_core"})
    settling.settle()
    assert (status(alert), status(other)) == ("suppressed", "firing")
    settling.settle()
    silences.end(silence.pk, acting_user=silence.owner)
    settling.settle()
    assert status(alert) == "firing"
    assert alert is not None
    assert [*alert.events.order_by("pk").values_list("kind", flat=True)] == [
        "opened",
        "suppressed",
        "fired",
    ]


def test_it_leaves_alone_who_is_at_work_and_what_is_not_told_yet(
    breach: Breach, make_silence: MakeSilence, make_user: MakeUser
) -> None:
    taken, pending = breach(), breach("availability", hold=timedelta(minutes=5))
    assert taken is not None
    lifecycle.acknowledge(taken.pk, acting_user=make_user(), version=taken.version)
    make_silence({"component": "cognitive_core"})
    settling.settle()
    assert (status(taken), status(pending)) == ("acknowledged", "pending")


def test_a_pending_alert_matures_into_suppression(
    breach: Breach, make_silence: MakeSilence
) -> None:
    alert = breach(hold=timedelta(minutes=5))
    Alert.objects.update(last_breach_at=timezone.now() + timedelta(minutes=6))
    make_silence({"component": "cognitive_core"})
    settling.settle()
    assert status(alert) == "suppressed"


def test_what_recovers_under_a_silence_is_resolved(
    breach: Breach, make_silence: MakeSilence
) -> None:
    make_silence({"component": "cognitive_core"})
    alert = breach()
    assert alert is not None
    assert flapping.recover(alert.pk, "kept again")
    assert status(alert) == "resolved"


def test_it_reaches_only_the_clients_that_its_owner_may_see(
    breach: Breach, make_silence: MakeSilence, make_user: MakeUser, acme: Client, globex: Client
) -> None:
    make_silence({"component": "cognitive_core"}, owner=make_user("Responder", clients=[globex]))
    assert status(breach(client=acme)) == "firing"
    assert status(breach(client=globex)) == "suppressed"


def test_a_repeated_silence_covers_its_times_and_none_after_its_end(
    make_silence: MakeSilence,
) -> None:
    sunday = datetime(2026, 3, 1, 1, 0, tzinfo=UTC)  # 02:00 in Berlin
    silence = make_silence(
        {"component": "cognitive_core"},
        starts_at=sunday,
        ends_at=sunday + timedelta(days=35),
        rrule="FREQ=WEEKLY;BYDAY=SU",
        duration_minutes=120,
        zone="Europe/Berlin",
    )
    week, hour = timedelta(days=7), timedelta(hours=1)
    moments = [sunday, sunday + hour, sunday + 2 * hour, sunday + week, sunday + week - hour]
    assert [silences.in_force(silence, at) for at in moments] == [True, True, False, True, False]
    # On the wall's clock: from the last Sunday of March on it is an hour earlier in UTC.
    assert silences.in_force(silence, sunday + 5 * week - hour)
    assert not silences.in_force(silence, sunday + 6 * week - hour)


def test_another_reason_to_be_quiet_takes_over_without_telling_anybody(
    breach: Breach, make_silence: MakeSilence
) -> None:
    first = make_silence({"component": "cognitive_core"})
    alert = breach()
    second = make_silence({"severity": "medium"})
    silences.end(first.pk, acting_user=first.owner)
    settling.settle()
    assert status(alert) == "suppressed"
    assert alert is not None
    assert alert.suppressed_by == f"silence {second.pk}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "suppressed"),
        ({"component": "user_interface"}, "firing"),
        ({"objective": "sla:simple_queries:latency"}, "suppressed"),
        ({"status": "requested", "decided_by": None, "decided_at": None}, "firing"),
    ],
)
def test_an_approved_exclusion_in_force_suppresses(
    breach: Breach, make_user: MakeUser, fields: dict[str, object], expected: str
) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    defaults = {"status": "approved", "decided_by": make_user(), "decided_at": now}
    Exclusion.objects.create(
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=1),
        category="maintenance",
        reason="New database.",
        requested_by=make_user(),
        **{**defaults, **fields},
    )
    assert status(breach()) == expected


def test_only_once_and_only_by_who_may_is_a_silence_ended(
    make_silence: MakeSilence, make_user: MakeUser, globex: Client
) -> None:
    silence = make_silence({"client": "acme"})
    with pytest.raises(Refused, match="You may not end silences"):
        silences.end(silence.pk, acting_user=make_user("Viewer"))
    with pytest.raises(Refused, match="There is no silence"):
        silences.end(silence.pk, acting_user=make_user("Responder", clients=[globex]))
    silences.end(silence.pk, acting_user=make_user("Responder", first_name="Rita"))
    with pytest.raises(Refused, match="was ended by Rita already"):
        silences.end(silence.pk, acting_user=silence.owner)


def test_a_person_sees_silences_of_their_clients_their_own_and_general_ones(
    make_silence: MakeSilence, make_user: MakeUser, globex: Client
) -> None:
    user = make_user("Responder", clients=[globex])
    make_silence({"client": "acme"})
    seen = [
        make_silence({"client": "globex"}),
        make_silence({"component": "cognitive_core"}),
        make_silence({"client": "acme"}, owner=user),
    ]
    found = silences.visible(Silence.objects.order_by("pk"), user)
    assert list(found) == seen


def test_the_preview_counts_what_is_open_and_what_there_was(
    breach: Breach, make_alert: Callable[..., Alert], globex: Client, make_user: MakeUser
) -> None:
    breach()
    make_alert("resolved")
    old = make_alert("resolved")
    Alert.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=8))
    breach(client=globex)
    matcher = Matcher(name="component", op="=", value="cognitive_core")
    found = silences.preview([matcher], make_user(), timezone.now())
    assert (found.open_count, found.recent_count, len(found.recent)) == (2, 3, 1)
    limited = silences.preview([matcher], make_user(clients=[globex]), timezone.now())
    assert (limited.open_count, limited.recent_count) == (1, 1)
