"""The rows of callbacks that came in: kept by one INSERT, taken by one worker, due again when nothing could be learned.

A token that leaked must not fill tables or make the site read for ever, so one address may bring only so much.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import OrderedDict
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.utils import timezone

from django_wanvideo import queue
from django_wanvideo.db import database, timestamps
from django_wanvideo.models import CallbackReceipt
from django_wanvideo.services import schedule

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

CHUNK = 200
#: How long receipts are left to the worker that took them.
VISIBILITY_TIMEOUT = dt.timedelta(seconds=60)
#: EvoLink calls back at most four times about one video; so many receipts of one attempt are kept.
MOST_RECEIPTS = 100
#: A callback is one INSERT and nothing else; only after so many in an hour are an attempt's receipts counted.
MANY, HOUR = 20, 3600.0
#: An attempt has one video, seldom a second; so many ids that are not its own are asked about in all.
MOST_IDS = 20
#: So many addresses are remembered by one process.
_MOST_KNOWN = 10_000

_line = threading.Lock()
#: By attempt: when the hour began, and how many came to this process since.
_seen: OrderedDict[uuid.UUID, tuple[float, int]] = OrderedDict()


def receive(attempt_id: uuid.UUID, provider_task_id: str, payload: Mapping[str, Any]) -> None:
    """Keep a callback whose token was good, as a hint: one INSERT, and one wake-up for a whole burst of them."""
    if not _may_keep(attempt_id):
        return
    receipt = CallbackReceipt(attempt_id=attempt_id, provider_task_id=provider_task_id[:200], payload=dict(payload))
    # Straight to its database: a manager would look that up twice more.
    receipt.save(force_insert=True, using=database.alias())
    queue.request_callback_read()


def _may_keep(attempt_id: uuid.UUID) -> bool:
    """Count a callback; tell whether it is kept. The rows are asked only about an address that is used much."""
    now = time.monotonic()
    with _line:
        began, count = _seen.pop(attempt_id, (now, 0))
        if now - began > HOUR:
            began, count = now, 0
        _seen[attempt_id] = (began, count + 1)
        if len(_seen) > _MOST_KNOWN:
            _seen.popitem(last=False)
    if count < MANY or CallbackReceipt.objects.filter(attempt_id=attempt_id).count() < MOST_RECEIPTS:
        return True
    logger.warning("A callback of attempt %s is not kept: its address seems to be known to others.", attempt_id)
    return False


def may_read(receipt: CallbackReceipt, own_id: str | None) -> bool:
    """Tell whether EvoLink is asked about the id that a callback names: its own, or one of the first few others."""
    named = receipt.provider_task_id
    if not named or named == own_id:
        return True
    earlier = CallbackReceipt.objects.filter(attempt_id=receipt.attempt_id, pk__lt=receipt.pk)
    # What was asked about before may be asked about again; whether it was is decided by its first callback.
    first = earlier.filter(provider_task_id=named).order_by("pk").values_list("pk", flat=True).first()
    if first is not None:
        earlier = earlier.filter(pk__lt=first)
    others = earlier.exclude(provider_task_id__in=["", named, own_id or ""])
    ids = others.order_by("provider_task_id").values_list("provider_task_id", flat=True).distinct()[:MOST_IDS]
    if len(ids) < MOST_IDS:
        return True
    logger.warning("A callback of attempt %s names one id too many and is not read.", receipt.attempt_id)
    return False


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
            ours = CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in due])
            ours.update(process_at=now + VISIBILITY_TIMEOUT, retry_count=F("retry_count") + 1)
    return due


def settle(same: list[CallbackReceipt], *, done: bool) -> None:
    postpone(same, None if done else timezone.now() + schedule.next_callback_read(same[-1].retry_count))


def postpone(receipts: list[CallbackReceipt], until: dt.datetime | None) -> None:
    CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in receipts]).update(process_at=until)


def by_message(due: list[CallbackReceipt]) -> list[list[CallbackReceipt]]:
    """Group receipts that say the same, oldest first: one reading settles all of a group."""
    groups: dict[tuple[uuid.UUID, str], list[CallbackReceipt]] = {}
    for receipt in due:
        groups.setdefault((receipt.attempt_id, receipt.provider_task_id), []).append(receipt)
    return list(groups.values())
