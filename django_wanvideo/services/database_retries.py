"""Writing down what has happened already, while the database restarts."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, OperationalError

from django_wanvideo.db import database

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Seconds between tries.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


def insist(
    write: Callable[[], T],
    *,
    pauses: Sequence[float] | None = None,
    on_error: Callable[[], None] = lambda: None,
) -> T:
    """Return what ``write`` returns; a database that does not answer is waited for, outside of a transaction.

    ``write`` must bear being done twice: an error at its commit does not say that it was rolled back.

    Args:
        pauses: seconds between tries; ``PAUSES`` otherwise.
        on_error: called after each try that failed, before the next.

    Raises:
        DatabaseError: the database is away for longer than the pauses together, or refuses.
    """
    for pause in PAUSES if pauses is None else pauses:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            on_error()
            if database.connection().in_atomic_block:
                raise
            logger.warning("The database does not answer (%s); trying again.", type(error).__name__)
        database.connection().close()
        time.sleep(pause)
    return write()
