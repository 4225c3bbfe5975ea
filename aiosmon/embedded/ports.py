"""TCP ports on this machine: which are free, who holds one."""

import random
import socket
from collections.abc import Collection

# Below Linux's ephemeral range: no outgoing connection takes the port while we are stopped.
SERVER_PORTS = range(20_000, 32_000)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server just stopped (TIME_WAIT) don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose(preferred: int | None, taken: Collection[int] = ()) -> int:
    """``preferred`` while it is free, else a free port of SERVER_PORTS.

    Raises OSError when a hundred random ones are all taken.
    """
    if preferred is not None and is_free("127.0.0.1", preferred):
        return preferred
    for port in random.sample(SERVER_PORTS, 100):
        if port not in taken and is_free("127.0.0.1", port):
            return port
    raise OSError("no free TCP port between 20000 and 32000 on 127.0.0.1")


def holder(port: int) -> str | None:
    """Who listens on a port, e.g. ``python3 (pid 4711)``; None when that can't be told."""
    try:
        import psutil  # the doctor runs before it is installed
    except ImportError:
        return None
    try:
        for connection in psutil.net_connections("tcp"):
            listening = connection.status == psutil.CONN_LISTEN
            # A closed socket's address is an empty tuple, without a port.
            if listening and getattr(connection.laddr, "port", 0) == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return None
    return None
