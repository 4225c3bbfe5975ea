"""One portal for all exporters: each has its own key and service."""

from collections.abc import Iterator

import pytest

from tests.otlp import instrumented
from tests.otlp.portal import Portal, Relay, running

# “again” is for what is sent a second time, so that it is counted apart.
EXPORTERS = ("traces", "judged", "logs", "again")


@pytest.fixture(scope="package")
def portal() -> Iterator[Portal]:
    """Running."""
    with running(*EXPORTERS, *instrumented.NAMES) as started:
        yield started


@pytest.fixture(scope="package")
def services(portal: Portal) -> Iterator[dict[str, instrumented.Service]]:
    """Instrumented services, which have made all their calls; by instrumentation."""
    with instrumented.run_all(portal) as done:
        yield done


@pytest.fixture
def relay(portal: Portal) -> Iterator[Relay]:
    """In front of the portal."""
    made = Relay(portal.url)
    yield made
    made.close()
