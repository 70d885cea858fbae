"""What a person was shown before the press: free or the price, and what it is the price of.

A page carries a ``Quote`` for each task; the press moves only the task that still is what was shown.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.choices import TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, MediaInput, VideoTask
from django_wanvideo.models.base import pricing
from django_wanvideo.services.storing import download

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What stands for a price where the video is only fetched.
FREE = "free"


class QuoteChanged(TransitionNotAllowed):
    """What was shown does not hold any more; nothing was changed or sent. The message says what holds now."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What one press was said to do.

    ``credits`` is ``None`` where the press only fetches a video that is paid for. ``attempt`` is the number of the
    latest attempt, 0 before the first. ``digest`` stands for what would be sent and for when it was queued last.
    ``as_of`` is the date of the price list.
    """

    credits: Decimal | None
    attempt: int
    digest: str
    as_of: str

    @property
    def is_free(self) -> bool:
        """Whether it only fetches what is paid for."""
        return self.credits is None

    def pack(self) -> list[Any]:
        """Return it as JSON, shortly."""
        return [FREE if self.credits is None else str(self.credits), self.attempt, self.digest, self.as_of]

    @classmethod
    def unpack(cls, packed: Sequence[Any]) -> Self:
        """Read what ``pack`` made. Raises ValueError for anything else."""
        try:
            price, attempt, digest, as_of = packed
            return cls(None if price == FREE else Decimal(price), int(attempt), str(digest), str(as_of))
        except (TypeError, InvalidOperation) as error:
            raise ValueError("This is no quote.") from error


def quote(task: VideoTask) -> Quote:
    """Return what one press would do with ``task`` now: submit a draft, retry what has ended.

    Raises ValidationError where the catalogue does not know its model or settings any more.
    """
    number, digest = _latest(task), digest_of(task)
    if download.is_fetchable(task):
        return Quote(None, number, digest, "")
    as_of = catalog.get(task.model).price.as_of
    return Quote(pricing.price_of(task), number, digest, as_of.isoformat())


def fetching(task: VideoTask) -> Quote:
    """Return the quote of a button that only fetches."""
    return Quote(None, _latest(task), digest_of(task), "")


def digest_of(task: VideoTask) -> str:
    """Return a short text that differs where something else would be sent, or where it was queued in between."""
    kept = task.inputs.all()
    inputs = sorted((item.role, item.position, item.file.name or "", item.url, item.size or 0) for item in kept)
    queued = task.queued_at.isoformat() if task.queued_at is not None else ""
    content = [task.model, task.prompt, task.parameters, inputs, queued]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


def problem(task: VideoTask, shown: Quote) -> str:
    """Return why ``shown`` does not hold for ``task`` as it was read, or an empty string."""
    if download.is_fetchable(task):
        # Free is never worse than what was shown.
        return ""
    try:
        now = pricing.price_of(task)
    except ValidationError as error:
        return " ".join(error.messages)
    if shown.credits is None:
        return _("Its link has ended; trying again costs %(now)s.") % {"now": amount(now)}
    if _latest(task) != shown.attempt:
        return _("It was tried again meanwhile. Look at it again.")
    prices = {"shown": amount(shown.credits), "now": amount(now)}
    if digest_of(task) != shown.digest:
        if now == shown.credits:
            return _("It was changed meanwhile. Look at it again before it is sent.")
        return _("It was changed meanwhile: %(shown)s was shown, it is %(now)s now.") % prices
    if now != shown.credits:
        return _("The price has changed: %(shown)s was shown, it is %(now)s now.") % prices
    return ""


@contextlib.contextmanager
def held_to(task: VideoTask, shown: Quote | None) -> Iterator[Q]:
    """Give a condition for the UPDATE that moves ``task``: it still is what was shown. ``None`` asks for nothing.

    Where the database locks rows, the row stays locked in the block, so that what was compared is what is moved;
    elsewhere the condition itself names all that would be sent.

    Raises:
        QuoteChanged: what was shown does not hold any more.
    """
    if shown is None:
        yield Q()
        return
    lockable = database.connection().features.has_select_for_update
    with database.atomic() if lockable else contextlib.nullcontext():
        # Inputs are read once: those that are compared are those that the condition names.
        rows = VideoTask.objects.filter(pk=task.pk).prefetch_related("inputs")
        now = (rows.select_for_update() if lockable else rows).first()
        if now is None:
            raise QuoteChanged(_("It was deleted meanwhile."))
        if now.status == task.status and (why := problem(now, shown)):
            raise QuoteChanged(why)
        condition = Q(model=now.model, prompt=now.prompt, queued_at=now.queued_at)
        condition &= ~Q(Exists(Attempt.objects.filter(task=OuterRef("pk"), number__gt=shown.attempt)))
        if not lockable:
            condition &= _same_content(now)
        yield condition


def _same_content(task: VideoTask) -> Q:
    rows = MediaInput.objects.filter(task=OuterRef("pk"))
    kept = task.inputs.all()
    same = Q(parameters=task.parameters) & ~Q(Exists(rows.exclude(pk__in=[item.pk for item in kept])))
    for item in kept:
        same &= Q(Exists(rows.filter(pk=item.pk, role=item.role, file=item.file.name or "", url=item.url)))
    return same


def _latest(task: VideoTask) -> int:
    if task.status == TaskStatus.DRAFT:
        return 0
    if "attempts" in getattr(task, "_prefetched_objects_cache", {}):
        return max((attempt.number for attempt in task.attempts.all()), default=0)
    return task.attempts.order_by("-number").values_list("number", flat=True).first() or 0


def amount(credits_: Decimal) -> str:
    """Return credits as a table shows them."""
    return number_format(credits_.quantize(Decimal("0.01"), ROUND_HALF_UP), decimal_pos=2)
