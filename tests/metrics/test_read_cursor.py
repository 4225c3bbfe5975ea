"""A cursor that nobody was given is refused, whatever it decodes to."""

from base64 import b64encode
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser

from accounts import keys
from accounts.models import ApiKey

pytestmark = pytest.mark.django_db

POSITIONS = ["nonsense", "a\0b", "2026-13-45T00:00:00Z", "7"]
CURSORS = ["nonsense", "é", *(b64encode(urlencode({"p": p}).encode()).decode() for p in POSITIONS)]


@pytest.mark.parametrize("cursor", CURSORS)
def test_it_refuses_a_cursor_that_it_never_gave(cursor: str) -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    answer = Browser().get("/api/v1/metrics/", {"cursor": cursor}, headers={"X-API-Key": text})
    assert answer.status_code == 404
    assert answer.json()["error"]["problem"] == "Invalid cursor"
