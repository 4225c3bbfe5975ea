"""Resource figures of this process since they were last read, for the portal."""

import os

import psutil

Figure = tuple[str, float, str, str]


class Gauges:
    """Peaks are kept between two readings, so that a short burst is not missed."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._cores = os.cpu_count() or 1
        self._process.cpu_percent()  # The first call only sets where counting starts.
        self._in_flight = self._waiting = 0
        self._peak_in_flight = self._peak_waiting = self._peak_batch = 0

    @property
    def waiting(self) -> int:
        """Queries that wait for a worker right now."""
        return self._waiting

    def query_arrived(self) -> None:
        """A query was accepted; it is in flight until `query_left`."""
        self._in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)

    def query_left(self) -> None:
        """A query was answered, well or badly."""
        self._in_flight -= 1

    def wait_began(self) -> None:
        """A query found no free worker."""
        self._waiting += 1
        self._peak_waiting = max(self._peak_waiting, self._waiting)

    def wait_ended(self) -> None:
        """A waiting query got its worker, or gave up."""
        self._waiting -= 1

    def embedded(self, batch: int) -> None:
        """A batch of texts was embedded."""
        self._peak_batch = max(self._peak_batch, batch)

    def read(self) -> list[Figure]:
        """Name, value, unit and component of each figure since the last reading.

        Peaks start again from what is under way now.
        """
        core = "cognitive_core"
        figures: list[Figure] = [
            ("memory_usage", self._process.memory_info().rss / 2**20, "mb", core),
            ("cpu_usage", self._process.cpu_percent() / self._cores, "percent", core),
            ("concurrent_queries", self._peak_in_flight, "count", core),
            ("queue_size", self._peak_waiting, "count", core),
        ]
        if self._peak_batch:
            batch = ("embedding_batch_size", self._peak_batch, "count", "data_intelligence")
            figures.append(batch)
        self._peak_in_flight, self._peak_waiting = self._in_flight, self._waiting
        self._peak_batch = 0
        return figures
