"""The database that this app's rows are written to, which a site's router may choose."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from django.apps import apps
from django.db import connections, router, transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.transaction import Atomic

P = ParamSpec("P")
T = TypeVar("T")


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


def roll_back() -> None:
    """Let the present block of a transaction on that database end without a trace, and without an error."""
    transaction.set_rollback(True, using=alias())


def on_commit(function: Callable[[], Any]) -> None:
    """Call ``function`` once the present transaction on that database has committed; what it raises is logged."""

    def call() -> None:
        # Django's own line about a robust callback that raised wants a ``__qualname__``, which a partial has not.
        function()

    transaction.on_commit(call, using=alias(), robust=True)
