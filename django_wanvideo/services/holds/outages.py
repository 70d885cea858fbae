"""Trouble that many tasks meet at once is the account's or EvoLink's and not theirs: it is told once, for the site."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import SiteState, VideoTask

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

#: So many tasks with the same trouble at once are no coincidence.
MANY = 3
#: The name under which it is remembered that this was said.
TOGETHER = "polling_trouble"

_LOOKED_AT = (TaskStatus.PENDING, TaskStatus.PROCESSING)


def note_trouble(code: str) -> None:
    """Say once for the site when looks at many tasks bring no word about them; ``code`` is what they brought."""
    if is_everybodys() and SiteState.objects.get_or_create(name=TOGETHER, defaults={"value": {"code": code}})[1]:
        logger.error(
            "EvoLink has no word about many of this site's tasks (%s). If it says that it does not know them, the key may "
            "be another account's. They are looked at again, and none fails for it.",
            code,
        )


def note_end() -> None:
    """A task that EvoLink had no word about has been answered; what was many may be few now."""
    if not is_everybodys():
        SiteState.objects.filter(name=TOGETHER).delete()


def is_everybodys() -> bool:
    """Tell whether the latest looks at many tasks brought no word about them."""
    return _are_many(VideoTask.objects.filter(status__in=_LOOKED_AT, failed_looks__gt=0))


def many_lack_a_file() -> bool:
    """Tell whether EvoLink calls many tasks done without giving a file of them."""
    return _are_many(VideoTask.objects.filter(status__in=_LOOKED_AT, result_expires_at__isnull=False))


def _are_many(rows: QuerySet[VideoTask]) -> bool:
    return len(rows.order_by().values_list("pk")[:MANY]) >= MANY
