"""How to tell from outside that a process has come up."""

import http.client
from urllib.parse import urlsplit

ANSWER_SECONDS = 3.0


def answers(url: str) -> bool:
    """Whether GET gets an answer that is no server error."""
    return (status(url) or 500) < 500


def status(url: str) -> int | None:
    """The HTTP status of a GET; None when nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "127.0.0.1", parts.port, timeout=ANSWER_SECONDS
    )
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def is_connected(pid: int) -> bool:
    """Whether a process holds a TCP connection.

    A Celery worker or beat does once it has loaded everything and reached a
    store; its log may say nothing at all, which depends on the level chosen.
    """
    import psutil

    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(connection.status == psutil.CONN_ESTABLISHED for connection in connections)
