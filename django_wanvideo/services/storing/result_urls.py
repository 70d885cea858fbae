"""Links of a made video: which one to try next, and when none can live any more."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.downloads import DownloadError
from django_wanvideo.downloads.urls import parse_url
from django_wanvideo.evolink.exceptions import NotFoundError
from django_wanvideo.evolink.types import ProviderStatus
from django_wanvideo.http.text import one_line
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.services.leases import Lease

logger = logging.getLogger(__name__)

_STORING = frozenset({TaskStatus.STORING})


@dataclass(frozen=True)
class Asked:
    """What EvoLink said about a made video. ``ended``: code and words, if it now says that there is none."""

    fresh: bool = False
    ended: tuple[str, str] | None = None


def refresh_result_url(task: VideoTask, lease: Lease) -> Asked:
    """Ask EvoLink for the links of a made video and let the task have the next of them, if there is another one.

    Raises:
        ProviderUnavailable: EvoLink must not be asked.
        EvoLinkError: there is no answer now.
    """
    attempt = Attempt.objects.filter(task=task, provider_task_id__isnull=False).order_by("-number").first()
    if attempt is None:
        return Asked()
    with lease.keep_alive():
        snapshot = _fetch_snapshot(attempt)
    if snapshot is not None:
        ledger.report(attempt.pk, snapshot)
    if snapshot is not None and snapshot.status in {ProviderStatus.FAILED, ProviderStatus.CANCELLED}:
        return Asked(ended=_end_of(snapshot))
    now = timezone.now()
    columns: dict[str, object] = {"result_refreshed_at": now}
    link = next_link(task.result_url, snapshot.result_urls if snapshot is not None else ())
    if link:
        ends = now + schedule.RESULT_LIFETIME
        columns |= {"result_url": link, "result_expires_at": ends, "expiry_notified_at": None}
    VideoTask.objects.filter(lease.is_current, pk=task.pk, status=TaskStatus.STORING).update(**columns)
    return Asked(fresh=bool(link))


def _fetch_snapshot(attempt: Attempt) -> TaskSnapshot | None:
    """Return what EvoLink says of an attempt; ``None`` when it says that it does not know it now."""
    try:
        return provider.read(provider.client(), attempt.provider_task_id or "")
    except NotFoundError:
        return None


def next_link(tried: str, links: Sequence[str]) -> str:
    """Return the link after the one that was tried, in a circle; "" if there is no other that may be asked at all."""
    others = list(links)
    if tried in others:
        at = others.index(tried)
        others = [*others[at + 1 :], *others[:at]]
    if len(links) > 1:
        others = [link for link in others if _may_be_asked(link)]
    return others[0] if others else ""


def is_late(task: VideoTask) -> bool:
    """Tell whether a made video cannot be at EvoLink any more, by all that is known of the times.

    The end of a link is computed, not EvoLink's word; and one that is another each time it is asked for ends never.
    """
    now, ends = timezone.now(), task.result_expires_at
    if now <= (task.accepted_at or task.created_at) + schedule.GIVE_UP:
        return ends is not None and now > ends + schedule.RESULT_LIFETIME
    if ends is None or ends <= now:
        return True
    ready = task.events.filter(kind=EventKind.GENERATED).order_by("-id").values_list("created_at", flat=True).first()
    return ready is not None and now > ready + schedule.GIVE_UP


def ending() -> QuerySet[VideoTask]:
    """Return the tasks whose link ends soon, of which nobody was warned yet."""
    soon = timezone.now() + schedule.EXPIRY_WARNING
    return VideoTask.objects.filter(status__in=_STORING, result_expires_at__lte=soon, expiry_notified_at=None)


def warn_of_ends(most: int) -> int:
    """Warn once of each link that ends soon while its video is not stored; return of how many."""
    expiring = ending()[:most]
    for task in expiring:
        until = task.result_expires_at.isoformat() if task.result_expires_at else ""
        detail = {"until": until}
        lifecycle.record_once(task, "expiry_notified_at", EventKind.LINK_EXPIRING, statuses=_STORING, detail=detail)
        logger.warning("The video of task %s is not stored yet and its link ends at %s.", task.pk, until)
    return len(expiring)


def _may_be_asked(link: str) -> bool:
    try:
        parse_url(link, allowed_hosts=tuple(conf.RESULT_HOSTS), allow_private=conf.ALLOW_PRIVATE_HOSTS)
    except DownloadError:
        return False
    return True


def _end_of(snapshot: TaskSnapshot) -> tuple[str, str]:
    if snapshot.error is not None:
        return snapshot.error.code or "unknown_error", one_line(snapshot.error.message)
    return ("request_cancelled" if snapshot.status == ProviderStatus.CANCELLED else "unknown_error"), ""
