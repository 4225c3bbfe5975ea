"""Commits that need not wait for the disk."""

from django.db import connection


def need_not_wait() -> None:
    """Let the transaction under way be committed without waiting for the disk.

    For what can be made again: after a crash of PostgreSQL all of it may be gone, what it had
    claimed included, never a part of it. While rows pour in such a wait takes longer than most
    of what is derived from them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
