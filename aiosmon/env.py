"""Typed readers for environment variables.

Every reader also accepts ``NAME_FILE``: a path whose content is the value, as
container secrets are handed over. A value that can't be read stops the start
with a message that names the variable, what is wrong and what would be right.
"""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})


def raw(name: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """The value of ``name``, or the content of the file that ``name_FILE`` names.

    Raises ImproperlyConfigured when both are set or the file can't be read.
    """
    value, file = environ.get(name), environ.get(f"{name}_FILE")
    if file is None:
        return value
    if value is not None:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: keep one of them.")
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE={file} can't be read: {error.strerror}."
        ) from error


def text(name: str, default: str = "", environ: Mapping[str, str] = os.environ) -> str:
    """A string."""
    value = raw(name, environ)
    return default if value is None else value


def flag(name: str, default: bool, environ: Mapping[str, str] = os.environ) -> bool:
    """A yes or no. Raises ImproperlyConfigured for any other word."""
    value = raw(name, environ)
    if value is None:
        return default
    word = value.strip().lower()
    if word not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name}={value!r} is not a yes or a no: set it to 1 or 0.")
    return word in TRUE


def integer(
    name: str,
    default: int,
    *,
    least: int = 0,
    most: int = 2**31,
    environ: Mapping[str, str] = os.environ,
) -> int:
    """A whole number between ``least`` and ``most``, else ImproperlyConfigured."""
    value = raw(name, environ)
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number.") from None
    if not least <= number <= most:
        raise ImproperlyConfigured(f"{name}={number} is outside {least} … {most}.")
    return number


def words(
    name: str, default: tuple[str, ...] = (), environ: Mapping[str, str] = os.environ
) -> list[str]:
    """A comma-separated list, blanks dropped."""
    value = raw(name, environ)
    if value is None:
        return list(default)
    return [word.strip() for word in value.split(",") if word.strip()]


def networks(name: str, environ: Mapping[str, str] = os.environ) -> list[IPv4Network | IPv6Network]:
    """A comma-separated list of addresses and networks. Raises ImproperlyConfigured for others."""
    found = []
    for word in words(name, environ=environ):
        try:
            found.append(ip_network(word))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name}: {word!r} is no network: {error}. Write 10.0.0.7 or 10.0.0.0/8."
            ) from error
    return found


def suffixed(prefix: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables that start with ``prefix``, by the lower-cased rest of their name."""
    names = {name.removesuffix("_FILE") for name in environ if name.startswith(prefix)}
    return {name.removeprefix(prefix).lower(): text(name, "", environ) for name in sorted(names)}


def postgres(url: str, name: str = "DATABASE_URL") -> dict[str, str]:
    """The Django connection parameters that a PostgreSQL URL means.

    Raises ImproperlyConfigured for another scheme, a port that is no number or
    a URL without a database.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} must start with postgresql://, not {parts.scheme or 'nothing'}://; "
            "AIOSMON needs PostgreSQL 15 or newer."
        )
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise ImproperlyConfigured(f"{name} names no database: end it with /aiosmon.")
    try:
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(f"{name}: the port must be 0 … 65535.") from None
    return {
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port or ""),
    }


def postgres_options(url: str) -> dict[str, str]:
    """The URL's libpq parameters, such as ``sslmode=require`` after the question mark."""
    return dict(parse_qsl(urlsplit(url).query))
