"""The HALIE study replayed: each model's figures equal a recount that reads the CSV alone."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Client
from metrics import rollups
from metrics.ingest import reference
from metrics.ingest.schema import Row
from metrics.ingest.store import store
from metrics.replay import halie, trace
from slas import slis, versions
from slas.models import ModelTarget, Sla
from slas.standing import standings

pytestmark = pytest.mark.django_db
WITHIN, SHARE, STARS = 4000.0, 95.0, 3.9
MOST_MS, AVAILABLE = 30_000.0, 97.0
# The study's own files; nothing of the portal's reading of them.
REQUESTS, RATINGS = halie.DATA / "llm_queries.csv", halie.DATA / "session_ratings.csv"


def recounted() -> dict[str, dict[str, tuple[Any, ...]]]:
    """Per model: bad and total, votes and their sum, and the verdicts that follow from these."""
    requests: dict[str, list[tuple[str, str]]] = defaultdict(list)
    votes: dict[str, list[int]] = defaultdict(list)
    with REQUESTS.open(newline="") as file:
        for line in csv.DictReader(file):
            requests[line["model"]].append((line["status"], line["latency_ms"]))
    with RATINGS.open(newline="") as file:
        for line in csv.DictReader(file):
            votes[line["model"]].append(int(line["helpfulness"]))
    found = {}
    for model, its in requests.items():
        bad = sum(status != "ok" or float(latency) > WITHIN for status, latency in its)
        share = Decimal(bad) / len(its)
        mean = Decimal(sum(votes[model])) / len(votes[model])
        found[model] = {
            "inference_time": (len(its) - bad, len(its), share <= Decimal("0.05")),
            "satisfaction": (round(float(mean), 6), len(votes[model]), mean >= Decimal("3.9")),
        }
    return found


@pytest.fixture(scope="module")
def replayed(django_db_setup: None, django_db_blocker: Any) -> Iterator[Client]:
    """The whole study as Acme's traffic of the last six days, held to a target a model."""
    with django_db_blocker.unblock(), transaction.atomic():
        reference.forget()
        yield replay(Client.objects.create(code="acme", name="Acme Manufacturing"))
        transaction.set_rollback(True)


def replay(acme: Client) -> Client:
    ModelTarget.objects.all().delete()
    for model in recounted():
        ModelTarget.objects.create(
            model_name=model,
            inference_time=WITHIN,
            latency_share=SHARE,
            accuracy_threshold=0.5,
            accuracy_metric="f1",
            business_accuracy=0.5,
            training_time=60,
            model_size_limit=100,
            user_satisfaction=STARS,
            metric_name="conversational_query_response_time",
        )
    moments = trace.compact(halie.load())
    speed = trace.speed_for(moments, timedelta(days=6))
    end = timezone.now() - timedelta(minutes=2)
    rows = [
        Row(client_id=acme.pk, timestamp=at, **row)
        for at, row in trace.shift(moments, end=end, speed=speed)
    ]
    for place in range(0, len(rows), 1000):
        store(rows[place : place + 1000])
    versions.sync(timezone.now())
    rollups.roll_up_all()
    slis.count_all()
    return acme


def test_compliance_satisfaction_and_verdict_per_model_equal_the_recount(
    replayed: Client,
) -> None:
    now = timezone.now().replace(second=0, microsecond=0)
    found: dict[str, dict[str, tuple[Any, ...]]] = defaultdict(dict)
    for one in standings(replayed, now - timedelta(days=7), now, now):
        promise, model, name = one.slo.base.split(":")
        kept = one.status in ("ok", "at_risk")
        if promise != "model":
            continue
        if name == "inference_time":
            found[model][name] = (one.sums.good, one.sums.total, kept)
        elif name == "satisfaction":
            found[model][name] = (round(one.attained or 0.0, 6), one.sums.total, kept)
    assert found == recounted()
    # The targets tell models apart; else every verdict would be the same.
    assert {figures[name][2] for figures in found.values() for name in figures} == {True, False}


def test_availability_of_the_study_equals_the_recount(replayed: Client) -> None:
    Sla.objects.filter(code="simple_queries").update(
        max_response_time=MOST_MS, target_response_time=MOST_MS, availability=AVAILABLE
    )
    now = timezone.now().replace(second=0, microsecond=0)
    versions.sync(now - timedelta(minutes=1))
    with REQUESTS.open(newline="") as file:
        asked = [line for line in csv.DictReader(file) if line["task"] == "question"]
    good = sum(line["status"] == "ok" and float(line["latency_ms"]) <= 6000 for line in asked)
    (found,) = [
        one
        for one in standings(replayed, now - timedelta(days=7), now, now)
        if one.slo.base == "sla:simple_queries:availability"
    ]
    # Judged as it was promised then: within 6 s, 99.5 %; the new numbers begin now.
    assert (found.sums.good, found.sums.total) == (good, len(asked))
