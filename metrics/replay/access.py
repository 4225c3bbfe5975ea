"""What a replay needs in the portal's database: a client, and a key that doesn't outlive it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client


def client_for(code: str, name: str) -> Client:
    """The client with this code, made if there is none.

    Raises django.core.exceptions.ValidationError for a code that no client may
    have, ValueError for an inactive client.
    """
    client = Client.objects.filter(code=code).first()
    if client is None:
        Client(code=code, name=name).full_clean(validate_unique=False)
        client, _ = Client.objects.get_or_create(code=code, defaults={"name": name})
    if not client.active:
        raise ValueError(f"The client “{code}” is inactive: activate it, or name another.")
    return client


@contextmanager
def temporary_key(client: Client, lifetime: timedelta) -> Iterator[str]:
    """A key to send the client's rows with, revoked on the way out, however that is taken.

    ``lifetime`` bounds it even when the process is killed and can't revoke it.
    """
    key, text = keys.issue(
        f"Replay for {client.code}",
        [ApiKey.Scope.INGEST],
        client=client,
        expires_at=timezone.now() + lifetime,
    )
    try:
        yield text
    finally:
        keys.revoke(key)
