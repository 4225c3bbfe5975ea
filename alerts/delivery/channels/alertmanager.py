"""A web-hook as Prometheus Alertmanager sends it (payload version 4)."""

import json
from typing import Any

from django.conf import settings

from alerts.delivery.channels import http
from alerts.delivery.channels.base import Answer, Kind, Parcel
from alerts.delivery.messages import AlertFacts

# What Go writes for “no time”; receivers take it for an alert that has not ended.
NEVER = "0001-01-01T00:00:00Z"


def send(parcel: Parcel) -> Answer:
    """POST the payload. Raises targets.Refused."""
    secrets = parcel.secrets
    headers = {"Idempotency-Key": parcel.key, "X-Aiosmon-Event": str(parcel.event_id or "")}
    if secrets.token:
        headers["Authorization"] = f"Bearer {secrets.token}"
    body = json.dumps(payload(parcel)).encode()
    answer = http.post(secrets.url, body, headers, parcel.timeout)
    return http.without_secrets(answer, secrets)


def payload(parcel: Parcel) -> dict[str, Any]:
    """Version 4, as prometheus.io/docs/alerting/latest/configuration/#webhook_config has it."""
    found = [_alert(one) for one in parcel.message.alerts]
    labels = [one["labels"] for one in found]
    group = {"alertname": labels[0]["alertname"]} if len(found) == 1 else {}
    firing = any(one["status"] == "firing" for one in found)
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{k}="{v}"' for k, v in group.items()) + "}",
        "truncatedAlerts": parcel.message.omitted,
        "status": "firing" if firing else "resolved",
        "receiver": parcel.receiver,
        "groupLabels": group,
        "commonLabels": _common(labels),
        "commonAnnotations": _common([one["annotations"] for one in found]),
        "externalURL": settings.PORTAL_URL,
        "alerts": found,
    }


def _alert(one: AlertFacts) -> dict[str, Any]:
    resolved = one.status == "resolved"
    labels = {
        **one.labels,
        "alertname": one.labels.get("alertname") or one.objective or one.metric_name,
        "severity": one.severity,
        "alert_type": one.alert_type,
        "client": one.client,
        "component": one.component,
        "metric_name": one.metric_name,
        "objective": one.objective,
        "model": one.model,
    }
    annotations = {
        "summary": one.what,
        "description": one.message,
        "business_impact": one.business_impact,
        "recommended_action": one.recommended_action,
    }
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {name: value for name, value in annotations.items() if value},
        "startsAt": one.started_at,
        "endsAt": one.resolved_at if resolved and one.resolved_at else NEVER,
        "generatorURL": one.url,
        # Alertmanager's has 64 bits.
        "fingerprint": one.fingerprint[:16],
    }


def _common(every: list[dict[str, str]]) -> dict[str, str]:
    if not every:
        return {}
    first, *rest = every
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in rest)
    }


KIND = Kind(check=http.check, send=send)
