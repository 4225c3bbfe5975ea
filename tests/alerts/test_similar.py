"""Past alerts like this one, and what solved them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Client, User
from alerts.models import Alert
from alerts.triage import lifecycle, similar

pytestmark = pytest.mark.django_db
MakeAlert = Callable[..., Alert]
MakeUser = Callable[..., User]


def test_the_nearest_kin_comes_first(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client
) -> None:
    ann = make_user()
    same = make_alert("resolved", by=ann, fingerprint="f")
    elsewhere = make_alert("resolved", by=ann, client=globex)
    make_alert("resolved", by=ann, objective="sla:other:latency")
    make_alert("resolved", by=ann, component="user_interface")
    make_alert("firing")
    history = similar.of(make_alert(fingerprint="f"), ann)
    assert [one.alert for one in history.past] == [same, elsewhere]
    assert [one.kinship for one in history.past] == ["Same alert", "Same objective"]


def test_distant_kin_is_better_than_none(make_alert: MakeAlert, make_user: MakeUser) -> None:
    ann = make_user()
    make_alert("resolved", by=ann, objective="sla:other:latency")
    [past] = similar.of(make_alert(), ann).past
    assert past.kinship == "Same component and type"


def test_it_says_what_solved_it_and_how_long_it_took(
    make_alert: MakeAlert, make_user: MakeUser
) -> None:
    ann, now = make_user(), timezone.now()
    for minutes, resolution in ((10, "fixed"), (20, "rolled_back"), (60, "rolled_back")):
        alert = make_alert(created_at=now - timedelta(minutes=minutes))
        lifecycle.resolve(
            alert.pk, acting_user=ann, version=1, resolution=resolution, note=f"{minutes}"
        )
    lifecycle.resolve_recovered(make_alert(created_at=now - timedelta(minutes=20)).pk, "Kept.")
    history = similar.of(make_alert(), ann)
    assert history.told == [("Rolled back", 2), ("Recovered by itself", 1), ("Fixed", 1)]
    assert [one.note for one in history.past] == ["Kept.", "60", "20", "10"]
    assert history.median is not None
    assert history.median.total_seconds() // 60 == 20


def test_it_shows_none_of_a_hidden_client(
    make_alert: MakeAlert, make_user: MakeUser, globex: Client
) -> None:
    make_alert("resolved", by=make_user())
    history = similar.of(make_alert(client=globex), make_user(clients=[globex]))
    assert (history.past, history.count, history.median) == ([], 0, None)
