"""The rows of callbacks that came in: kept by one INSERT, taken by one worker, due again when nothing could be learned."""

from __future__ import annotations

import datetime as dt
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.db import database, timestamps
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services import schedule
from django_wanvideo.services.tracking import callback_limits

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

CHUNK = 200
#: How long receipts are left to the worker that took them.
VISIBILITY_TIMEOUT = dt.timedelta(seconds=60)


def receive(attempt_id: uuid.UUID, provider_task_id: str, payload: Mapping[str, Any]) -> None:
    """Keep a callback whose token was good, as a hint: one INSERT, and one wake-up for a whole burst of them."""
    if not callback_limits.may_keep(attempt_id):
        return
    receipt = CallbackReceipt(attempt_id=attempt_id, provider_task_id=provider_task_id[:200], payload=dict(payload))
    # Straight to its database: a manager would look that up twice more.
    receipt.save(force_insert=True, using=database.alias())
    queue.request_callback_read()


def is_due() -> Q:
    """A condition on receipts: one is to be read now."""
    return timestamps.is_over("process_at", timestamps.LONGEST_PAUSE)


def claim() -> list[CallbackReceipt]:
    """Take due receipts, pushed on first: a worker that dies does not lose them, and a second one takes others."""
    now = timezone.now()
    rows = CallbackReceipt.objects.filter(is_due()).order_by("process_at", "id")
    # Where rows cannot be locked one by one, two workers may read the same ones: needless, but harmless.
    lockable = database.connection().features.has_select_for_update_skip_locked
    with database.atomic() if lockable else nullcontext():
        due = list((rows.select_for_update(skip_locked=True) if lockable else rows)[:CHUNK])
        if due:
            CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in due]).update(
                process_at=now + VISIBILITY_TIMEOUT, retry_count=F("retry_count") + 1
            )
    return due


def settle(same: list[CallbackReceipt], *, done: bool) -> None:
    CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in same]).update(
        process_at=None if done else timezone.now() + schedule.next_callback_read(same[-1].retry_count)
    )


def postpone(receipts: list[CallbackReceipt], until: dt.datetime) -> None:
    CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in receipts]).update(process_at=until)


def by_message(due: list[CallbackReceipt]) -> list[list[CallbackReceipt]]:
    """Group receipts that say the same, oldest first: one reading settles all of a group."""
    groups: dict[tuple[uuid.UUID, str], list[CallbackReceipt]] = {}
    for receipt in due:
        groups.setdefault((receipt.attempt_id, receipt.provider_task_id), []).append(receipt)
    return list(groups.values())
