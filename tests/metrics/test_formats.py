"""Figures as people read them."""

from datetime import timedelta

import pytest

from metrics import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.00123, "0.00123"),
        (0.5, "0.5"),
        (4.256, "4.26"),
        (43.25, "43.2"),
        (99.96, "100"),
        (12345.6, "12,346"),
        (-1500, "-1,500"),
    ],
)
def test_it_writes_a_number(value: float | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (5210, "ms", "5,210 ms"),
        (3600, "seconds", "3,600 s"),
        (4096, "mb", "4,096 MB"),
        (12.5, "percent", "12.5 %"),
        (4.3, "score", "4.3 of 5"),
        (100, "count", "100"),
        (7, "furlongs", "7 furlongs"),
        (None, "ms", "–"),
    ],
)
def test_it_writes_a_measurement(value: float | None, unit: str, text: str) -> None:
    assert formats.measure(value, unit).replace("\u00a0", " ") == text


def test_two_figures_that_differ_never_look_alike() -> None:
    assert formats.measures(100.4, 100, "count") == ("100.400", "100")
    assert formats.measures(100, 100, "count") == ("100", "100")


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "–"),
        (0, 10, "0 %"),
        (10, 10, "100 %"),
        (997, 1000, "99.7 %"),
        (9999, 10000, "99.99 %"),
        (999999, 1000000, "99.99 %"),
        (9496, 10000, "94.9 %"),
        (1, 100000, "< 0.1 %"),
    ],
)
def test_it_rounds_a_share_down(part: int, whole: int, text: str) -> None:
    assert formats.share(part, whole).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200000, "2 d")]
)
def test_it_writes_an_age(seconds: int, text: str) -> None:
    assert formats.age(timedelta(seconds=seconds)).replace("\u00a0", " ") == text
