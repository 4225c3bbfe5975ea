"""A deployment, as a release pipeline sends it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import connection
from django.db.models import Q
from msgspec import Meta

from metrics.ingest import reference
from metrics.ingest import schema as rows
from metrics.ingest.forms import Form
from metrics.ingest.schema import Refused, check_text
from metrics.ingest.validate import Limits, owner
from metrics.models import Deployment

Long = Annotated[str, Meta(max_length=2_000)]


class SentDeployment(msgspec.Struct, forbid_unknown_fields=True):
    """A version of a service went live."""

    component: rows.Short
    service_name: rows.Short
    version: rows.Name
    environment: rows.Short = "production"
    deployed_at: Annotated[datetime, Meta(tz=True)] | None = None
    description: Long = ""
    url: Annotated[str, Meta(max_length=500)] = ""
    client: rows.Short | None = None
    client_id: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    event_id: UUID | None = None


FIXES = {
    "component": rows.FIXES["component"],
    "service_name": rows.FIXES["service_name"],
    "version": "Send 1–100 characters, e.g. 2026.3.1 or a commit.",
    "environment": "Send 1–50 characters, or leave it out for production.",
    "deployed_at": "Send RFC 3339 with a zone, e.g. 2026-01-31T12:00:00Z, or leave it out for now.",
    "description": "Send at most 2000 characters.",
    "url": "Send an http or https address of at most 500 characters, or leave it out.",
    "client": "Send a client's code, or leave it out for all of the key's.",
    "client_id": "Send a client's id, or leave it out for all of the key's.",
    "event_id": "Send a UUID, the same when the deployment is sent again, or leave it out.",
}
DEPLOYMENTS = Form(SentDeployment, FIXES, "deployment")

_url = URLValidator(["http", "https"])
_INSERT = """
INSERT INTO deployments (component, service_name, version, environment, deployed_at, received_at,
    description, url, client_id, event_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (client_id, event_id) WHERE event_id IS NOT NULL DO NOTHING RETURNING id
"""


def store(sent: SentDeployment, key_client_id: int | None, limits: Limits) -> Deployment:
    """Store a deployment once; sent again under its event_id, the first one is returned.

    ``key_client_id`` is the only client the key may report for; None: any. Raises Refused.
    """
    client_id = _checked(sent, key_client_id, limits)
    values = (
        *(sent.component, sent.service_name, sent.version, sent.environment),
        *(sent.deployed_at or limits.now, limits.now, sent.description, sent.url),
        *(client_id, sent.event_id),
    )
    found = Deployment.objects.select_related("client")
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        if row := cursor.fetchone():
            return found.get(pk=row[0])
    owned = Q(client__isnull=True) if client_id is None else Q(client_id=client_id)
    return found.get(owned, event_id=sent.event_id)


def _checked(sent: SentDeployment, key_client_id: int | None, limits: Limits) -> int | None:
    """The client's id, None for every client's; Refused for what can't be stored."""
    for field in ("service_name", "version", "environment", "description"):
        check_text(field, getattr(sent, field))
    if sent.url:
        try:
            _url(sent.url)
        except ValidationError as error:
            raise Refused("url", "This is no http or https address.", FIXES["url"]) from error
    if sent.deployed_at is not None and sent.deployed_at > limits.newest:
        raise Refused("deployed_at", "This lies ahead.", "Send it when the version is live.")
    ref = reference.current()
    if sent.component not in ref.components:
        ref = reference.refreshed()
    if sent.component not in ref.components:
        known = f"Send one of: {', '.join(sorted(ref.components))}."
        raise Refused("component", f"Unknown component “{sent.component}”.", known)
    if key_client_id is None and sent.client is None and sent.client_id is None:
        return None
    return owner(sent.client, sent.client_id, key_client_id, ref)
