"""What people and programs ask of a task that is sent once: queue it, cancel it, try it again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import IN_FLIGHT_STATUSES, RETRYABLE_STATUSES, ApprovalKind, EventKind, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.models.base import pricing
from django_wanvideo.models.creation import creation
from django_wanvideo.services.installation import installation
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.sending import approvals, quotes
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup
from django_wanvideo.services.tracking.snapshots import CLEAN_SLATE

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser
    from django_stubs_ext import StrOrPromise

    from django_wanvideo.models import Approval
    from django_wanvideo.services.sending.quotes import Quote


def enqueue(
    task: VideoTask,
    *,
    by: AbstractBaseUser | None = None,
    wait: bool = True,
    agreed: Quote | None = None,
    approval: Approval | None = None,
) -> None:
    """Do what ``VideoTask.submit`` does; a worker is woken after commit.

    Args:
        agreed: what the person was shown; a draft that is not that any more is left alone (``quotes.QuoteChanged``).
        approval: what a second person has agreed to, which takes the place of ``agreed``.
    """
    now, host = VideoTask.objects.values_list("status", installation.host_in_row()).get(pk=task.pk)
    task.status = now
    if task.status == TaskStatus.DRAFT:
        _check_complete(task)
        installation.note_host(host)
        price = pricing.price_of(task)
        # What can never be sent needs nobody's approval.
        throttling.admit(price, task.owner_id, wait=True)
        agreed = approvals.admit(task, ApprovalKind.SUBMIT, by=by, agreed=agreed, approval=approval)
        # Only what must not wait needs the claims to stand still while it is queued.
        with contextlib.nullcontext() if wait else database.atomic(), quotes.held_to(task, agreed) as unchanged:
            if not wait:
                throttling.admit(price, task.owner_id, wait=False)
            moved = approvals.advance(
                task,
                TaskStatus.QUEUED,
                approval=approval,
                allowed=frozenset({TaskStatus.DRAFT}),
                kind=EventKind.QUEUED,
                actor=by,
                condition=unchanged,
                queued_at=timezone.now(),
                credits_estimated=price,
            )
        if moved is not None:
            return
        task.status = _status_now(task)
        if task.status == TaskStatus.DRAFT:
            raise quotes.QuoteChanged(_("It was changed meanwhile. Look at it again before it is sent."))
    raise _refusal(task, "submit", _("Only a draft can be submitted; this task is %(status)s."))


def cancel(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Do what ``VideoTask.cancel`` does."""
    queued = frozenset({TaskStatus.QUEUED})
    if lifecycle.advance(task, TaskStatus.CANCELLED, allowed=queued, kind=EventKind.CANCELLED, actor=by) is None:
        task.status = _status_now(task)
        message = _("Only a queued task can be cancelled; this one is %(status)s.")
        if task.status in IN_FLIGHT_STATUSES:
            message = f"{message} {_('EvoLink cannot cancel what it accepted.')}"
        raise _refusal(task, "cancel", message)


def retry(
    task: VideoTask,
    *,
    by: AbstractBaseUser | None = None,
    agreed: Quote | None = None,
    approval: Approval | None = None,
) -> None:
    """Do what ``VideoTask.retry`` does: a video that was paid for and is still at EvoLink is fetched instead.

    Args:
        agreed: what the person was shown; a task that is not that any more is left alone (``quotes.QuoteChanged``),
            never paid for instead.
        approval: what a second person has agreed to, which takes the place of ``agreed``.
    """
    task.refresh_from_db()
    if task.status in RETRYABLE_STATUSES and not download.is_fetchable(task):
        if agreed is not None and agreed.is_free:
            raise quotes.QuoteChanged(quotes.problem(task, agreed))
        _check_complete(task)
        price = pricing.price_of(task)
        throttling.admit(price, task.owner_id, wait=True)
        agreed = approvals.admit(task, ApprovalKind.RETRY, by=by, agreed=agreed, approval=approval)
        installation.note_host(None)
        with quotes.held_to(task, agreed) as unchanged:
            moved = approvals.advance(
                task,
                TaskStatus.QUEUED,
                approval=approval,
                allowed=RETRYABLE_STATUSES,
                kind=EventKind.RETRIED,
                actor=by,
                # A paid video that turns up at this very moment must not be wiped away.
                condition=Q(result_url=task.result_url) & unchanged,
                **_begun_again(task),
                credits_estimated=price,
            )
        if moved is not None:
            return
        task.refresh_from_db()
    if download.is_fetchable(task):
        download.fetch_again(task, by=by)
        return
    if agreed is not None and task.status in RETRYABLE_STATUSES:
        raise quotes.QuoteChanged(_("It was changed meanwhile. Look at it again before it is sent."))
    raise _refusal(task, "retry", _("Only a failed or cancelled task can be tried again; this one is %(status)s."))


def _check_complete(task: VideoTask) -> None:
    try:
        creation.check_complete(task)
    except ValidationError:
        # A task that is deleted at this very moment lacks its picture; it is gone, which is another thing to say.
        _status_now(task)
        raise


def _begun_again(task: VideoTask) -> dict[str, Any]:
    """What a task forgets that is tried again; of an attempt that may still have its video, only once that is known."""
    fresh = {"queued_at": timezone.now(), "progress": 0, "overdue_notified_at": None, "result_refreshed_at": None}
    return fresh if lookup.is_open(task) else fresh | CLEAN_SLATE


def _status_now(task: VideoTask) -> str:
    return str(VideoTask.objects.values_list("status", flat=True).get(pk=task.pk))


def _refusal(task: VideoTask, action: str, message: StrOrPromise) -> TransitionNotAllowed:
    words = {"status": TaskStatus(task.status).label}
    return TransitionNotAllowed(str(message) % words, status=task.status, action=action)
