"""What a person may decide about an unconfirmed task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.exceptions import NotPossible
from django_wanvideo.models import Attempt
from django_wanvideo.services import lifecycle, outcomes, provider, receipts, tracking

if TYPE_CHECKING:
    from typing import Any

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.models import VideoTask

_UNCONFIRMED = frozenset({TaskStatus.UNCONFIRMED})
PERMISSION = "wanvideo.resolve_videotask"


def attach(task: VideoTask, provider_task_id: str, *, by: AbstractBaseUser | None = None) -> None:
    """Tie EvoLink's task to this one after reading it with our own key.

    Raises:
        PermissionDenied: ``by`` may not settle unconfirmed tasks.
        NotPossible: the task is not unconfirmed, or EvoLink's task cannot be its own.
        EvoLinkError: EvoLink does not know the id, or cannot be asked just now.
    """
    _check(by)
    attempt = _unconfirmed_attempt(task)
    snapshot = provider.client().get_task(provider_task_id.strip())
    if not receipts.belongs(attempt, snapshot):
        raise NotPossible(
            _("EvoLink's task is not this one's: it is older, of another model, or belongs to another task here.")
        )
    with transaction.atomic():
        source = EventSource.of(by)
        if not outcomes.bind(attempt, snapshot, source=source, actor=by):
            raise NotPossible(_("This task has been settled meanwhile."))
        _decided(task, by, attempt, "attached")
    tracking.apply(attempt, snapshot, source=source)
    task.refresh_from_db()


def not_accepted(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Settle that EvoLink did not accept it: the task fails, nothing is sent.

    Raises:
        PermissionDenied, NotPossible
    """
    _check(by)
    attempt = _unconfirmed_attempt(task)
    with transaction.atomic():
        moved = lifecycle.advance(
            task,
            TaskStatus.FAILED,
            allowed=_UNCONFIRMED,
            kind=EventKind.FAILED,
            source=EventSource.of(by),
            actor=by,
            attempt=attempt,
            detail={"code": "decided_not_accepted"},
            error_code="decided_not_accepted",
            error_message="",
        )
        _close(moved, attempt, AttemptState.NOT_ACCEPTED)
        _decided(task, by, attempt, "not_accepted")


def send_again(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Queue it again although the first may have been accepted: this may cost twice.

    Raises:
        PermissionDenied, NotPossible
    """
    _check(by)
    attempt = _unconfirmed_attempt(task)
    with transaction.atomic():
        moved = lifecycle.advance(
            task,
            TaskStatus.QUEUED,
            allowed=_UNCONFIRMED,
            kind=EventKind.RETRIED,
            source=EventSource.of(by),
            actor=by,
            attempt=attempt,
            queued_at=timezone.now(),
        )
        _close(moved, attempt, AttemptState.SUPERSEDED)
        _decided(task, by, attempt, "send_again")


def _check(by: AbstractBaseUser | None) -> None:
    """Code may decide (``by=None``); a person needs the permission."""
    allowed: Any = getattr(by, "has_perm", None)
    if by is not None and not (callable(allowed) and allowed(PERMISSION)):
        raise PermissionDenied(_("You may not settle unconfirmed tasks."))


def _unconfirmed_attempt(task: VideoTask) -> Attempt:
    attempt = Attempt.objects.filter(
        task_id=task.pk, state=AttemptState.UNCONFIRMED, task__status=TaskStatus.UNCONFIRMED
    ).first()
    if attempt is None:
        raise NotPossible(_("This task has been settled meanwhile."))
    attempt.task = task
    return attempt


def _close(moved: object | None, attempt: Attempt, state: AttemptState) -> None:
    rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.UNCONFIRMED).update(
        state=state, settled_at=timezone.now()
    )
    if moved is None or not rows:
        raise NotPossible(_("This task has been settled meanwhile."))


def _decided(task: VideoTask, by: AbstractBaseUser | None, attempt: Attempt, decision: str) -> None:
    source = EventSource.of(by)
    lifecycle.record(task, EventKind.DECIDED, source, actor=by, attempt=attempt, detail={"decision": decision})
