"""`manage.py bootstrap`: what a first start makes, and what later ones leave alone."""

import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command

from accounts import keys
from accounts.models import ApiKey, Client, User
from aiosmon import runstate
from metrics import partitions
from metrics.models import Probe
from metrics.probes.registry import KINDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command with these variables; returns what it handed over."""
    for name in ("AIOSMON_DEMO", "AIOSMON_ADMIN_PASSWORD", "DEMO_URL"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "run" / "bootstrap.json"

    def run(**environ: str) -> dict[str, Any]:
        monkeypatch.setenv("AIOSMON_BOOTSTRAP_FILE", str(file))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        call_command("bootstrap")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    return run


def test_the_first_start_makes_an_administrator_who_can_sign_in(bootstrap: Any) -> None:
    found = bootstrap()
    assert found["first_start"] is True
    user = authenticate(username="admin", password=found["admin_password"])
    assert user is not None
    assert user.groups.filter(name="Administrator").exists()


def test_a_second_start_makes_no_administrator_and_tells_no_password(
    bootstrap: Any, tmp_path: Path
) -> None:
    bootstrap()
    # As the portal does once it has shown them.
    runstate.update_bootstrap(tmp_path, first_start=False, admin_user=None, admin_password=None)
    found = bootstrap()
    assert found["first_start"] is False
    assert "admin_password" not in found
    assert User.objects.count() == 1


def test_a_password_that_was_not_shown_is_handed_over_again(bootstrap: Any) -> None:
    first, second = bootstrap(), bootstrap()
    assert second["first_start"] is True
    assert second["admin_password"] == first["admin_password"]


def test_a_password_that_was_changed_since_is_not(bootstrap: Any) -> None:
    bootstrap()
    user = User.objects.get()
    user.set_password("changed-by-hand")
    user.save()
    assert "admin_password" not in bootstrap()


def test_history_stays_wanted_until_it_was_loaded(bootstrap: Any, tmp_path: Path) -> None:
    bootstrap()
    runstate.update_bootstrap(tmp_path, first_start=False, history_pending=True)
    assert bootstrap()["history_pending"] is True
    runstate.update_bootstrap(tmp_path, history_pending=None)
    assert "history_pending" not in bootstrap()


def test_the_password_may_be_given(bootstrap: Any) -> None:
    bootstrap(AIOSMON_ADMIN_PASSWORD="my-own-passphrase")
    assert authenticate(username="admin", password="my-own-passphrase")


def test_without_a_supervisor_the_password_is_printed_once(
    bootstrap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIOSMON_BOOTSTRAP_FILE", raising=False)
    first, second = StringIO(), StringIO()
    call_command("bootstrap", stdout=first)
    call_command("bootstrap", stdout=second)
    password = first.getvalue().strip().rpartition(" ")[2]
    assert authenticate(username="admin", password=password)
    assert second.getvalue() == ""


def test_the_demos_key_is_issued_anew_each_time(bootstrap: Any) -> None:
    first, second = bootstrap()["demo_api_key"], bootstrap()["demo_api_key"]
    with pytest.raises(keys.InvalidKey, match="revoked"):
        keys.check(first)
    assert keys.check(second).scopes == ["ingest"]
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_it_makes_a_probe_of_every_kind_that_passes_its_own_check(
    bootstrap: Any, settings: Any
) -> None:
    settings.PROBE_DSNS = {"demo": "postgresql:///x"}
    bootstrap()
    probes = Probe.objects.all()
    assert {probe.kind for probe in probes} == set(KINDS)
    for probe in probes:
        KINDS[probe.kind].check(probe.target, probe.payload)
        assert probe.interval_seconds <= 30


def test_an_edited_probe_stays_as_it_was_edited(bootstrap: Any) -> None:
    bootstrap()
    probe = Probe.objects.first()
    assert probe is not None
    Probe.objects.filter(pk=probe.pk).update(interval_seconds=77, enabled=False)
    bootstrap()
    probe.refresh_from_db()
    assert (probe.interval_seconds, probe.enabled) == (77, False)


def test_a_probe_that_was_deleted_or_renamed_stays_so(bootstrap: Any) -> None:
    bootstrap()
    Probe.objects.filter(kind="embedding").delete()
    Probe.objects.filter(kind="page_load").update(name="Mine")
    names = set(Probe.objects.values_list("name", flat=True))
    bootstrap()
    assert set(Probe.objects.values_list("name", flat=True)) == names


def test_without_the_demo_its_probes_are_disabled_but_not_other_peoples(bootstrap: Any) -> None:
    bootstrap()
    Probe.objects.filter(kind="embedding").update(target="http://mine.example.org/api/ai/embed")
    bootstrap(AIOSMON_DEMO="off")
    enabled = Probe.objects.filter(enabled=True).values_list("kind", flat=True)
    assert set(enabled) == {"embedding", "system_resources"}


def test_probes_follow_the_demo_to_another_port(bootstrap: Any) -> None:
    bootstrap(DEMO_URL="http://127.0.0.1:8090")
    count = Probe.objects.count()
    Probe.objects.filter(kind="embedding").update(
        target="http://mine.example.org:8090/api/ai/embed"
    )
    bootstrap(DEMO_URL="http://127.0.0.1:8091")
    by_kind = dict(Probe.objects.values_list("kind", "target"))
    assert by_kind["page_load"] == "http://127.0.0.1:8091/terminal"
    assert by_kind["embedding"] == "http://mine.example.org:8090/api/ai/embed"
    assert Probe.objects.count() == count


def test_it_makes_two_customers_once(bootstrap: Any) -> None:
    bootstrap()
    Client.objects.filter(code="acme").update(name="Mine")
    bootstrap()
    names = dict(Client.objects.values_list("code", "name"))
    assert names == {"platform": "Platform", "acme": "Mine", "globex": "Globex Retail"}


@pytest.mark.parametrize("no", ["0", "false", "No", "off"])
def test_without_the_demo_nothing_of_it_is_made(bootstrap: Any, no: str) -> None:
    found = bootstrap(AIOSMON_DEMO=no)
    assert "demo_api_key" not in found
    assert not Probe.objects.exists()
    assert not Client.objects.exclude(code="platform").exists()


def test_it_makes_the_partitions_of_the_next_days(bootstrap: Any) -> None:
    bootstrap()
    assert len(partitions.existing()) >= partitions.DAYS_AHEAD + 1
