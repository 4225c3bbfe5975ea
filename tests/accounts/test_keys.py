"""API keys: issued once, checked often, ended at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client

SCOPES = [ApiKey.Scope.INGEST]

pytestmark = pytest.mark.django_db


def test_it_accepts_the_text_that_it_issued() -> None:
    key, text = keys.issue("billing", SCOPES)
    assert keys.check(text) == key
    assert text.startswith(f"aiosmon_{key.prefix}_")


def test_it_stores_a_hash_only() -> None:
    key, text = keys.issue("billing", SCOPES)
    secret = text.removeprefix(f"aiosmon_{key.prefix}_")
    stored = ApiKey.objects.filter(pk=key.pk).values().get()
    assert len(secret) >= 43  # 256 bits
    assert not any(secret in str(value) for value in stored.values())


def test_it_never_issues_the_same_key_twice() -> None:
    assert len({keys.issue("same", SCOPES)[1] for _ in range(20)}) == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aiosmon",
        "aiosmon_",
        "aiosmon_ab",
        "aiosmon_ab_",
        "aiosmon__ab",
        "other_ab_cd",
        "a\0_b_c",
    ],
)
def test_it_refuses_text_of_another_form(text: str) -> None:
    with pytest.raises(keys.InvalidKey, match="form aiosmon_<prefix>_<secret>"):
        keys.check(text)


def test_it_refuses_a_prefix_that_the_database_cannot_hold() -> None:
    with pytest.raises(keys.InvalidKey):
        keys.check("aiosmon_a\0b_secret")


def test_it_refuses_a_wrong_secret_and_an_unknown_prefix_alike() -> None:
    key, _text = keys.issue("billing", SCOPES)
    for text in (f"aiosmon_{key.prefix}_wrong", "aiosmon_0123456789_wrong"):
        with pytest.raises(keys.InvalidKey, match="Unknown API key"):
            keys.check(text)


def test_it_refuses_an_expired_key() -> None:
    _key, text = keys.issue("billing", SCOPES, expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(keys.InvalidKey, match="expired on"):
        keys.check(text)


def test_it_accepts_a_key_that_expires_later() -> None:
    _key, text = keys.issue("billing", SCOPES, expires_at=timezone.now() + timedelta(hours=1))
    assert keys.check(text)


def test_it_refuses_a_revoked_key_and_revokes_only_once() -> None:
    key, text = keys.issue("billing", SCOPES)
    assert keys.revoke(key)
    assert not keys.revoke(key)
    with pytest.raises(keys.InvalidKey, match="was revoked on"):
        keys.check(text)


def test_it_refuses_the_key_of_an_inactive_client(acme: Client) -> None:
    _key, text = keys.issue("billing", SCOPES, client=acme)
    Client.objects.filter(pk=acme.pk).update(active=False)
    with pytest.raises(keys.InvalidKey, match="is inactive"):
        keys.check(text)


@pytest.mark.parametrize(("age", "written"), [(None, True), (59, False), (61, True)])
def test_it_notes_the_last_use_once_a_minute(age: int | None, written: bool) -> None:
    key, text = keys.issue("billing", SCOPES)
    before = None if age is None else timezone.now() - timedelta(seconds=age)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=before)
    keys.check(text)
    key.refresh_from_db()
    assert (key.last_used_at != before) is written
