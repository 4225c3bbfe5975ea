"""Calls that were given up at their time-out, and windows too short to see them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import Client
from slas import compliance, objectives
from slas.models import Sla

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("metadata", "status"), [({"no_answer": True}, "breach"), ({}, "ok")])
def test_a_call_given_up_at_the_limit_breaks_it(
    acme: Client, make_rows: Callable[..., Any], metadata: dict[str, Any], status: str
) -> None:
    now = timezone.now()
    make_rows(acme, [30_000], success=False, metadata=metadata, timestamp=now)
    (limit,) = [o for o in objectives.enabled() if o.key == "limit:cognitive_core:query_timeout"]
    (finding,) = compliance.measure(limit, now - timedelta(minutes=5), now)
    assert finding.status == status


def test_a_window_that_would_miss_the_slowest_calls_is_refused() -> None:
    sla = Sla.objects.get(code="complex_queries")
    sla.window_seconds = 60
    with pytest.raises(ValidationError, match="Use at least 120 s"):
        sla.full_clean()
