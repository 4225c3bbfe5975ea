"""The specification's SQL, executed beside our tables."""

from pathlib import Path

import pytest
from django.db import connection

SCHEMA = "specification"
HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def baselines_sql() -> str:
    """The specification's INSERT of its baselines, to the letter."""
    return (HERE / "baselines.sql").read_text()


@pytest.fixture
def specified(db: None, baselines_sql: str) -> str:
    """A schema in which the specification's own statements have been executed."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {SCHEMA}")
        cursor.execute(f"SET LOCAL search_path TO {SCHEMA}")
        # The two tables that the specification refers to and leaves to us.
        cursor.execute("CREATE TABLE clients (id SERIAL PRIMARY KEY)")
        cursor.execute("CREATE TABLE users (id SERIAL PRIMARY KEY)")
        cursor.execute((HERE / "tables.sql").read_text())
        cursor.execute(baselines_sql)
        cursor.execute("SET LOCAL search_path TO DEFAULT")
    return SCHEMA
