"""Whatever Apprise speaks: e-mail, Slack, Teams, PagerDuty, Telegram and a hundred more."""

import socket
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from alerts.delivery import targets
from alerts.delivery.channels.base import Answer, Kind, Parcel, struck_out
from alerts.delivery.guard import guarded
from alerts.delivery.sealing import Secrets

RECIPIENT = "{recipient}"
# What would reach no person: services of the portal's own machine.
LOCAL = frozenset({"syslog", "dbus", "glib", "kde", "qt", "gnome", "macosx", "windows", "blink1"})
_TYPES = {"firing": "failure", "resolved": "success"}


def check(secrets: Secrets, for_people: bool) -> None:
    """Raise ValueError for a URL that can't be one of Apprise's.

    Whether its service takes it only sending tells, by the button on the
    channel's page: loading all services here would cost the web server 30 MB.
    """
    scheme = secrets.url.partition("://")[0].lower()
    if "://" not in secrets.url or not scheme.isascii() or not scheme.isalnum():
        raise ValueError("Write an Apprise URL, e.g. mailto://user:password@example.org?to=ops@…")
    if scheme in LOCAL:
        raise ValueError(f"{scheme}:// only reaches the machine that the portal runs on.")
    if for_people and RECIPIENT not in secrets.url:
        raise ValueError(f"For mails to people the URL needs {RECIPIENT} where the address goes.")
    if not for_people and RECIPIENT in secrets.url:
        raise ValueError(f"{RECIPIENT} only works on the channel for mails to people.")


def send(parcel: Parcel) -> Answer:
    """Hand the message to the service in the form that it shows best."""
    # Here, since only what sends needs it: it takes 0.2 s and 30 MB.
    import apprise

    url = parcel.secrets.url.replace(RECIPIENT, quote(parcel.recipient))
    asset = apprise.AppriseAsset(
        app_id="AIOSMON",
        async_mode=False,
        http_redirects=False,
        # The portal's own lease, attempts and timeouts are in force.
        service_timeout=0,
        default_service_retry=0,
        allow_templates=False,
        interpret_escapes=False,
    )
    service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is None:
        return Answer(False, "Apprise does not know what to do with this URL.", permanent=True)
    service.socket_connect_timeout = service.socket_read_timeout = parcel.timeout
    form, body = _body(service, parcel)
    sender = apprise.Apprise(asset=asset)
    sender.add(service)
    with guarded(_allowed(url)) as guard:
        result = sender.notify(
            body=body,
            title=parcel.message.subject,
            body_format=form,
            notify_type=_TYPES.get(parcel.message.status, "info"),
        )
    if guard.refused:
        raise targets.Refused(struck_out(guard.refused, ()))
    said = " ".join(_logs(result)) or ("Taken." if result else "The service refused it.")
    return Answer(bool(result), struck_out(said, _secrets(url)))


def _body(service: Any, parcel: Parcel) -> tuple[str, str]:
    """The first of the formats that the service shows."""
    formats = service.notify_format
    first = formats[0] if isinstance(formats, tuple | list) else formats
    texts = {"html": parcel.message.html, "markdown": parcel.message.markdown}
    form = str(getattr(first, "value", first))
    return (form, texts[form]) if form in texts else ("text", parcel.message.text)


def _logs(result: Any) -> list[str]:
    """What the service said, newest attempt last."""
    return [
        str(entry.message)
        for one in result.results
        for attempt in one.attempts
        for entry in attempt.logs
    ]


def _allowed(url: str) -> frozenset[str]:
    """The addresses of those of the URL's hosts that the setting allows by name."""
    parts = urlsplit(url)
    hosts = [parts.hostname or "", *(value for _, value in parse_qsl(parts.query))]
    found = set()
    for host in hosts:
        if host and targets.is_allowed_name(host):
            try:
                found |= {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
            except OSError:
                continue
    return frozenset(found)


def _secrets(url: str) -> set[str]:
    """What of the URL may not be shown, as written and as the service gets it."""
    parts = urlsplit(url)
    found = [url, parts.netloc.rpartition("@")[0], parts.password or "", parts.username or ""]
    found += [*parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    if not parts.username:
        # slack://TokenA/TokenB: what stands for the host is a secret there.
        found.append(parts.netloc)
    return {unquote(one) for one in found} | set(found)


KIND = Kind(check=check, send=send)
