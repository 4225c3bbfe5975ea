"""Several real database sessions at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Run each function in a thread with a session of its own; their results in order."""

    def run(function: Callable[[], Any]) -> Any:
        try:
            return function()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [*pool.map(run, functions)]
