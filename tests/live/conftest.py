"""One running portal for all live tests: starting it is the expensive part."""

from collections.abc import Iterator

import pytest

from tests.live.portal import Portal, wait_for


@pytest.fixture(scope="session")
def portal() -> Iterator[Portal]:
    """A portal with its demo service, ready; its log is shown when a test fails to get it."""
    running = Portal()
    try:
        wait_for("the portal to be ready", running.ready, 120)
        yield running
    finally:
        print(running.tail(150))  # noqa: T201  # pytest shows it with a failure
        assert running.stop() == 0
