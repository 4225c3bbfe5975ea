"""Which addresses notifications may go to: public ones, and what AIOSMON_NOTIFY_ALLOW names.

Whoever edits a channel could otherwise have the portal call the services of its
own network, or a cloud's metadata. A name is resolved once, and the connection
goes to the address that was judged: a name that resolves otherwise a moment
later changes nothing.
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings

Address = IPv4Address | IPv6Address
# NAT64: the last 32 bits are an IPv4 address, which a gateway translates.
_NAT64 = IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """The target is internal; the message says which and what would allow it."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, all of them permitted. Raises Refused, or OSError for no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not is_allowed_name(host):
        for address in addresses:
            if not is_permitted(address):
                raise Refused(refusal(host, address))
    return addresses


def is_permitted(address: str) -> bool:
    """Whether an address is public, or in an allowed network."""
    # A scope, as in fe80::1%eth0, doesn't make it public.
    found = ip_address(address.partition("%")[0])
    if any(_is_in(found, network) for network in _words()):
        return True
    return all(one.is_global and not one.is_multicast for one in (found, *_embedded(found)))


def is_allowed_name(host: str) -> bool:
    """Whether the setting names the host, or with a leading dot one of its parents."""
    name = host.lower().rstrip(".")
    return any(name == word or (word.startswith(".") and name.endswith(word)) for word in _words())


def refusal(host: str, address: str) -> str:
    """Why a target is refused, and what to do."""
    what = address if host == address else f"{host} ({address})"
    return (
        f"{what} is an internal address: nothing was sent there. If it is meant, name its host "
        "or network in AIOSMON_NOTIFY_ALLOW."
    )


def _words() -> list[str]:
    return [word.lower() for word in settings.NOTIFY_ALLOW]


def _is_in(address: Address, word: str) -> bool:
    try:
        return address in ip_network(word)
    except ValueError:
        return False


def _embedded(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if isinstance(address, IPv4Address):
        return []
    found: list[Address | None] = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    if address in _NAT64:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in found if one is not None]
