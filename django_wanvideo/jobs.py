"""Thin entry points for RQ: ids in, nothing else. Everything they need is read from the database.

Models are imported inside, after Django is set up, so that workers that spawn instead of fork can load this module.
"""

from __future__ import annotations

import uuid
from functools import wraps
from typing import TYPE_CHECKING

import django
from django.apps import apps

if TYPE_CHECKING:
    from collections.abc import Callable


def _job(function: Callable[..., None]) -> Callable[..., None]:
    """Set Django up where a fresh process has not, and use no database connection that has gone stale."""

    @wraps(function)
    def run(*ids: str) -> None:
        if not apps.ready:
            django.setup()
        _drop_stale_connections()
        try:
            function(*(uuid.UUID(value) for value in ids))
        finally:
            _drop_stale_connections()

    return run


def _drop_stale_connections() -> None:
    """Do what Django does around a request; a job that runs inside a transaction keeps its connection."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


@_job
def submit(*task_ids: uuid.UUID) -> None:
    """Send queued tasks; without ids, ask EvoLink whether what holds sending back is over."""
    from django_wanvideo.services.provider import account_checks
    from django_wanvideo.services.sending import submission

    if not task_ids:
        account_checks.check()
    for task_id in task_ids:
        submission.send(task_id)


@_job
def sync(*task_ids: uuid.UUID) -> None:
    """Look at tasks that EvoLink has; without ids, read the callbacks that have come in."""
    from django_wanvideo import queue
    from django_wanvideo.services.tracking import callbacks, polling

    if task_ids:
        polling.sync(task_ids)
    else:
        queue.clear_pending_read()
        callbacks.process_pending()


@_job
def store(*task_ids: uuid.UUID) -> None:
    """Copy finished videos into the site's storage."""
    from django_wanvideo.services.storing import download

    for task_id in task_ids:
        download.store(task_id)


@_job
def poster(*task_ids: uuid.UUID) -> None:
    """Take the still pictures of stored videos."""
    from django_wanvideo.services.storing import posters

    for task_id in task_ids:
        posters.make(task_id)


@_job
def join(*film_ids: uuid.UUID) -> None:
    """Join the parts of films."""
    from django_wanvideo.chains import joining

    for film_id in film_ids:
        joining.make(film_id)


@_job
def notify(*task_ids: uuid.UUID) -> None:
    """Deliver signals of what has happened to tasks."""
    from django_wanvideo.mail import collecting
    from django_wanvideo.services import notifications

    for task_id in task_ids:
        notifications.deliver(task_id, collecting.collect)


@_job
def mail() -> None:
    """Send the e-mails that are due."""
    from django_wanvideo.mail import delivery

    delivery.send_due()


@_job
def batch(*batch_ids: uuid.UUID) -> None:
    """Go on with batches: make their tasks, send, cancel or try them again, and tell that they have ended."""
    from django_wanvideo.batches import work

    for batch_id in batch_ids:
        work.work(batch_id)


@_job
def sums() -> None:
    """Sum the days of the ledger that are over."""
    from django_wanvideo.spending import keeping

    keeping.keep_sums()


def answer() -> None:
    """Do nothing; that it was done tells the doctor that workers do what they are given."""


def run_here(job: str, *ids: str) -> bool:
    """Do a job in this process, for sites and tests without RQ."""
    known = {"submit": submit, "sync": sync, "store": store, "poster": poster, "join": join}
    (known | {"notify": notify, "batch": batch, "mail": mail, "sums": sums})[job](*ids)
    return True
