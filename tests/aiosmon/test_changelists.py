"""Every list of the admin opens, in a bounded number of queries whatever its length."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import keys
from accounts.models import Client, Team, User
from aiosmon.demo_setup import load_demo
from alerts.delivery import escalation
from alerts.models import (
    EscalationPolicy,
    EscalationStep,
    OnCallOverride,
    OnCallSchedule,
    Rotation,
    RotationMember,
)
from alerts.raising import evaluation
from metrics import rollups

pytestmark = pytest.mark.django_db
MODELS = sorted(model._meta.label_lower for model in admin.site._registry)
# Session, user, and a handful for the list, its filters and its counts.
MOST_QUERIES = 12


def fill(make_rows: Callable[..., Any], clients: list[Client]) -> None:
    """Rows, roll-ups, verdicts, alerts, probes, keys and teams."""
    load_demo("http://127.0.0.1:8090")
    for client in clients:
        make_rows(client, [9000.0] * 5, ml_models_used=["rework_risk_assessment"])
        keys.issue(client.name, ["ingest"], client=client)
        put_on_call(Team.objects.create(name=client.name))
    rollups.roll_up_all()
    evaluation.evaluate()
    escalation.tick(timezone.now())


def put_on_call(team: Team) -> None:
    """A schedule with a rotation, an override, and a policy that tells who is on call."""
    user = User.objects.create(username=f"{team.name}-duty")
    schedule = OnCallSchedule.objects.create(name=team.name, team=team)
    rotation = Rotation.objects.create(schedule=schedule, name="r", starts_on=date(2026, 3, 2))
    RotationMember.objects.create(rotation=rotation, user=user)
    now = timezone.now()
    OnCallOverride.objects.create(
        schedule=schedule, user=user, starts_at=now, ends_at=now + timedelta(1), requested_by=user
    )
    policy = EscalationPolicy.objects.create(name=team.name)
    EscalationStep.objects.create(policy=policy, after_minutes=0, schedule=schedule)


def test_every_list_takes_a_bounded_number_of_queries(
    make_user: Callable[..., User], make_rows: Callable[..., Any]
) -> None:
    names = ("north", "south", "east", "west", "centre", "coast")
    fill(make_rows, [Client.objects.create(code=name, name=name) for name in names])
    browser = Browser()
    browser.force_login(make_user(is_superuser=True))
    wrong = {}
    for label in MODELS:
        with CaptureQueriesContext(connection) as queries:
            response = browser.get(reverse(f"admin:{label.replace('.', '_')}_changelist"))
        if response.status_code != 200 or len(queries) > MOST_QUERIES:
            wrong[label] = [response.status_code, *(query["sql"] for query in queries)]
    assert wrong == {}


SCHEDULES = [label for label in MODELS if label.endswith("schedule")]


@pytest.mark.parametrize("label", ["accounts.team", "metrics.component", *SCHEDULES])
def test_a_list_is_searched_and_filtered(label: str, make_user: Callable[..., User]) -> None:
    browser = Browser()
    browser.force_login(make_user(is_superuser=True))
    url = reverse(f"admin:{label.replace('.', '_')}_changelist")
    response = browser.get(url, {"q": "nothing like it"})
    assert (response.status_code, [*response.context["cl"].result_list]) == (200, [])
    assert response.context["cl"].list_filter


def test_every_model_of_the_portal_is_registered() -> None:
    ours = {
        model._meta.label_lower
        for app in ("accounts", "metrics", "slas", "alerts")
        for model in apps.get_app_config(app).get_models()
    }
    # Marks, which go once their work is done, versions, which are on their objective's page, and
    # since when rules burn that are held back.
    marks = {f"metrics.{name}" for name in ("pendingminute", "pendinghour", "changedminute")}
    elsewhere = marks | {"slas.sloversion", "slas.heldrule", "alerts.presence"}
    # Inlines, and secrets of which nobody sees anything.
    elsewhere |= {"alerts.rotationmember", "alerts.escalationstep", "alerts.oncallfeed"}
    assert ours - elsewhere <= set(MODELS)
