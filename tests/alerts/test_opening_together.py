"""Many alerts at once: as if one after the other, by as few statements as one."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.models import Client, User
from alerts.models import Alert, AlertEvent, Incident, Severity, Silence
from alerts.raising import opening, writing
from alerts.raising.opening import Draft
from alerts.triage import flapping, lifecycle
from alerts.triage.lifecycle import OPEN
from slas.models import Exclusion

pytestmark = pytest.mark.django_db
# What it takes at most, with the savepoint of a transaction that is under way.
ONE, HUNDRED = 10, 11
CORE, INTERFACE, DATA = "cognitive_core", "user_interface", "data_intelligence"
APART = "nervous_system"
LONG = timedelta(minutes=30)
COMPONENTS = (CORE, INTERFACE, DATA, APART, "")
Mixed = dict[str, Any]


def alert(mark: str, client: Client, **fields: Any) -> Alert:
    """An alert that nobody has stored."""
    defaults: Mixed = {
        "alert_type": "sla_breach",
        "severity": "medium",
        "component": "cognitive_core",
        "metric_name": "latency",
        "threshold_value": 1,
        "actual_value": 2,
        "alert_message": "Too slow.",
    }
    return Alert(client=client, fingerprint=mark, **{**defaults, **fields})


@contextmanager
def undone() -> Iterator[None]:
    """Nothing of it stays."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


# --- One after the other, or at once ------------------------------------------------

BREACH = st.fixed_dictionaries(
    {
        "mark": st.sampled_from("abcde"),
        "component": st.sampled_from([CORE, CORE, INTERFACE, INTERFACE, DATA, APART, ""]),
        "severity": st.sampled_from(["critical", "critical", "low", "low", "medium", "high"]),
        "metric_name": st.sampled_from(["latency"] * 6 + ["silenced"]),
        "objective": st.sampled_from([""] * 7 + ["excluded"]),
        "client": st.sampled_from([0, 0, 0, 0, 1, 2]),
        "hold": st.sampled_from([None] * 6 + [timedelta(minutes=5)]),
    }
)
ENDS = st.sampled_from(["", "recover", "recover long ago", "resolve"])


def of(mark: str, component: str, severity: str = "low") -> Mixed:
    """A breach of the first client."""
    more: Mixed = {"metric_name": "latency", "objective": "", "client": 0, "hold": None}
    return {"mark": mark, "component": component, "severity": severity, **more}


class World:
    """Clients, a person, and what keeps some alerts quiet."""

    def __init__(self, clients: list[Client], user: User, other: User) -> None:
        self.clients, self.user = clients, user
        now = timezone.now().replace(second=0, microsecond=0)
        silenced = [{"name": "metric_name", "op": "=", "value": "silenced"}]
        self.silence = Silence.objects.create(
            matchers=silenced,
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            owner=user,
            reason="known",
        )
        self.exclusion = Exclusion.objects.create(
            objective="excluded",
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(hours=1),
            category="maintenance",
            reason="move",
            status="approved",
            requested_by=user,
            decided_by=other,
            decided_at=now,
        )

    def draft(self, breach: Mixed) -> Draft:
        """Of one that was drawn."""
        fields = {**breach, "client": self.clients[breach["client"]]}
        mark, hold = fields.pop("mark"), fields.pop("hold")
        return Draft(alert(mark, **fields), f"found {breach['severity']}", hold)

    def happen(self, breach: Mixed, end: str) -> None:
        """It was found, and perhaps ended."""
        opening.open_alerts([self.draft(breach)])
        last = Alert.objects.filter(fingerprint=breach["mark"], status__in=OPEN).get()
        if end.startswith("recover"):
            flapping.recover(last.pk, "kept")
            if end != "recover":
                Alert.objects.filter(pk=last.pk).update(resolved_at=F("resolved_at") - LONG)
        elif end == "resolve":
            lifecycle.resolve(last.pk, acting_user=self.user, version=last.version)


def told(opened: list[Alert | None]) -> list[Any]:
    """All that is stored of alerts, with ranks and marks in the place of numbers."""
    marks = dict(Alert.objects.values_list("pk", "fingerprint"))
    incidents = Incident.objects.order_by("pk").values_list("pk", flat=True)
    ranks = {None: None} | {pk: rank for rank, pk in enumerate(incidents)}

    def plain(text: str) -> str:
        text = re.sub(r"lert #?(\d+)", lambda m: f"lert {marks[int(m[1])]}", text)
        return re.sub(r"ncident #(\d+)", lambda m: f"ncident {ranks[int(m[1])]}", text)

    found: list[Any] = [
        one and (one.fingerprint, one.status, ranks[one.incident_id]) for one in opened
    ]
    for one in Alert.objects.order_by("pk"):
        dates = (one.fires_at, one.fired_at, one.steady_since, one.resolved_at)
        state = (one.status, one.severity, one.version, one.flapping, one.kept, one.suppressed_by)
        found += [one.fingerprint, [plain(str(value)) for value in state], one.client.code]
        found += [ranks[one.incident_id], one.component, one.breaches, one.reopened]
        found += [[date is not None for date in dates]]
    for event in AlertEvent.objects.order_by("pk"):
        data = event.data | (
            {"incident": ranks[event.data["incident"]]} if "incident" in event.data else {}
        )
        moved = (event.kind, event.from_status, event.to_status, plain(event.agent))
        found.append((marks[event.alert_id], *moved, plain(event.note), data))
    latest = Incident.objects.order_by("latest_at", "pk")
    found += [(ranks[one.pk], one.component, one.title, one.closed_at is None) for one in latest]
    return found


@given(
    before=st.lists(st.tuples(BREACH, ENDS), max_size=4),
    breaches=st.lists(BREACH, min_size=2, max_size=6),
)
# One that comes back keeps another quiet.
@example([(of("a", CORE, "critical"), "recover")], [of("a", CORE, "critical"), of("b", INTERFACE)])
# Two are kept quiet by the first, another joins its incident, and one is there twice.
@example(
    [],
    [of("a", CORE, "critical"), of("b", INTERFACE), of("c", INTERFACE), of("d", CORE), of("b", "")],
)
# The incident of what keeps the last quiet gets another cause before.
@example([(of("a", CORE, "critical"), "")], [of("b", DATA), of("c", INTERFACE)])
# One flaps as it opens.
@example([(of("a", CORE), "recover long ago")], [of("a", CORE), of("b", CORE)])
# The first incident becomes the latest again; what depends on both joins that.
@example(
    [(of("a", CORE), ""), (of("b", APART), "")],
    [of("c", CORE), of("d", DATA), of("e", INTERFACE), of("f", APART), of("g", CORE)],
)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_at_once_becomes_what_one_after_the_other_does(
    world: World, before: list[tuple[Mixed, str]], breaches: list[Mixed]
) -> None:
    outcomes = []
    for at_once in (False, True):
        with undone():
            for breach, end in before:
                world.happen(breach, end)
            drafts = [world.draft(breach) for breach in breaches]
            groups = [drafts] if at_once else [[draft] for draft in drafts]
            outcomes.append(told([one for group in groups for one in opening.open_alerts(group)]))
    assert outcomes[0] == outcomes[1]


def test_without_a_span_each_has_an_incident_of_its_own(acme: Client, settings: Any) -> None:
    settings.INCIDENT_SPAN_SECONDS = 0
    opened = opening.open_alerts([Draft(alert(mark, acme), "found") for mark in "abc"])
    assert len({one.incident_id for one in opened if one}) == 3


@pytest.fixture
def world(
    acme: Client, globex: Client, platform: Client, make_user: Callable[..., User], settings: Any
) -> World:
    """With alerts that soon flap."""
    settings.FLAP_CHANGES = 3
    return World([acme, globex, platform], make_user("Responder"), make_user("Responder"))


# --- What it takes ------------------------------------------------------------------


def statements(drafts: list[Draft]) -> int:
    """How many it takes to open them all."""
    with CaptureQueriesContext(connection) as captured:
        assert all(opening.open_alerts(drafts))
    return len(captured)


def test_an_alert_takes_few_statements_and_a_hundred_hardly_more(acme: Client) -> None:
    with undone():
        assert statements([Draft(alert("a", acme), "found")]) <= ONE
    with undone():
        assert statements([Draft(alert("p", acme), "found", timedelta(minutes=5))]) <= ONE - 4
    many = [alert(f"{n}", acme, component=COMPONENTS[n % 4]) for n in range(100)]
    assert statements([Draft(one, "found") for one in many]) <= HUNDRED


def test_a_hundred_of_all_kinds_take_little_more(world: World) -> None:
    breaches = [
        {
            "mark": f"{n}",
            "component": COMPONENTS[n % 5],
            "severity": Severity.values[n % 4],
            "metric_name": "silenced" if n % 7 == 0 else "latency",
            "objective": "excluded" if n % 11 == 0 else "",
            "client": n % 3,
            "hold": None,
        }
        for n in range(100)
    ]
    assert statements([world.draft(breach) for breach in breaches]) <= 2 * HUNDRED


# --- Two at once --------------------------------------------------------------------


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_two_who_open_the_same_breaches_one_opens_each(
    acme: Client, together: Callable[..., list[Any]]
) -> None:
    def open_all() -> int:
        marks = [f"{n}" for n in range(20)]
        drafts = [Draft(alert(mark, acme), "found") for mark in marks]
        return sum(one is not None for one in opening.open_alerts(drafts))

    assert sorted(together(3, open_all)) == [0, 0, 20]
    assert Alert.objects.count() == AlertEvent.objects.filter(kind="opened").count() == 20


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_row_of_somebody_who_takes_no_lock_costs_the_others_nothing(
    acme: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, foreign = opening._known, [alert("b", acme)]

    def look_and_be_late(*args: Any) -> list[Alert]:
        found = list(look(*args))
        with ThreadPoolExecutor(1) as other:
            while foreign:
                other.submit(foreign.pop().save).result(10)
                other.submit(lambda: connection.close()).result(10)
        return found

    monkeypatch.setattr(opening, "_known", look_and_be_late)
    opened = opening.open_alerts([Draft(alert(mark, acme), "found") for mark in "abc"])
    assert [one and one.fingerprint for one in opened] == ["a", None, "c"]
    assert list(AlertEvent.objects.filter(kind="opened").values_list("alert__fingerprint")) == [
        ("a",),
        ("c",),
    ]


# --- How rows are written -----------------------------------------------------------


def test_a_row_is_what_the_orm_would_have_stored(acme: Client) -> None:
    fields: Mixed = {
        "actual_value": float("inf"),
        "alert_message": 'Zürich: "5 %"\n\\',
        "evidence": {"nested": [1.5, None, {"é": True}]},
        "last_breach_at": timezone.now(),
        "changed_at": timezone.now(),
    }
    one, other = alert("a", acme, **fields), alert("b", acme, **fields)
    writing.insert([one])
    other.save()
    stored, expected = (Alert.objects.filter(pk=row.pk).values().get() for row in (one, other))
    for row in (stored, expected):
        del row["id"], row["fingerprint"]
    assert stored == expected
    assert one.created_at == stored["created_at"]
