"""What is not worth a line in the log."""

import logging


def is_news(record: logging.LogRecord) -> bool:
    """False for a /readyz that answered 503: it is polled, and its body says what is wrong."""
    path = getattr(getattr(record, "request", None), "path", "")
    return not (path == "/readyz" and getattr(record, "status_code", 0) == 503)
