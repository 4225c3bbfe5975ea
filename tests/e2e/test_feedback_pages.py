"""Feedback and deployments as people see them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts.models import Client
from metrics import feedback
from metrics.models import Deployment, Feedback
from tests.e2e.browser import look
from tests.e2e.test_admin_pages import faults_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]
OpenAs = Callable[[str], tuple[Page, list[str]]]
LIST, DEPLOYMENTS = "/admin/metrics/feedback/", "/admin/metrics/deployment/"
CORRECTION = "The team closed 42 issues in March, not 24: the report counts reopened ones twice."


@pytest.fixture
def learned(portal: str, acme: Client, globex: Client, make_rows: Any) -> str:
    """Votes of every state, and deployments; the page of one that was learned from."""
    now = timezone.now()
    asked = {"request_id": "req-8f2c", "ml_models_used": ["gpt-4o"], "endpoint_path": "/api/ask"}
    make_rows(acme, [2300.0], query_complexity="complex", **asked)
    votes = [
        feedback.Vote(acme.pk, "req-8f2c", 2.5, now - timedelta(hours=2), correction=CORRECTION),
        feedback.Vote(acme.pk, "req-8f2c", 5, now, feedback.THUMBS),
        feedback.Vote(globex.pk, "req-not-yet", 1, now, feedback.THUMBS),
        feedback.Vote(globex.pk, "req-never", 4, now),
    ]
    first, *_ = feedback.receive(votes, now)
    Feedback.objects.filter(request_id="req-never").update(next_look_at=None)
    Feedback.objects.filter(pk=first.id).update(integrated_at=now - timedelta(minutes=50))
    for days, version in enumerate(("2026.3.1", "2026.3.0")):
        Deployment.objects.create(
            component="cognitive_core",
            service_name="assistant",
            version=version,
            deployed_at=now - timedelta(days=days),
            description="New prompt for complex queries",
            url="https://ci.example.com/runs/4711",
        )
    return f"{LIST}{first.id}/change/"


def test_people_see_votes_and_deployments(learned: str, open_as: OpenAs) -> None:
    page, errors = open_as("vic")
    pages = {LIST: "Not found", learned: CORRECTION, DEPLOYMENTS: "2026.3.1"}
    assert [fault for path, text in pages.items() for fault in faults_of(page, path, text)] == []
    for name, path in {"feedback": LIST, "vote": learned, "deployments": DEPLOYMENTS}.items():
        page.goto(path)
        look(page, name)
    assert errors == []
