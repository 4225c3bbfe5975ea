"""The loaded tables, once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Client
from tests.scale import data


@dataclass(frozen=True)
class Scale:
    """What was loaded."""

    today: date
    clients: list[Client]
    rare: Client


@pytest.fixture(scope="package")
def scale(django_db_setup: None, django_db_blocker: Any) -> Iterator[Scale]:
    """Committed, so that every test sees it; removed after the last."""
    today = timezone.now().date()
    with django_db_blocker.unblock():
        data.unload(today)
        clients = [Client.objects.create(code=f"client{n}", name=f"Client {n}") for n in range(8)]
        rare = Client.objects.create(code="rare", name="Rare")
        try:
            data.load([client.pk for client in clients], rare.pk, today)
            yield Scale(today, clients, rare)
        finally:
            data.unload(today)
            Client.objects.filter(pk__in=[client.pk for client in [*clients, rare]]).delete()
