"""Writing down what has happened already, while the database restarts."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from django.db import InterfaceError, OperationalError

from django_wanvideo.db import database

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Seconds between tries.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)


def insist(write: Callable[[], T]) -> T:
    """Return what ``write`` returns; a database that does not answer is waited for, outside of a transaction.

    ``write`` must bear being done twice: an error at its commit does not say that it was rolled back.

    Raises:
        DatabaseError: the database is away for longer than ``PAUSES`` together, or refuses.
    """
    for pause in PAUSES:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            if database.connection().in_atomic_block:
                raise
            logger.warning("The database does not answer (%s); trying again.", type(error).__name__)
        database.connection().close()
        time.sleep(pause)
    return write()
