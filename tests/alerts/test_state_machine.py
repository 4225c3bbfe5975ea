"""Whatever people, evaluations and sweeps do, alone or at once: state and timeline agree."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent, Incident, Severity, Silence
from alerts.raising import opening
from alerts.triage import flapping, grouping, lifecycle, people, settling, silences
from alerts.triage.lifecycle import OPEN, TRANSITIONS, Refused

ACTION_OF = {
    "fired": "fire",
    "acknowledged": "acknowledge",
    "unacknowledged": "unacknowledge",
    "suppressed": "suppress",
    "resolved": "resolve",
    "reopened": "reopen",
}
RANKS = list(Severity.values)
BREACHES = {"core": "cognitive_core", "interface": "user_interface", "data": "data_intelligence"}
Act = tuple[str, str, int]  # what, of which breach, a number to choose by


class Actors:
    """All that acts on alerts; who comes too late is refused, and that is all."""

    def __init__(self, client: Client, users: list[User]) -> None:
        self.client, self.users = client, users

    def do(self, act: Act) -> None:
        """Carry it out."""
        what, mark, number = act
        with suppress(Refused):
            getattr(self, what)(mark, random.Random(number))

    def breach(self, mark: str, chance: random.Random) -> None:
        """An evaluation finds the breach: opened, or brought up to date."""
        found = {"severity": chance.choice(RANKS), "last_breach_at": timezone.now()}
        with transaction.atomic():
            one = Alert.objects.select_for_update().filter(fingerprint=mark, status__in=OPEN)
            if alert := one.first():
                found["last_breach_at"] = alert.last_breach_at + timedelta(minutes=10)
                opening.touch(alert, found, note="found again")
                return
            alert = Alert(
                **found,
                alert_type="sla_breach",
                component=BREACHES[mark],
                metric_name=mark,
                threshold_value=1,
                actual_value=2,
                alert_message="broken",
                client=self.client,
                fingerprint=mark,
            )
            hold = chance.choice([None, None, timedelta(minutes=5)])
            opening.open_alert(alert, note="found", hold=hold)

    def recovery(self, mark: str, _chance: random.Random) -> None:
        """An evaluation finds the promise kept."""
        if alert := Alert.objects.filter(fingerprint=mark, status__in=OPEN).first():
            flapping.recover(alert.pk, "kept")

    def person(self, mark: str, chance: random.Random) -> None:
        """Somebody acts on what they have on the screen."""
        alert = Alert.objects.filter(fingerprint=mark).order_by("-pk").first()
        if alert is None:
            return
        user, actions = chance.choice(self.users), lifecycle.legal_actions(alert.status)
        action = chance.choice([*actions, "assign"])
        module = people if action == "assign" else lifecycle
        more = {"assignee": user} if action == "assign" else {}
        getattr(module, action)(alert.pk, acting_user=user, version=alert.version, **more)

    def silence(self, mark: str, chance: random.Random) -> None:
        """Somebody silences the breach, or ends a silence."""
        now, user = timezone.now(), chance.choice(self.users)
        running = Silence.objects.filter(ended_at=None).first()
        if running is not None:
            silences.end(running.pk, acting_user=user)
            return
        matchers = [{"name": "fingerprint", "op": "=", "value": mark}]
        ends_at = now + timedelta(hours=1)
        Silence.objects.create(
            matchers=matchers, starts_at=now, ends_at=ends_at, owner=user, reason="known"
        )

    def sweep(self, _mark: str, chance: random.Random) -> None:
        """Beat's sweep, now or after a while."""
        settling.settle(timezone.now() + timedelta(minutes=chance.choice([0, 0, 40])))


class Pair:
    """Two threads that keep their connections and begin together."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2, timeout=20)
        self._pool = ThreadPoolExecutor(2)

    def run(self, function: Callable[[Act], None], acts: tuple[Act, Act]) -> None:
        """Both at once; raises what either raised."""

        def one(act: Act) -> None:
            connection.ensure_connection()
            self._barrier.wait()
            function(act)

        list(self._pool.map(one, acts, timeout=30))

    def close(self) -> None:
        """End both threads, and their connections with them."""

        def one(_number: int) -> None:
            self._barrier.wait()
            connection.close()

        list(self._pool.map(one, range(2)))
        self._pool.shutdown()


ACTS = st.tuples(
    # Breaches and recoveries come most often.
    st.sampled_from(
        ["breach", "breach", "breach", "recovery", "recovery", "person", "silence", "sweep"]
    ),
    st.sampled_from(["core", "core", "interface", "data"]),
    st.integers(0, 999),
)


class Alerts(RuleBasedStateMachine):
    """The life of three breaches."""

    actors: Actors
    pair: Pair

    @rule(act=ACTS)
    def alone(self, act: Act) -> None:
        """One acts."""
        self.actors.do(act)

    @rule(first=ACTS, second=ACTS)
    def at_once(self, first: Act, second: Act) -> None:
        """Two act at the same moment, on anything."""
        self.pair.run(self.actors.do, (first, second))

    @rule(first=ACTS, second=ACTS)
    def at_once_on_one(self, first: Act, second: Act) -> None:
        """Two act at the same moment, on the same breach."""
        self.pair.run(self.actors.do, (first, (second[0], first[1], second[2])))

    @invariant()
    def no_breach_has_two_open_alerts(self) -> None:
        """One fingerprint, one open alert."""
        marks = Alert.objects.filter(status__in=OPEN).values_list("fingerprint", flat=True)
        assert max(Counter(marks).values(), default=1) == 1

    @invariant()
    def the_timeline_tells_the_state(self) -> None:
        """Every step is legal and begins where the last ended; the row is where the last ends."""
        for alert in Alert.objects.prefetch_related("events"):
            steps = sorted(alert.events.all(), key=lambda event: event.pk)
            assert (steps[0].kind, steps[0].from_status) == ("opened", "")
            status, moves = steps[0].to_status, 0
            for step in steps[1:]:
                assert step.from_status == status, [str(step) for step in steps]
                if step.to_status != step.from_status:
                    assert TRANSITIONS[status, ACTION_OF[step.kind]] == step.to_status
                    moves += 1
                status = step.to_status
                moves += step.kind == "assigned"
            assert (alert.status, alert.version) == (status, 1 + moves)

    @invariant()
    def the_columns_agree_with_the_state(self) -> None:
        """Who, why and when are there exactly when they must be."""
        for alert in Alert.objects.select_related("incident"):
            told = alert.status == "firing"
            assert (alert.suppressed_by != "") == (alert.status == "suppressed")
            assert (alert.resolved_at is not None) == (alert.status == "resolved")
            assert not (told and (alert.incident is None or alert.fired_at is None))
            assert not (alert.flapping and alert.status == "resolved")

    @invariant()
    def an_incident_is_open_as_long_as_an_alert_of_it(self) -> None:
        """Closed after the last, open again with the first."""
        for incident in Incident.objects.prefetch_related("alerts"):
            any_open = any(alert.status != "resolved" for alert in incident.alerts.all())
            assert (incident.closed_at is None) == any_open

    @invariant()
    def people_know_how_bad_it_is(self) -> None:
        """They heard of every incident, and when it is critical; of no end too early."""
        for incident in Incident.objects.all():
            told: list[AlertEvent] = []
            events = AlertEvent.objects.filter(alert__incident=incident).select_related("alert")
            for event in events.order_by("pk"):
                told += [event] if grouping.announces(event, told) else []
            heard = grouping._heard(told)
            firing = incident.alerts.filter(status="firing")
            severities = {alert.severity for alert in firing}
            assert incident.closed_at is None or heard is None
            assert not severities or heard is not None
            assert "critical" not in severities or heard >= RANKS.index("high")

    def teardown(self) -> None:
        """An empty table for the next example."""
        for model in (AlertEvent, Alert, Incident, Silence):
            model.objects.all().delete()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two threads."""
    found = Pair()
    yield found
    found.close()


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_state_and_timeline_agree_whatever_happens(
    acme: Client, make_user: Callable[..., User], pair: Pair, settings: Any
) -> None:
    settings.FLAP_CHANGES = 4
    Alerts.actors = Actors(acme, [make_user("Responder"), make_user("Responder")])
    Alerts.pair = pair
    run_state_machine_as_test(Alerts, settings=EFFORT)


EFFORT = settings(
    max_examples=7,
    stateful_step_count=20,
    deadline=None,
    # Races don't shrink: the same steps end another way.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
