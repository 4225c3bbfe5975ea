"""Holds other people's code to the permitted targets, in the context that it runs in.

Apprise's services open connections by themselves, through several libraries.
Python announces each one to its audit hooks (PEP 578) before it is made, with
the address that it goes to: no name is left to be resolved otherwise after.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from alerts.delivery import targets

_CONNECTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_PROGRAMS = frozenset({"subprocess.Popen", "os.system", "os.posix_spawn", "os.exec"})


class Guard:
    """What is allowed beside the permitted addresses, and what was refused."""

    def __init__(self, allowed: frozenset[str]) -> None:
        """``allowed`` are the addresses of hosts that the setting names."""
        self.allowed = allowed
        self.refused = ""

    def judge(self, event: str, args: tuple[Any, ...]) -> None:
        """Raise PermissionError for what may not be done."""
        if event in _PROGRAMS:
            self._refuse("This kind of URL starts a program on the portal's machine.")
        address = args[1]
        if not isinstance(address, tuple):
            self._refuse("This kind of URL talks to the portal's own machine.")
        host = str(address[0])
        try:
            permitted = host in self.allowed or targets.is_permitted(host)
        except ValueError:
            # A name that C code would resolve, so that nobody could tell to what.
            permitted = False
        if not permitted:
            self._refuse(targets.refusal(host, host))

    def _refuse(self, why: str) -> None:
        self.refused = why
        raise PermissionError(why)


_current: ContextVar[Guard | None] = ContextVar("guard", default=None)


@contextmanager
def guarded(allowed: frozenset[str] = frozenset()) -> Iterator[Guard]:
    """Within it, connections in this context go to permitted addresses alone."""
    _install()
    guard = Guard(allowed)
    token = _current.set(guard)
    try:
        yield guard
    finally:
        _current.reset(token)


@cache
def _install() -> None:
    # For good: an audit hook can't be taken away. Outside of a guard it asks one set.
    sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in _CONNECTS or event in _PROGRAMS:
        guard = _current.get()
        if guard is not None:
            guard.judge(event, args)
