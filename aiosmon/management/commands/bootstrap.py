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
from aiosmon.demo_setup import load_demo
from metrics import partitions

DEMO_KEY = "Demo AI service"


class Command(BaseCommand):
    """Repeatable: a second run changes nothing but the demo's key, which is issued anew."""

    help = "Make the administrator, the partitions and, unless AIOSMON_DEMO=0, the demo's set-up."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write what the supervisor needs to AIOSMON_BOOTSTRAP_FILE (readable by us alone)."""
        partitions.maintain()
        found: dict[str, Any] = {"first_start": False}
        with transaction.atomic():
            if not User.objects.exists():
                found |= {"first_start": True, "admin_user": "admin", "admin_password": _admin()}
            if os.environ.get("AIOSMON_DEMO", "1") != "0":
                load_demo(os.environ.get("DEMO_URL", "http://127.0.0.1:8090"))
                found["demo_api_key"] = _demo_key()
        self._hand_over(found)

    def _hand_over(self, found: dict[str, Any]) -> None:
        target = os.environ.get("AIOSMON_BOOTSTRAP_FILE")
        if target is None:
            if "admin_password" in found:
                self.stdout.write(f"Administrator: admin, password: {found['admin_password']}")
            return
        path = Path(target)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(found, file)


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
