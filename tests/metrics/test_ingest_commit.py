"""An answer is given only after the commit; without a database, 503 and nothing stored."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def other_connection() -> psycopg.Connection[Any]:
    """A second session, which sees only what is committed."""
    parameters = {**connection.get_connection_params()}
    parameters = {k: v for k, v in parameters.items() if k not in {"cursor_factory", "context"}}
    return psycopg.connect(**parameters, autocommit=True)


def count(table: str) -> int:
    with closing(other_connection()) as other:
        found = other.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    assert found
    return int(found[0])


@contextmanager
def unreachable_database() -> Iterator[None]:
    """The database's address leads to a port on which nobody listens."""
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        good = {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
        connection.close()
        connection.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(unused.getsockname()[1])}
        try:
            yield
        finally:
            connection.settings_dict |= good


def test_rows_and_their_marks_are_committed_when_the_answer_is_given(send: Any, row: Any) -> None:
    assert send([row(), row()]).status_code == 201
    assert count("ai_performance_metrics") == 2
    assert count("pending_minutes") == 1


def test_a_mark_that_cannot_be_stored_takes_the_rows_along(send: Any, row: Any) -> None:
    with closing(other_connection()) as other:
        other.execute("ALTER TABLE pending_minutes RENAME TO pending_minutes_away")
        try:
            assert send(row()).status_code == 500
        finally:
            other.execute("ALTER TABLE pending_minutes_away RENAME TO pending_minutes")
    assert count("ai_performance_metrics") == 0


def test_it_asks_to_send_again_while_the_database_is_away(send: Any, row: Any) -> None:
    with unreachable_database():
        answer = send(row())
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json()["error"]["field"] == "(server)"
    assert count("ai_performance_metrics") == 0
    assert send(row()).status_code == 201


def test_it_asks_to_send_again_when_its_session_was_ended(send: Any, row: Any) -> None:
    assert send(row()).status_code == 201
    with connection.cursor() as cursor, closing(other_connection()) as other:
        cursor.execute("SELECT pg_backend_pid()")
        other.execute("SELECT pg_terminate_backend(%s, 5000)", cursor.fetchone())
    assert send(row()).status_code == 503
    connection.close()  # what Django does before the next request
    assert send(row()).status_code == 201
    assert count("ai_performance_metrics") == 2
