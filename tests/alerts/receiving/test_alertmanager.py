"""Alerts as Prometheus sends them to an Alertmanager."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import keys
from accounts.models import ApiKey, Client
from alerts.models import Alert
from alerts.receiving import store
from alerts.receiving.face import Alertmanager
from metrics.ingest.faces import Answer, Incoming
from metrics.ingest.service import BY_PATH, receive

pytestmark = pytest.mark.django_db
LABELS = {"alertname": "HighLatency", "severity": "critical", "component": "cognitive_core"}
Send = Callable[..., Answer]


def incoming(body: Any, key: str) -> Incoming:
    return Incoming(key, msgspec.json.encode(body), face=Alertmanager.name)


@pytest.fixture
def send() -> Send:
    """``send({"labels": …}, client=acme)``: what the portal answers."""

    def post(*alerts: dict[str, Any], client: Client | None = None, body: Any = None) -> Answer:
        key = keys.issue("prometheus", [ApiKey.Scope.ALERTS], client=client)[1]
        return receive([incoming(list(alerts) if body is None else body, key)])[0]

    return post


def test_it_is_reached_at_alertmanagers_address() -> None:
    assert BY_PATH["/api/v2/alerts"].name == "alertmanager"


def test_an_alert_is_opened_with_what_its_labels_mean(acme: Client, send: Send) -> None:
    notes = {"summary": "p95 is 9 s", "value": "9.1", "threshold": "3", "runbook_url": "https://r"}
    sent = {"labels": {**LABELS, "client": "acme"}, "annotations": notes}
    assert send({**sent, "startsAt": "2026-03-04T12:00:00.123456789Z"}).status == 200
    alert = Alert.objects.get()
    assert (alert.alert_type, alert.severity, alert.client) == ("external", "critical", acme)
    assert (alert.metric_name, alert.component) == ("HighLatency", "cognitive_core")
    assert (alert.actual_value, alert.threshold_value) == (9.1, 3.0)
    assert alert.alert_message == "HighLatency: p95 is 9 s"
    assert "https://r" in str(alert.recommended_action)
    assert alert.events.get().agent == "alertmanager"


def test_told_again_it_stays_one_alert(send: Send) -> None:
    for _ in range(3):
        send({"labels": LABELS})
    alert = Alert.objects.get()
    assert (alert.breaches, alert.events.count(), alert.status) == (3, 1, "firing")


def test_several_words_on_one_alert_leave_the_last(send: Send) -> None:
    over = {"labels": LABELS, "endsAt": "2026-03-04T12:00:00Z"}
    send({"labels": LABELS})
    send({"labels": LABELS}, over)
    assert Alert.objects.get().status == "resolved"


def test_one_that_ended_is_resolved_and_was_never_opened_otherwise(send: Send) -> None:
    over = {"labels": LABELS, "endsAt": "2026-03-04T12:00:00Z"}
    assert send(over).status == 200
    assert not Alert.objects.exists()
    send({"labels": LABELS})
    send(over)
    assert Alert.objects.get().resolved


def test_one_that_is_not_told_again_in_time_is_over(send: Send) -> None:
    ends = timezone.now() + timedelta(minutes=4)
    send({"labels": LABELS, "endsAt": ends.isoformat()})
    assert store.expire(ends - timedelta(seconds=1)) == 0
    assert store.expire(ends + timedelta(seconds=1)) == 1
    assert Alert.objects.get().events.last().agent == "alertmanager"


def test_one_that_comes_back_at_once_lasts_as_long_as_it_is_told_to(send: Send) -> None:
    now = timezone.now()
    send({"labels": LABELS, "endsAt": (now + timedelta(minutes=1)).isoformat()})
    send({"labels": LABELS, "endsAt": now.isoformat()})
    send({"labels": LABELS, "endsAt": (now + timedelta(minutes=9)).isoformat()})
    assert store.expire(now + timedelta(minutes=8)) == 0
    assert (Alert.objects.get().reopened, store.expire(now + timedelta(minutes=10))) == (1, 1)


def test_gos_zero_time_is_no_time(send: Send) -> None:
    send({"labels": LABELS, "endsAt": "0001-01-01T00:00:00Z"})
    alert = Alert.objects.get()
    assert alert.status == "firing"
    assert alert.ends_at is not None
    assert alert.ends_at > timezone.now()


def test_a_key_of_one_client_tells_of_that_client_alone(
    acme: Client, globex: Client, send: Send
) -> None:
    send({"labels": {**LABELS, "client": "globex"}}, client=acme)
    assert Alert.objects.get().client == acme


def test_an_unknown_clients_alert_goes_to_the_platform(platform: Client, send: Send) -> None:
    send({"labels": {**LABELS, "client": "nobody", "component": "elsewhere"}})
    alert = Alert.objects.get()
    assert (alert.client, alert.component) == (platform, "nervous_system")


@pytest.mark.parametrize(
    ("said", "severity"),
    [("warning", "medium"), ("PAGE", "high"), ("P1", "critical"), ("weird", "medium")],
)
def test_their_severity_becomes_ours(send: Send, said: str, severity: str) -> None:
    send({"labels": {"alertname": "x", "severity": said}})
    assert Alert.objects.get().severity == severity


def test_good_ones_are_kept_and_the_others_named(send: Send) -> None:
    answer = send({"labels": LABELS}, {"labels": {}}, {"labels": {"a": "x" * 2000}})
    assert answer.status == 207
    assert isinstance(answer.content, dict)
    assert [(one["index"], one["field"]) for one in answer.content["rejections"]] == [
        (1, "labels"),
        (2, "labels"),
    ]
    assert Alert.objects.count() == 1


@pytest.mark.parametrize("body", [{"labels": {}}, [], "alerts", [{"labels": "x"}], [1]])
def test_a_body_without_a_good_alert_is_refused(send: Send, body: Any) -> None:
    assert send(body=body).status == 400
    assert not Alert.objects.exists()


def test_a_key_without_the_scope_is_refused() -> None:
    key = keys.issue("rows", [ApiKey.Scope.INGEST])[1]
    assert receive([incoming([{"labels": LABELS}], key)])[0].status == 403


def test_requests_that_arrive_together_are_one_transaction(
    django_assert_max_num_queries: Any,
) -> None:
    key = keys.issue("prometheus", [ApiKey.Scope.ALERTS])[1]
    bodies = [[{"labels": {"alertname": f"a{n}"}}] for n in range(5)]
    receive([incoming(body, key) for body in bodies])
    with django_assert_max_num_queries(10):
        answers = receive([incoming(body, key) for body in bodies])
    assert [answer.status for answer in answers] == [200] * 5
    assert Alert.objects.filter(breaches=2).count() == 5


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


class Anything(TestCase):
    """Whatever is sent is taken or refused; nothing is a fault of the portal's."""

    @given(
        st.lists(
            st.fixed_dictionaries(
                {"labels": ANYTHING | st.dictionaries(st.text(max_size=8), st.text(max_size=8))},
                optional={"annotations": ANYTHING, "startsAt": ANYTHING, "endsAt": ANYTHING},
            ),
            max_size=3,
        )
        | ANYTHING
    )
    @tries(max_examples=60, deadline=None)
    def test_anything_is_taken_or_refused(self, body: Any) -> None:
        key = keys.issue("prometheus", [ApiKey.Scope.ALERTS])[1]
        assert receive([incoming(body, key)])[0].status in {200, 207, 400}
