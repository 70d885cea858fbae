"""Several threads at the same point at the same time, each with a database connection of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from django.db import connection, connections

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def outcomes(*functions: Callable[[], T], seconds: float = 60.0) -> list[T | Exception]:
    """Call all functions together and return in order what each returned or raised."""
    start = threading.Barrier(len(functions))

    def run(function: Callable[[], T]) -> T | Exception:
        try:
            connection.ensure_connection()
            start.wait(timeout=seconds)
            return function()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(run, function) for function in functions]
        return [future.result(timeout=seconds) for future in futures]


def at_once(*functions: Callable[[], T], seconds: float = 60.0) -> list[T]:
    """Call all functions together and return their results in order; the first exception comes out."""
    results: list[T] = []
    for outcome in outcomes(*functions, seconds=seconds):
        if isinstance(outcome, Exception):
            raise outcome
        results.append(outcome)
    return results
