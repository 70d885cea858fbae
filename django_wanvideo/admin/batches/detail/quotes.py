"""What a button for many videos was said to do: to how many, for how many credits, and as they stood then."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from django.core import signing
from django.core.exceptions import ValidationError
from django.db.models import prefetch_related_objects
from django.utils.translation import ngettext

from django_wanvideo import catalog
from django_wanvideo.admin.presentation import formats, prices
from django_wanvideo.services.storing import download

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from django_wanvideo.models import Batch, VideoTask

#: Tasks that are read at a time.
_CHUNK = 500
SALT = "django_wanvideo.admin.batches.detail.quotes"


@dataclass(frozen=True)
class Quote:
    """What one press was said to do: to how many videos, for how many credits. ``digest`` stands for which, and when."""

    count: int
    credits: Decimal
    digest: str

    @property
    def words(self) -> str:
        """The number and the price."""
        words = ngettext("%(n)s for about %(credits)s credits", "%(n)s for about %(credits)s credits", self.count)
        return words % {"n": self.count, "credits": formats.credits_on_button(self.credits)}

    def sign(self, request: HttpRequest, batch: Batch, verb: str) -> str:
        """Return it as its button carries it."""
        packed = [str(request.user.pk), batch.pk.hex, verb, self.count, str(self.credits), self.digest]
        return signing.dumps(packed, salt=SALT)


def quote(tasks: QuerySet[VideoTask]) -> Quote:
    """Return what sending all ``tasks`` costs now, by one query, and one for their clips; a video that is only fetched costs nothing."""
    columns = ("model", "parameters", "status", "credits_estimated", "queued_at", "result_url", "result_expires_at")
    digest, total, count = hashlib.sha256(), Decimal(0), 0
    known: dict[str, Decimal] = {}
    # Of these the price depends on the clips that they were given.
    billed = frozenset(spec.id for spec in catalog.known() if spec.price.input_seconds)
    rows = tasks.order_by("pk").only(*columns).iterator(_CHUNK)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        prefetch_related_objects([task for task in chunk if task.model in billed], "inputs")
        for task in chunk:
            price = Decimal(0) if download.is_fetchable(task) else _price(task, known, billed)
            digest.update(f"{task.pk.hex} {task.queued_at} {price}\n".encode())
            total, count = total + price, count + 1
    return Quote(count, total, digest.hexdigest()[:24])


def _price(task: VideoTask, known: dict[str, Decimal], billed: frozenset[str]) -> Decimal:
    clips = sorted((item.role, str(item.seconds)) for item in task.inputs.all()) if task.model in billed else []
    wish = json.dumps([task.model, task.parameters, clips], sort_keys=True)
    if wish not in known:
        try:
            known[wish] = prices.price_now(task) or Decimal(0)
        except ValidationError:
            # It is not sent, and says why when it is tried.
            known[wish] = task.credits_estimated or Decimal(0)
    return known[wish]
