"""How much one callback address may bring: a token that leaked must not fill tables or make the site read for ever."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from django_wanvideo.models import CallbackReceipt

if TYPE_CHECKING:
    import uuid

logger = logging.getLogger(__name__)

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


def may_keep(attempt_id: uuid.UUID) -> bool:
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
    if earlier.filter(provider_task_id=named).exists():
        # What was asked about before may be asked about again; whether it was is decided by its first callback.
        first = earlier.filter(provider_task_id=named).order_by("pk").values_list("pk", flat=True).first()
        earlier = earlier.filter(pk__lt=first)
    others = earlier.exclude(provider_task_id__in=["", named, own_id or ""])
    ids = others.order_by("provider_task_id").values_list("provider_task_id", flat=True).distinct()[:MOST_IDS]
    if len(ids) < MOST_IDS:
        return True
    logger.warning("A callback of attempt %s names one id too many and is not read.", receipt.attempt_id)
    return False
