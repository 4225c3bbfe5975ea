"""What a start with wrong settings says, and that the defaults are safe."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current
from django.test import Client as Browser

from aiosmon import checks

CHECKOUT = Path(__file__).resolve().parents[2]


def ids(found: list[Any]) -> list[str]:
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_good_settings_pass_every_check() -> None:
    assert checks.stores_are_named() == []
    assert checks.probes_name_their_hosts() == []
    assert checks.the_key_is_long_enough() == []


@pytest.mark.parametrize(
    ("name", "value", "check", "expected"),
    [
        ("DATABASE_URL", "", checks.stores_are_named, ["aiosmon.W001"]),
        ("REDIS_URL", "", checks.stores_are_named, ["aiosmon.W002"]),
        ("REDIS_URL", "http://x", checks.stores_are_named, ["aiosmon.E002"]),
        ("REDIS_URL", "rediss://x", checks.stores_are_named, []),
        ("PROBE_ALLOWED_HOSTS", ["*"], checks.probes_name_their_hosts, ["aiosmon.E003"]),
        (
            "DEADMAN_URL",
            "ping.example.org/x",
            checks.the_dead_mans_switch_has_an_address,
            ["aiosmon.E005"],
        ),
        ("SECRET_KEY", "x" * 31, checks.the_key_is_long_enough, ["aiosmon.E004"]),
    ],
)
def test_a_check_names_what_is_wrong(
    settings: Any, name: str, value: Any, check: Any, expected: list[str]
) -> None:
    setattr(settings, name, value)
    assert ids(check()) == expected


def manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py as someone would who set these variables."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_wrong_variable_stops_the_start_by_name() -> None:
    done = manage("check", AIOSMON_INGEST_MAX_ROWS="many")
    assert done.returncode != 0
    assert "AIOSMON_INGEST_MAX_ROWS='many' is not a whole number." in done.stderr


def test_a_short_key_stops_every_command_and_says_why() -> None:
    done = manage("check", AIOSMON_SECRET_KEY="changeme")
    assert done.returncode != 0
    assert "AIOSMON_SECRET_KEY has 8 characters, fewer than 32" in done.stderr


def test_without_a_key_a_command_that_needs_none_runs_and_is_warned(tmp_path: Path) -> None:
    place = {"AIOSMON_SECRET_KEY": "", "AIOSMON_DATA_DIR": str(tmp_path)}
    done = manage("makemigrations", "--check", "--dry-run", **place)
    assert done.returncode == 0, done.stderr
    assert "AIOSMON_SECRET_KEY is not set." in done.stderr
    assert "make run" in done.stderr


def test_the_deployment_check_is_silent_behind_https() -> None:
    done = manage("check", "--deploy", "--fail-level", "ERROR", AIOSMON_HTTPS="1")
    assert done.returncode == 0, done.stderr


def test_debug_is_off_and_cookies_are_closed_to_scripts() -> None:
    assert current.DEBUG is False
    assert current.SESSION_COOKIE_HTTPONLY is True


@pytest.mark.django_db
def test_every_page_has_the_secure_headers() -> None:
    answer = Browser().get("/admin/login/")
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "'unsafe-inline'" not in policy.split("script-src", 1)[1].split(";")[0]


def test_a_foreign_host_is_refused() -> None:
    assert Browser().get("/healthz", headers={"Host": "evil.example.org"}).status_code == 400
