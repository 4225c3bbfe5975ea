"""An hour of busy ingestion, with refusals, services that went quiet, and long names."""

import math
from datetime import timedelta

from django.utils import timezone

from accounts import keys
from accounts.models import ApiKey, Client
from metrics.models import Emitter, IntakeMinute, IntakeRejection

LONG = "recommendation-and-rework-risk-assessment-eu-2"
EXAMPLE = (
    "“milliseconds” is no known unit. Send one of ms, seconds, mb, requests/sec, accuracy, "
    "percent, count or score, as the metric's definition says."
)


def fill(acme: Client, globex: Client) -> ApiKey:
    """Make it; returns the key that sends most."""
    key, _ = keys.issue("AI terminal, production", ["ingest"], client=acme, rows_per_minute=600_000)
    other, _ = keys.issue(f"{LONG} of the nightly batch", ["ingest", "read"], client=globex)
    keys.rotate(other, timedelta(days=1))
    keys.revoke(keys.issue("Old pilot", ["ingest"], client=globex)[0])
    keys.issue("Dashboards", ["read"])
    now = timezone.now()
    _minutes(key, other)
    for owner, reason, count, example in (
        (key, "measurement_unit", 1204, EXAMPLE),
        (other, "429 (request)", 317, "This API key may send 3000000 rows a minute."),
        (other, "component", 42, f"“{'x' * 120}” is no component. Did you mean “cognitive_core”?"),
        (None, "401 Authorization", 9, "Unknown API key. Ask an administrator for a new one."),
    ):
        IntakeRejection.objects.create(
            day=now.date(),
            api_key=owner,
            face="rest",
            reason=reason,
            count=count,
            last_at=now - timedelta(minutes=3),
            example=example,
        )
    _emitters(acme, globex)
    return key


def _minutes(key: ApiKey, other: ApiKey) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    rows = []
    for back in (*range(60), *range(1440, 13 * 1440, 720)):
        wave = 40_000 + 25_000 * math.sin(back / 7)
        for owner, share in ((key, 1.0), (other, 0.2)):
            rows.append(
                IntakeMinute(
                    minute=minute - timedelta(minutes=back),
                    api_key=owner,
                    face="rest",
                    requests=int(wave * share / 100),
                    stored=int(wave * share),
                    rejected=4000 if 20 < back < 26 else 20 * (owner == other),
                    lag_max_seconds=0.8 + back % 5,
                )
            )
    IntakeMinute.objects.bulk_create(rows)


def _emitters(acme: Client, globex: Client) -> None:
    now = timezone.now()
    for client, name, ago, muted in (
        (acme, "ai-terminal", timedelta(seconds=4), False),
        (acme, "assistant", timedelta(minutes=40), False),
        (globex, LONG, timedelta(days=3), False),
        (globex, "nightly-batch", timedelta(hours=9), True),
    ):
        Emitter.objects.create(
            client=client,
            component="data_intelligence",
            service_name=name,
            first_seen_at=now - timedelta(days=90),
            last_seen_at=now - ago,
            muted=muted,
        )
