"""The database that this app's rows are written to, which a site's router may choose."""

from __future__ import annotations

import logging
import threading
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.apps import apps
from django.db import InterfaceError, OperationalError, connections, router, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.transaction import Atomic

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

#: Seconds between tries to write down what has happened already, while the database restarts.
RETRY_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


def alias() -> str:
    """Return the alias in ``DATABASES`` that tasks are written to."""
    return router.db_for_write(apps.get_model("wanvideo", "VideoTask"))


def connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to that database."""
    return connections[alias()]


def atomic(*, durable: bool = False) -> Atomic:
    """Return a transaction on that database, as ``transaction.atomic()`` does on the default one."""
    return transaction.atomic(using=alias(), durable=durable)


def in_transaction(function: Callable[P, T]) -> Callable[P, T]:
    """Run each call of ``function`` in a transaction on that database, which is looked up at the call."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with atomic():
            return function(*args, **kwargs)

    return run


def within(seconds: float, failure: str, *works: Callable[[], Any]) -> list[Any]:
    """Do all ``works`` at once; return what each returns, ``None`` for one that raises or is not done in time.

    In threads, because a name that is looked up and a storage know no time limit. They end by themselves and leave no
    connection open.

    Args:
        failure: what is logged of one that raises, before its error.
    """
    answers: list[Any] = [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            answers[number] = work()
        except Exception as error:
            logger.warning("%s (%s: %s)", failure, type(error).__name__, error)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=pair, name="wanvideo-within", daemon=True) for pair in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    # A copy: what comes too late must not change what is being done with these.
    return list(answers)


def roll_back() -> None:
    """Let the present block of a transaction on that database end without a trace, and without an error."""
    transaction.set_rollback(True, using=alias())


def on_commit(function: Callable[[], Any]) -> None:
    """Call ``function`` once the present transaction on that database has committed; what it raises is logged."""

    def call() -> None:
        # Django's own line about a robust callback that raised wants a ``__qualname__``, which a partial has not.
        function()

    transaction.on_commit(call, using=alias(), robust=True)


def insist(
    write: Callable[[], T],
    *,
    pauses: Sequence[float] | None = None,
    on_error: Callable[[], None] = lambda: None,
) -> T:
    """Return what ``write`` returns; a database that does not answer is waited for, outside of a transaction.

    ``write`` must bear being done twice: an error at its commit does not say that it was rolled back.

    Args:
        pauses: seconds between tries; ``RETRY_PAUSES`` otherwise.
        on_error: called after each try that failed, before the next.

    Raises:
        DatabaseError: the database is away for longer than the pauses together, or refuses.
    """
    for pause in RETRY_PAUSES if pauses is None else pauses:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            on_error()
            if connection().in_atomic_block:
                raise
            logger.warning("The database does not answer (%s); trying again.", type(error).__name__)
        connection().close()
        time.sleep(pause)
    return write()
