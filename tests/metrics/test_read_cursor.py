"""Cursors: they lead through every row once, and one that nobody was given is refused."""

from base64 import b64encode
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client

pytestmark = pytest.mark.django_db

NOON = "2026-03-04T12:00:00"
POSITIONS = ["a\0b", "2026-13-45T00:00:00Z 7", NOON, f"{NOON} 7", f"{NOON}Z x", f"{NOON}Z {2**63}"]
CURSORS = ["nonsense", "é", *(b64encode(position.encode()).decode() for position in POSITIONS)]


@pytest.mark.parametrize("cursor", CURSORS)
def test_it_refuses_a_cursor_that_it_never_gave(cursor: str) -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    answer = Browser().get("/api/v1/metrics/", {"cursor": cursor}, headers={"X-API-Key": text})
    assert answer.status_code == 404
    assert answer.json()["error"]["problem"] == "Invalid cursor"


def test_it_leads_once_through_rows_of_one_instant(acme: Client, make_rows: Any) -> None:
    make_rows(acme, [float(n) for n in range(3000)], timestamp=timezone.now())
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    url, seen, pages = "/api/v1/metrics/?page_size=500", [], 0
    while url and pages < 10:
        page = Browser().get(url, headers={"X-API-Key": text}).json()
        seen += [row["metric_value"] for row in page["results"]]
        url, pages = page["next"], pages + 1
    assert (url, pages) == (None, 6)
    assert sorted(seen) == [float(n) for n in range(3000)]


def test_a_page_of_an_odd_size_is_an_ordinary_one(acme: Client, make_rows: Any) -> None:
    make_rows(acme, [1.0] * 101)
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    for size in ("0", "-1", "many"):
        answer = (
            Browser()
            .get("/api/v1/metrics/", {"page_size": size}, headers={"X-API-Key": text})
            .json()
        )
        assert len(answer["results"]) == 100
