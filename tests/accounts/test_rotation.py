"""Rotation: a successor with the same rights, and an old key that ends after the overlap."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client, User
from tests.metrics.threads import at_once

HOUR = timedelta(hours=1)
TEXT = re.compile(r"aiosmon_\w{10}_[\w-]{43}")


@pytest.mark.django_db
def test_the_successor_may_do_what_the_old_key_could(acme: Client, make_user: Any) -> None:
    person: User = make_user()
    old, _ = keys.issue("billing", ["ingest", "read"], client=acme, rows_per_minute=600)
    new, text = keys.rotate(old, HOUR, person)
    checked = keys.check(text)
    assert (checked.name, checked.scopes, checked.client, checked.rows_per_minute) == (
        "billing",
        ["ingest", "read"],
        acme,
        600,
    )
    assert (checked.pk, checked.created_by, checked.expires_at) == (new.pk, person, None)


@pytest.mark.django_db
def test_both_keys_work_until_the_overlap_ends() -> None:
    old, text = keys.issue("billing", ["ingest"])
    before = timezone.now()
    new, new_text = keys.rotate(old, HOUR)
    old.refresh_from_db()
    assert old.replaced_by == new
    assert old.expires_at is not None
    assert before + HOUR <= old.expires_at <= timezone.now() + HOUR
    assert (keys.check(text), keys.check(new_text)) == (old, new)


@pytest.mark.django_db
def test_without_overlap_the_old_key_ends_at_once() -> None:
    old, text = keys.issue("billing", ["ingest"])
    _new, new_text = keys.rotate(old, timedelta(0))
    with pytest.raises(keys.InvalidKey, match="expired on"):
        keys.check(text)
    assert keys.check(new_text)


@pytest.mark.django_db
def test_a_key_that_ends_sooner_than_the_overlap_still_does() -> None:
    soon = timezone.now() + timedelta(minutes=5)
    old, _ = keys.issue("billing", ["ingest"], expires_at=soon)
    keys.rotate(old, HOUR)
    old.refresh_from_db()
    assert old.expires_at == soon


@pytest.mark.django_db
def test_the_successor_of_a_key_that_was_made_to_end_lives_as_long() -> None:
    old, _ = keys.issue("contractor", ["ingest"], expires_at=timezone.now() + timedelta(days=90))
    ApiKey.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=10))
    new, _text = keys.rotate(old, HOUR)
    assert new.expires_at is not None
    assert abs(new.expires_at - timezone.now() - timedelta(days=100)) < timedelta(minutes=1)


@pytest.mark.django_db
def test_a_revoked_an_expired_and_a_replaced_key_are_refused_with_the_reason() -> None:
    revoked, _ = keys.issue("revoked", ["ingest"])
    keys.revoke(revoked)
    expired, _ = keys.issue("expired", ["ingest"], expires_at=timezone.now() - HOUR)
    replaced, _ = keys.issue("replaced", ["ingest"])
    keys.rotate(replaced, HOUR)
    count = ApiKey.objects.count()
    for key, why in ((revoked, "was revoked"), (expired, "expired on"), (replaced, "successor")):
        with pytest.raises(keys.NotRotatable, match=why):
            keys.rotate(key, HOUR)
    assert ApiKey.objects.count() == count


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_of_rotations_at_once_one_wins() -> None:
    old, _ = keys.issue("billing", ["ingest"])

    def rotate() -> ApiKey | None:
        try:
            return keys.rotate(old, HOUR)[0]
        except keys.NotRotatable:
            return None

    won = [key for key in at_once(*[rotate] * 6) if key]
    assert ApiKey.objects.count() == 2
    old.refresh_from_db()
    assert won == [old.replaced_by]


# --- In the admin --------------------------------------------------------------


def url(key: ApiKey, what: str = "change") -> str:
    return f"/admin/accounts/apikey/{key.pk}/{what}/"


def rotate(browser: Browser, key: ApiKey, **form: Any) -> Any:
    return browser.post(url(key, "rotate"), form, follow=True)


@pytest.mark.django_db
def test_the_form_rotates_and_shows_the_new_key_once(signed_in: Any) -> None:
    key, old_text = keys.issue("billing", ["ingest"])
    browser = signed_in("Administrator")
    assert "Last used" in browser.get(url(key, "rotate")).content.decode()
    assert ApiKey.objects.count() == 1  # looking at the form changes nothing
    page = rotate(browser, key, overlap=3600).content.decode()
    found = TEXT.search(page)
    assert found is not None
    new = keys.check(found[0])
    key.refresh_from_db()
    assert (key.replaced_by, keys.check(old_text)) == (new, key)
    for path in (url(new), url(key), "/admin/accounts/apikey/"):
        assert found[0] not in browser.get(path).content.decode()
    assert new.prefix in browser.get(url(key)).content.decode()
    assert "Ending" in browser.get("/admin/accounts/apikey/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("overlap", ["", "60", "-1", "soon"])
def test_another_overlap_is_refused(signed_in: Any, overlap: str) -> None:
    key, _ = keys.issue("billing", ["ingest"])
    answer = rotate(signed_in("Administrator"), key, overlap=overlap)
    assert "overlap" in answer.context["form"].errors
    assert ApiKey.objects.count() == 1


@pytest.mark.django_db
def test_a_second_form_is_told_that_the_key_was_rotated(signed_in: Any) -> None:
    key, _ = keys.issue("billing", ["ingest"])
    browser = signed_in("Administrator")
    rotate(browser, key, overlap=3600)
    page = rotate(browser, key, overlap=3600).content.decode()
    assert "It was rotated before. Rotate its successor." in page
    assert ApiKey.objects.count() == 2
    assert url(key, "rotate") not in browser.get(url(key)).content.decode()


@pytest.mark.django_db
def test_who_may_not_change_a_key_rotates_none(
    signed_in: Any, acme: Client, globex: Client
) -> None:
    hidden, _ = keys.issue("globex", ["ingest"], client=globex)
    shared, _ = keys.issue("all", ["ingest"])
    for key in (hidden, shared):
        rotate(signed_in("Administrator", clients=[acme]), key, overlap=0)
        assert signed_in("Viewer").post(url(key, "rotate"), {"overlap": 0}).status_code == 403
    assert not ApiKey.objects.exclude(replaced_by=None).exists()


def as_shown(browser: Browser, key: ApiKey) -> dict[str, Any]:
    """The fields of the key's form as a browser would send them."""
    form = browser.get(url(key)).context["adminform"].form
    end = form["expires_at"].value()
    sent: dict[str, Any] = {"name": key.name, "scopes": key.scopes}
    if end is not None:
        local = timezone.localtime(end)
        for name in ("expires_at", "initial-expires_at"):
            sent |= {f"{name}_0": f"{local:%Y-%m-%d}", f"{name}_1": f"{local:%H:%M:%S}"}
    return sent


@pytest.mark.django_db
def test_a_form_opened_before_a_rotation_does_not_undo_it(signed_in: Any) -> None:
    key, _ = keys.issue("billing", ["ingest"])
    browser = signed_in("Administrator")
    stale = as_shown(browser, key)
    keys.rotate(key, HOUR)
    key.refresh_from_db()
    end = key.expires_at
    assert browser.post(url(key), {**stale, "name": "invoices"}).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.expires_at) == ("invoices", end)
    assert key.replaced_by is not None


@pytest.mark.django_db
def test_the_end_of_an_overlap_can_be_moved(signed_in: Any) -> None:
    key, _ = keys.issue("billing", ["ingest"])
    keys.rotate(key, HOUR)
    browser = signed_in("Administrator")
    moved = as_shown(browser, key) | {"expires_at_0": "2100-01-01", "expires_at_1": "00:00:00"}
    assert browser.post(url(key), moved).status_code == 302
    key.refresh_from_db()
    assert key.expires_at is not None
    assert key.expires_at.year == 2100


@pytest.mark.django_db
@pytest.mark.parametrize(("sent", "kept"), [("", None), ("0", 0), ("600", 600)])
def test_a_row_limit_is_set_in_the_admin(signed_in: Any, sent: str, kept: int | None) -> None:
    form = {"name": "billing", "scopes": ["ingest"], "rows_per_minute": sent}
    signed_in("Administrator").post("/admin/accounts/apikey/add/", form)
    key = ApiKey.objects.get()
    assert key.rows_per_minute == kept
    signed_in("Administrator").post(url(key), {**form, "rows_per_minute": "7"})
    key.refresh_from_db()
    assert key.rows_per_minute == 7
