"""The portal's own web-hook: JSON, signed, with a key that stays the same at each try."""

import hashlib
import hmac
import json
import time
from dataclasses import asdict
from typing import Any

from alerts.delivery.channels import http
from alerts.delivery.channels.base import Answer, Kind, Parcel

KEY_LENGTH = 16


def send(parcel: Parcel) -> Answer:
    """POST the message. Raises targets.Refused."""
    secrets = parcel.secrets
    body = json.dumps(payload(parcel), separators=(",", ":")).encode()
    headers = signature(secrets.signing_key, int(time.time()), body) if secrets.signing_key else {}
    headers |= {"Idempotency-Key": parcel.key, "X-Aiosmon-Event": str(parcel.event_id or "")}
    if secrets.token:
        headers["Authorization"] = f"Bearer {secrets.token}"
    answer = http.post(secrets.url, body, headers, parcel.timeout)
    return http.without_secrets(answer, secrets)


def signature(key: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent it and when: HMAC-SHA256 over “timestamp.body”.

    A receiver computes it again over the bytes that it got, compares in constant
    time, and refuses what is older than a few minutes.
    """
    signed = hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "X-Aiosmon-Timestamp": str(timestamp),
        "X-Aiosmon-Signature": f"v1={signed.hexdigest()}",
    }


def payload(parcel: Parcel) -> dict[str, Any]:
    """What is sent; its shape is described in docs/notifications.md."""
    message = parcel.message
    return {
        "version": 1,
        "idempotency_key": parcel.key,
        "event_id": parcel.event_id,
        "recipient": parcel.recipient or None,
        "kind": message.kind,
        "status": message.status,
        "severity": message.severity,
        "subject": message.subject,
        "text": message.text,
        "markdown": message.markdown,
        "alerts": [asdict(one) for one in message.alerts],
        "omitted": message.omitted,
    }


def _check(secrets: Any, for_people: bool) -> None:
    http.check(secrets, for_people)
    if 0 < len(secrets.signing_key) < KEY_LENGTH:
        raise ValueError(f"The signing key needs at least {KEY_LENGTH} characters.")


KIND = Kind(check=_check, send=send)
