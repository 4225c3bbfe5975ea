"""The API's door, over HTTP."""

from typing import Any

import pytest
from django.test import Client as Browser

from accounts import keys
from accounts.models import ApiKey

URL = "/api/v1/metrics/"

pytestmark = pytest.mark.django_db


def post(**headers: str) -> Any:
    return Browser().post(URL, "[]", content_type="application/json", headers=headers)


def test_it_asks_for_a_key() -> None:
    answer = post()
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer realm="aiosmon"'
    assert answer.json()["error"]["field"] == "Authorization"
    assert "Bearer aiosmon_" in answer.json()["error"]["fix"]


def test_it_says_what_is_wrong_with_a_key() -> None:
    key, text = keys.issue("old", [ApiKey.Scope.INGEST])
    keys.revoke(key)
    answer = post(Authorization=f"Bearer {text}")
    assert answer.status_code == 401
    assert "was revoked on" in answer.json()["error"]["problem"]


@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "Bearer   {} "])
def test_it_takes_a_bearer_token(api_key: str, header: str) -> None:
    assert post(Authorization=header.format(api_key)).status_code == 400  # an empty list


def test_it_takes_the_key_from_x_api_key(api_key: str) -> None:
    assert post(**{"X-API-Key": api_key}).status_code == 400


def test_it_takes_no_other_scheme(api_key: str) -> None:
    assert post(Authorization=f"Basic {api_key}").status_code == 401


def test_it_names_the_scope_that_a_key_lacks() -> None:
    _key, text = keys.issue("reader", [ApiKey.Scope.READ])
    answer = post(Authorization=f"Bearer {text}")
    assert answer.status_code == 403
    assert answer.json()["error"]["problem"] == "This API key lacks the scope “ingest”."


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_it_says_which_methods_there_are(api_key: str, method: str) -> None:
    answer = getattr(Browser(), method)(URL, headers={"X-API-Key": api_key})
    assert answer.status_code == 405
    assert "POST" in answer["Allow"]
    assert answer.json()["error"]["field"] == "(method)"


def test_it_does_not_let_a_session_in(make_user: Any) -> None:
    browser = Browser()
    browser.force_login(make_user("Administrator"))
    assert browser.post(URL, "[]", content_type="application/json").status_code == 401
