"""What a person may decide about an unconfirmed task, and about one that only needs to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.choices import ApprovalKind, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, VideoTask, lifecycle
from django_wanvideo.models.base import people
from django_wanvideo.services import leases
from django_wanvideo.services.attempts import binding
from django_wanvideo.services.resolution import matching
from django_wanvideo.services.resolution.matching import Mismatch
from django_wanvideo.services.sending import approvals, quotes
from django_wanvideo.services.tracking import polling, snapshots

if TYPE_CHECKING:
    import datetime as dt

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.evolink.types import TaskSnapshot
    from django_wanvideo.models import Approval

PERMISSION = "wanvideo.resolve_videotask"
#: What stands in the history of a failure that somebody has seen and does not want to be reminded of any more.
DISMISSED, RESTORED = "dismissed", "dismissal_undone"


class CreatedBeforeAttempt(TransitionNotAllowed):
    """EvoLink began the task before the attempt was made: it is another one, or this site's clock was ahead.

    ``attach(..., allow_earlier=True)`` takes it all the same.
    """


class FitsOthers(TransitionNotAllowed):
    """EvoLink's task may come from another open request of this site just as well.

    Where the person may see all of these, ``attach(..., among_others=True)`` takes it all the same.
    """


def attach(
    task: VideoTask,
    provider_task_id: str,
    *,
    by: AbstractBaseUser | None = None,
    allow_earlier: bool = False,
    visible: QuerySet[VideoTask] | None = None,
    among_others: bool = False,
    number: int | None = None,
) -> None:
    """Tie EvoLink's task to this one after reading it with our own key.

    Args:
        allow_earlier: whether it may have begun before the attempt was made.
        visible: the tasks that the person may see, where that is to be heeded: what fits a request of another task, too,
            is refused unless the person sees that one and says ``among_others``.
        among_others: whether it may fit other open requests, because somebody has compared them.
        number: of the attempt that the decision is about; a later one is left alone.

    Raises:
        PermissionDenied: ``by`` may not settle unconfirmed tasks.
        TransitionNotAllowed: the task is not unconfirmed, or EvoLink's task cannot be its own (also ``FitsOthers`` and
            ``CreatedBeforeAttempt``); and what ``polling.fetch_snapshot`` raises.
    """
    attempt = _unconfirmed_attempt(task, number, by)
    snapshot = polling.fetch_snapshot(provider_task_id.strip())
    why = matching.mismatch_of(attempt, snapshot)
    if why is Mismatch.CREATED_EARLIER and not allow_earlier:
        raise CreatedBeforeAttempt(_older_words(attempt, snapshot))
    if why is Mismatch.OTHER_MODEL or why is Mismatch.TAKEN:
        message = _("EvoLink's task is not this one's: it is of another model, or belongs to another task here.")
        raise _refusal(task, message)
    if visible is not None:
        _check_others(attempt, snapshot, visible, among_others=among_others)
    source = EventSource.of(by)
    with database.atomic():
        if not binding.attach_provider_task(attempt, snapshot, source=source, actor=by):
            raise _refusal(task, _("This task has been settled meanwhile."))
        _decided(task, by, attempt, "attached", **({"allow_earlier": True} if why is Mismatch.CREATED_EARLIER else {}))
    snapshots.apply_snapshot(attempt, snapshot, source=source)
    task.refresh_from_db()


def _check_others(
    attempt: Attempt, snapshot: TaskSnapshot, visible: QuerySet[VideoTask], *, among_others: bool
) -> None:
    others = matching.also_fitting(attempt, snapshot)
    seen = set(visible.filter(pk__in=[other.task_id for other in others]).values_list("pk", flat=True))
    if any(other.task_id not in seen for other in others):
        # Nothing about the other one is told: not even whose it is.
        message = _(
            "This video may belong to another request of this site that you may not see. Ask somebody who may see all of "
            "them to decide."
        )
        raise FitsOthers(message)
    if others and not among_others:
        message = ngettext(
            "This video may belong to %(n)s other request of this site as well. Compare them, then tick that it is this "
            "one.",
            "This video may belong to %(n)s other requests of this site as well. Compare them, then tick that it is this "
            "one.",
            len(others),
        )
        raise FitsOthers(message % {"n": len(others)})


def _older_words(attempt: Attempt, snapshot: TaskSnapshot) -> str:
    def clock(moment: dt.datetime) -> str:
        return timezone.localtime(moment).isoformat(" ", "seconds")

    return _(
        "EvoLink began that video at %(created)s, before this site made its request at %(claimed)s. If the site's clock "
        "was ahead, it can be attached even so (allow_earlier)."
    ) % {"created": clock(snapshot.created or attempt.claimed_at), "claimed": clock(attempt.claimed_at)}


def mark_not_accepted(task: VideoTask, *, by: AbstractBaseUser | None = None, number: int | None = None) -> None:
    """Settle that EvoLink did not accept it: the task fails, nothing is sent.

    Args:
        number: of the attempt that the decision is about; a later one is left alone.

    Raises:
        PermissionDenied: ``by`` may not settle unconfirmed tasks.
        TransitionNotAllowed: the task is not unconfirmed, or its request is being repeated at this moment.
    """
    attempt = _unconfirmed_attempt(task, number, by)
    code = "decided_not_accepted"
    told: dict[str, Any] = {"kind": EventKind.FAILED, "detail": {"code": code}, "error_code": code, "error_message": ""}
    _move(task, attempt, by, TaskStatus.FAILED, AttemptState.NOT_ACCEPTED, "not_accepted", **told)


def resend(
    task: VideoTask, *, by: AbstractBaseUser | None = None, number: int | None = None, approval: Approval | None = None
) -> None:
    """Queue it again although the first may have been accepted: this may cost twice.

    Takes and raises what ``mark_not_accepted`` does, and ``ApprovalRequired``; ``approval`` is what a second person has
    agreed to.
    """
    attempt = _unconfirmed_attempt(task, number, by)
    agreed = approvals.admit(task, ApprovalKind.RESEND, by=by, approval=approval)
    told = {"kind": EventKind.RETRIED, "queued_at": timezone.now(), **approvals.columns(approval)}
    with database.atomic(), quotes.held_to(task, agreed) as unchanged:
        held = unchanged & approvals.granted(approval)
        _move(task, attempt, by, TaskStatus.QUEUED, AttemptState.SUPERSEDED, "send_again", held, **told)
        if approval is not None:
            approvals.note_approved(task, approval)


def _refusal(task: VideoTask, message: str) -> TransitionNotAllowed:
    return TransitionNotAllowed(message, status=task.status, action="resolve")


def _unconfirmed_attempt(task: VideoTask, number: int | None, by: AbstractBaseUser | None) -> Attempt:
    people.check_permission(by, PERMISSION, _("You may not settle unconfirmed tasks."))
    lost = Attempt.objects.filter(state=AttemptState.UNCONFIRMED, task__status=TaskStatus.UNCONFIRMED)
    attempt = lost.filter(task_id=task.pk).first()
    if attempt is None:
        raise _refusal(task, _("This task has been settled meanwhile."))
    if number is not None and attempt.number != number:
        message = _("This was decided meanwhile, and another request was sent. Look at what is known of that one.")
        raise _refusal(task, message)
    attempt.task = task
    return attempt


def _move(
    task: VideoTask,
    attempt: Attempt,
    by: AbstractBaseUser | None,
    to: TaskStatus,
    state: AttemptState,
    decision: str,
    only_if: Q | None = None,
    **options: Any,
) -> None:
    """Move the task as a person says, unless a worker repeats the request and so is about to learn the outcome."""
    not_repeated = leases.is_free()
    with database.atomic():
        moved = lifecycle.move_with_attempt(
            attempt,
            to,
            state=state,
            only=Q(state=AttemptState.UNCONFIRMED),
            task=task,
            allowed=frozenset({TaskStatus.UNCONFIRMED}),
            actor=by,
            condition=not_repeated & (only_if or Q()),
            **options,
        )
        if moved is not None:
            _decided(task, by, attempt, decision)
            return
    stands = VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.UNCONFIRMED)
    if stands.exclude(not_repeated).exists():
        raise _refusal(task, _("EvoLink is being asked about this task at this moment. Wait a minute, then decide."))
    raise _refusal(task, _("This task has been settled meanwhile."))


def _decided(task: VideoTask, by: AbstractBaseUser | None, attempt: Attempt, decision: str, **more: bool) -> None:
    lifecycle.record(task, EventKind.RESOLVED, actor=by, attempt=attempt, detail={"decision": decision} | more)


def can_be_dismissed(task: VideoTask) -> bool:
    """Tell whether the task needs attention only until somebody has seen it."""
    return task.dismissed_at is None and (task.status == TaskStatus.FAILED or task.unmatched)


def dismiss(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Let a failed task need no attention any more; trying it again undoes that.

    Raises TransitionNotAllowed where it has not failed, or is dismissed already.
    """
    dismissible = VideoTask.objects.filter(Q(status=TaskStatus.FAILED) | Q(unmatched=True), dismissed_at=None)
    message = _("Only a failed task that is not dismissed yet can be dismissed.")
    _set_dismissed(task, dismissible, timezone.now(), by, "dismiss", DISMISSED, message)


def restore(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Let a dismissed task need attention again. Raises TransitionNotAllowed where it is not dismissed."""
    dismissed = VideoTask.objects.filter(dismissed_at__isnull=False)
    _set_dismissed(task, dismissed, None, by, "restore", RESTORED, _("This task is not dismissed."))


def _set_dismissed(
    task: VideoTask,
    rows: QuerySet[VideoTask],
    at: dt.datetime | None,
    by: AbstractBaseUser | None,
    action: str,
    told: str,
    message: str,
) -> None:
    with database.atomic():
        if not rows.filter(pk=task.pk).update(dismissed_at=at):
            raise TransitionNotAllowed(message, status=task.status, action=action)
        lifecycle.record(task, EventKind.NOTE, actor=by, detail={"reason": told})
    task.dismissed_at = at
