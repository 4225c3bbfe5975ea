"""What a fresh portal needs to be useful: an administrator, the demo's key, clients and probes."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.db import transaction

from accounts import keys
from accounts.models import ApiKey, User
from accounts.roles import ADMINISTRATOR
from aiosmon.demo_setup import follow_demo, load_demo, pause_demo
from aiosmon.embedded.paths import read_json, write_private
from aiosmon.services import is_on
from metrics import partitions

DEMO_KEY = "Demo AI service"


class Command(BaseCommand):
    """Repeatable: a second run changes nothing but the demo's key, which is issued anew."""

    help = "Make the administrator, the partitions and, unless AIOSMON_DEMO=0, the demo's set-up."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write what the supervisor needs to AIOSMON_BOOTSTRAP_FILE (readable by us alone)."""
        partitions.maintain()
        found: dict[str, Any] = {}
        target = os.environ.get("AIOSMON_BOOTSTRAP_FILE")
        with transaction.atomic():
            if not User.objects.exists():
                found |= {"first_start": True, "admin_user": "admin", "admin_password": _admin()}
            if is_on(os.environ.get("AIOSMON_DEMO")):
                _set_up_demo(os.environ.get("DEMO_URL", "http://127.0.0.1:8090"))
                found["demo_api_key"] = _demo_key()
            else:
                pause_demo()
            if target is not None:
                # Before the commit: a password that is set but written nowhere is lost for good.
                _hand_over(Path(target), found)
        if target is None and "admin_password" in found:
            self.stdout.write(f"Administrator: admin, password: {found['admin_password']}")


def _hand_over(path: Path, found: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pending = _pending(read_json(path) or {})
    write_private(path, json.dumps({"first_start": False, **pending, **found}))


def _pending(before: dict[str, Any]) -> dict[str, Any]:
    """What an earlier run handed over that its portal did not come to show or finish."""
    names = ["first_start", "history_pending"]
    admin = User.objects.filter(username=before.get("admin_user", "")).first()
    # Not one of another database, nor one that was changed since.
    if admin is not None and admin.check_password(before.get("admin_password")):
        names += ["admin_user", "admin_password"]
    return {name: before[name] for name in names if name in before}


def _set_up_demo(url: str) -> None:
    """Its clients and probes are made once; from then on they are the user's."""
    if ApiKey.objects.filter(name=DEMO_KEY).exists():
        follow_demo(url)
    else:
        load_demo(url)


def _admin() -> str:
    """The first administrator; AIOSMON_ADMIN_PASSWORD sets the password, else one is made."""
    password = os.environ.get("AIOSMON_ADMIN_PASSWORD") or secrets.token_urlsafe(12)
    user = User.objects.create_superuser("admin", password=password)
    user.groups.add(Group.objects.get(name=ADMINISTRATOR))
    return password


def _demo_key() -> str:
    """A new key for the demo service: the old one's text is stored nowhere."""
    for old in ApiKey.objects.filter(name=DEMO_KEY, revoked_at=None):
        keys.revoke(old)
    _key, text = keys.issue(DEMO_KEY, [ApiKey.Scope.INGEST])
    return text
