"""Which probes are due, and that each claimed run happens once or not at all."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Client
from metrics.models import PerformanceMetric, Probe
from metrics.probes import dispatch
from tests.metrics.target import Target, reply

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_probe(platform: Client, target: Target) -> Any:
    """A due probe of feedback against the target."""
    target.answers["/f"] = reply({})

    def make(**fields: Any) -> Probe:
        defaults = {
            "name": f"p{Probe.objects.count()}",
            "kind": "user_feedback",
            "target": target.url("/f"),
            "payload": {"feedback": "ok"},
            "component": "user_interface",
            "client": platform,
            "timeout_seconds": 2,
            "next_due_at": timezone.now() - timedelta(seconds=1),
        }
        return Probe.objects.create(**{**defaults, **fields})

    return make


def values(name: str) -> list[float]:
    return [row.metric_value for row in PerformanceMetric.objects.filter(metric_name=name)]


def test_it_claims_what_is_due_and_only_once(make_probe: Any) -> None:
    probe = make_probe()
    ((claimed, _claim),) = dispatch.claim_due()
    assert claimed == probe.pk
    assert dispatch.claim_due() == []


@pytest.mark.parametrize(
    "fields", [{"enabled": False}, {"next_due_at": timezone.now() + timedelta(hours=1)}]
)
def test_it_claims_neither_what_is_disabled_nor_what_is_not_due(
    make_probe: Any, fields: dict[str, Any]
) -> None:
    make_probe(**fields)
    assert dispatch.claim_due() == []


def test_a_probe_claimed_and_due_again_does_not_pile_up(make_probe: Any) -> None:
    probe = make_probe()
    dispatch.claim_due()
    Probe.objects.filter(pk=probe.pk).update(next_due_at=timezone.now() - timedelta(hours=1))
    assert dispatch.claim_due() == []


def test_a_dead_workers_probe_is_due_again_when_its_lease_ends(make_probe: Any) -> None:
    probe = make_probe()
    ((_pk, stale),) = dispatch.claim_due()
    past = timezone.now() - timedelta(seconds=1)
    Probe.objects.filter(pk=probe.pk).update(next_due_at=past, claimed_until=past)
    ((_pk, fresh),) = dispatch.claim_due()
    assert fresh != stale
    assert dispatch.run_claimed(probe.pk, stale) is False
    assert dispatch.run_claimed(probe.pk, fresh) is True


def test_it_is_next_due_an_interval_from_now_whatever_was_missed(make_probe: Any) -> None:
    probe = make_probe(interval_seconds=60, next_due_at=timezone.now() - timedelta(days=3))
    dispatch.claim_due()
    probe.refresh_from_db()
    assert abs(probe.next_due_at - timezone.now() - timedelta(seconds=60)) < timedelta(seconds=10)


def test_a_run_stores_its_row_and_gives_the_claim_back(make_probe: Any) -> None:
    probe = make_probe()
    assert dispatch.run_claimed(*dispatch.claim_due()[0]) is True
    row = PerformanceMetric.objects.get()
    probe.refresh_from_db()
    assert (row.synthetic, row.success, row.timestamp) == (True, True, probe.last_run_at)
    assert (probe.claim, probe.claimed_until, probe.last_outcome) == (None, None, "ok")
    assert probe.last_value == row.metric_value


def test_a_run_happens_once(make_probe: Any, target: Target) -> None:
    make_probe()
    claimed = dispatch.claim_due()[0]
    assert dispatch.run_claimed(*claimed) is True
    assert dispatch.run_claimed(*claimed) is False
    assert len(target.requests) == 1


def test_a_claim_that_is_not_the_probes_runs_nothing(make_probe: Any, target: Target) -> None:
    probe = make_probe()
    dispatch.claim_due()
    assert dispatch.run_claimed(probe.pk, str(uuid.uuid4())) is False
    assert not target.requests


def test_a_probe_disabled_after_its_claim_does_not_run(make_probe: Any, target: Target) -> None:
    probe = make_probe()
    claimed = dispatch.claim_due()[0]
    Probe.objects.filter(pk=probe.pk).update(enabled=False)
    assert dispatch.run_claimed(*claimed) is False
    assert not target.requests


def test_a_run_that_would_outlive_its_lease_does_not_start(make_probe: Any, target: Target) -> None:
    probe = make_probe(timeout_seconds=10)
    claimed = dispatch.claim_due()[0]
    soon = timezone.now() + timedelta(seconds=5)
    Probe.objects.filter(pk=probe.pk).update(claimed_until=soon)
    assert dispatch.run_claimed(*claimed) is False
    assert not target.requests


def test_a_failed_run_says_why_and_the_others_go_on(make_probe: Any, target: Target) -> None:
    target.answers["/broken"] = reply({}, 500)
    broken = make_probe(target=target.url("/broken"))
    bad = make_probe(kind="embedding", payload={})
    good = make_probe()
    assert [dispatch.run_claimed(*claimed) for claimed in dispatch.claim_due()] == [True] * 3
    for probe, outcome in ((broken, "failed"), (bad, "failed"), (good, "ok")):
        probe.refresh_from_db()
        assert probe.last_outcome == outcome
    assert broken.last_error == "HTTP 500"
    assert PerformanceMetric.objects.filter(success=False).count() == 2


def test_an_answer_that_cannot_be_stored_is_a_failed_run(make_probe: Any, target: Target) -> None:
    target.answers["/q"] = reply({"confidence": "a\0b"})
    probe = make_probe(kind="conversational_query", target=target.url("/q"), payload={"query": "x"})
    assert dispatch.run_claimed(*dispatch.claim_due()[0]) is True
    probe.refresh_from_db()
    assert "can't be stored" in probe.last_error
    assert PerformanceMetric.objects.get().success is False


def test_it_records_the_time_since_the_last_collection(make_probe: Any) -> None:
    make_probe(last_run_at=timezone.now() - timedelta(seconds=40))
    dispatch.run_claimed(*dispatch.claim_due()[0])
    (seconds,) = values("metric_collection_interval")
    assert seconds == pytest.approx(40, abs=5)


@pytest.mark.parametrize("last", [None, timezone.now() - timedelta(hours=1)])
def test_a_pause_is_no_late_collection(make_probe: Any, last: Any) -> None:
    make_probe(last_run_at=last)
    dispatch.run_claimed(*dispatch.claim_due()[0])
    assert values("metric_collection_interval") == []


def test_who_is_due_is_one_look_up_in_the_partial_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute(f"EXPLAIN {dispatch._CLAIM}", [dispatch.QUEUE_SECONDS, dispatch.BATCH])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Scan using probes_due" in plan
