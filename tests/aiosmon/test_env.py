"""Settings from the environment: typed, also from files, and refused by name."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from aiosmon import env


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(word, True) for word in ("1", "true", "YES", " on ")],
        *[(word, False) for word in ("0", "false", "No", "off", "")],
    ],
)
def test_it_reads_a_yes_or_a_no(value: str, expected: bool) -> None:
    assert env.flag("X", not expected, {"X": value}) is expected


@pytest.mark.parametrize("value", ["maybe", "2", "tru"])
def test_it_refuses_another_word(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"X='{value}' is not a yes or a no"):
        env.flag("X", False, {"X": value})


@pytest.mark.parametrize(("value", "expected"), [("0", 0), ("42", 42), (" 7 ", 7)])
def test_it_reads_a_whole_number(value: str, expected: int) -> None:
    assert env.integer("X", 1, environ={"X": value}) == expected


@pytest.mark.parametrize("value", ["", "1.5", "ten", "1e3"])
def test_it_refuses_what_is_no_whole_number(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="is not a whole number"):
        env.integer("X", 1, environ={"X": value})


@pytest.mark.parametrize("value", ["4", "11", "-1"])
def test_it_refuses_a_number_out_of_bounds(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"outside 5 … 10"):
        env.integer("X", 7, least=5, most=10, environ={"X": value})


@pytest.mark.parametrize(
    ("value", "expected"), [("a,b", ["a", "b"]), (" a , ,b,", ["a", "b"]), ("", [])]
)
def test_it_reads_a_list(value: str, expected: list[str]) -> None:
    assert env.words("X", ("default",), {"X": value}) == expected


def test_what_is_not_set_has_its_default() -> None:
    assert env.text("X", "d", {}) == "d"
    assert env.flag("X", True, {}) is True
    assert env.integer("X", 7, environ={}) == 7
    assert env.words("X", ("d",), {}) == ["d"]


def test_it_reads_a_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    assert env.text("X", "", {"X_FILE": str(tmp_path / "secret")}) == "s3cret"


def test_it_refuses_a_value_and_a_file_at_once() -> None:
    with pytest.raises(ImproperlyConfigured, match="X and X_FILE are both set"):
        env.text("X", "", {"X": "a", "X_FILE": "/b"})


def test_it_says_which_file_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X_FILE=.*gone can't be read: No such file"):
        env.text("X", "", {"X_FILE": str(tmp_path / "gone")})


def test_it_collects_variables_by_their_prefix(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("two")
    environ = {"P_A": "one", "P_B_FILE": str(tmp_path / "b"), "OTHER": "x"}
    assert env.suffixed("P_", environ) == {"a": "one", "b": "two"}


def test_it_takes_a_database_url_apart() -> None:
    assert env.postgres("postgresql://us%40er:p%2Fw@db.example.org:5433/ai%20os") == {
        "NAME": "ai os",
        "USER": "us@er",
        "PASSWORD": "p/w",
        "HOST": "db.example.org",
        "PORT": "5433",
    }


def test_a_database_url_may_leave_most_out() -> None:
    parts = env.postgres("postgres:///aiosmon")
    assert {name: value for name, value in parts.items() if value} == {"NAME": "aiosmon"}


def test_parameters_of_a_database_url_are_not_lost() -> None:
    url = "postgresql://db.example.org/aiosmon?sslmode=verify-full&sslrootcert=%2Fca.pem"
    assert env.postgres_options(url) == {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}
    assert env.postgres(url)["NAME"] == "aiosmon"
    assert env.postgres_options("") == {}


REFUSED: list[tuple[str, str]] = [
    ("mysql://host/db", "must start with postgresql://, not mysql://"),
    ("host/db", "not nothing://"),
    ("postgresql://host", "names no database"),
    ("postgresql://host/", "names no database"),
    ("postgresql://host:port/db", "the port must be"),
    ("postgresql://host:99999/db", "the port must be"),
]


@pytest.mark.parametrize(("url", "problem"), REFUSED)
def test_it_refuses_a_database_url_by_what_is_wrong(url: str, problem: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=problem) as caught:
        env.postgres(url, "DATABASE_URL")
    assert "DATABASE_URL" in str(caught.value)


def test_an_error_never_shows_a_password() -> None:
    values: list[Any] = ["mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:x/d"]
    for url in values:
        with pytest.raises(ImproperlyConfigured) as caught:
            env.postgres(url)
        assert "hunter2" not in str(caught.value)
