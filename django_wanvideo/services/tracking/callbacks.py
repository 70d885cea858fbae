"""Callbacks: taken in as hints, then checked by reading the task with our own key."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError, ReadError
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, CallbackReceipt, VideoTask, lifecycle
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import binding, duplicates
from django_wanvideo.services.holds import account
from django_wanvideo.services.installation import installation
from django_wanvideo.services.provider import parallel, provider
from django_wanvideo.services.resolution import matching
from django_wanvideo.services.tracking import receipts, snapshots, unmatched

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from django_wanvideo.evolink.client import EvoLinkClient

logger = logging.getLogger(__name__)


def process_pending() -> int:
    """Read every receipt that is due, attempt by attempt; return how many were looked at.

    A receipt whose task cannot be read just now stays due for later; reading one twice changes nothing.
    """
    seen = 0
    if installation.is_foreign():
        return seen
    client: EvoLinkClient | None = None
    while due := receipts.claim():
        attempts = Attempt.objects.filter(pk__in={r.attempt_id for r in due}).select_related("task").in_bulk()
        try:
            client = client or (provider.client() if conf.VERIFY_CALLBACKS else None)
        except provider.ProviderUnavailable as unavailable:
            logger.warning("Callbacks cannot be checked: %s", unavailable)
            receipts.postpone(due, unavailable.until)
            return seen
        groups = receipts.by_message(due)
        if client is not None:
            groups = _read_own(groups, attempts, client)
        while groups:
            if client is not None and (until := provider.backoff_until()) is not None:
                receipts.postpone([other for group in groups for other in group], until)
                return seen + len(due) - sum(map(len, groups))
            same = groups.pop(0)
            receipt, attempt = same[-1], attempts.get(same[-1].attempt_id)
            if attempt is None:
                attempt = unmatched.recover(receipt.attempt_id)
            is_idle = not receipts.may_read(same[0], attempt.provider_task_id if attempt is not None else None)
            receipts.settle(same, done=is_idle or _read_one(attempt, receipt, client))
        seen += len(due)
    return seen


def _read_own(
    groups: list[list[CallbackReceipt]], attempts: Mapping[uuid.UUID, Attempt], client: EvoLinkClient
) -> list[list[CallbackReceipt]]:
    """Read, several at a time, what names the id that its attempt is known to have; return what is left to be read."""
    left: list[list[CallbackReceipt]] = []
    asked: dict[int, tuple[list[CallbackReceipt], Attempt]] = {}
    for same in groups:
        attempt = attempts.get(same[0].attempt_id)
        own_id = attempt.provider_task_id if attempt is not None else None
        if attempt is not None and own_id and same[0].provider_task_id == own_id and not _has_its_video(attempt):
            asked[same[0].pk] = same, attempt
        else:
            left.append(same)
    wanted = [(key, same[0].provider_task_id) for key, (same, _attempt) in asked.items()]
    is_key_valid = False
    with closing(parallel.answers(client, wanted)) as answers:
        for key, answer in answers:
            same, attempt = asked.pop(key)
            _note_callback(attempt, same[-1])
            if isinstance(answer, EvoLinkError):
                provider.handle_error(answer)
                receipts.settle(same, done=_is_gone(same[-1], answer))
                continue
            if not is_key_valid:
                account.mark_key_valid()
            is_key_valid = True
            apply_callback(attempt, answer)
            receipts.settle(same, done=True)
    return [*(same for same, _attempt in asked.values()), *left]


def _note_callback(attempt: Attempt, receipt: CallbackReceipt) -> None:
    if attempt.callback_received_at is not None:
        return
    attempt.callback_received_at = receipt.received_at
    first = Attempt.objects.filter(pk=attempt.pk, callback_received_at=None)
    if first.update(callback_received_at=receipt.received_at):
        lifecycle.record(attempt.task_id, EventKind.CALLBACK, EventSource.CALLBACK, attempt=attempt)


def _read_one(attempt: Attempt | None, receipt: CallbackReceipt, client: EvoLinkClient | None) -> bool:
    """Act on one receipt, whose attempt may have no row; return whether it is settled."""
    provider_id = receipt.provider_task_id
    if attempt is not None:
        _note_callback(attempt, receipt)
        provider_id = provider_id or attempt.provider_task_id or ""
        if not provider_id or (attempt.provider_task_id == provider_id and _has_its_video(attempt)):
            return True
    elif not provider_id:
        logger.warning("A callback of attempt %s, which is not there, names no task.", receipt.attempt_id)
        return True
    elif unmatched.is_settled(receipt.attempt_id):
        logger.info("A callback came late about attempt %s, whose task was deleted.", receipt.attempt_id)
        return True
    snapshot = _snapshot(receipt, provider_id, client)
    if isinstance(snapshot, EvoLinkError):
        return _is_gone(receipt, snapshot)
    if attempt is None:
        unmatched.settle(receipt, snapshot)
        attempt = Attempt.objects.filter(pk=receipt.attempt_id).select_related("task").first()
    if attempt is not None:
        apply_callback(attempt, snapshot)
    return True


def _is_gone(receipt: CallbackReceipt, error: EvoLinkError) -> bool:
    """Tell whether a task that EvoLink does not show us is not asked about again.

    The token was good, so that EvoLink does not show the task now may pass, as with any other look at it.
    """
    # A key that is refused today may be in order tomorrow.
    may_pass = error.http_status == 401 or not isinstance(error, ReadError) or error.transient
    gone = timezone.now() - receipt.received_at > schedule.GIVE_UP and not may_pass
    if isinstance(error, NotFoundError):
        gone = gone and receipt.retry_count + 1 >= schedule.UNKNOWN_ANSWERS
    if gone:
        logger.warning("A callback of attempt %s names a task that EvoLink does not show us.", receipt.attempt_id)
    return gone


def apply_callback(attempt: Attempt, snapshot: TaskSnapshot) -> None:
    """Bind and apply what EvoLink says about an attempt, whatever stage the attempt is in."""
    if attempt.provider_task_id != snapshot.id or _still_running(attempt, snapshot):
        if (why := matching.mismatch_of(attempt, snapshot)) is not None:
            logger.warning("A callback of attempt %s names a task that cannot be its own: %s.", attempt.pk, why)
            if why is matching.Mismatch.CREATED_EARLIER:
                matching.record_earlier(attempt, snapshot)
            return
        if not binding.attach_provider_task(attempt, snapshot, source=EventSource.CALLBACK):
            attempt.refresh_from_db()
            if attempt.provider_task_id != snapshot.id or _still_running(attempt, snapshot):
                duplicates.create_from_duplicate(attempt, snapshot, source=EventSource.CALLBACK)
                other = duplicates.attempt_for(snapshot)
                if other is None or not matching.is_duplicate(attempt, other):
                    return
                attempt = other
    snapshots.apply_snapshot(attempt, snapshot, source=EventSource.CALLBACK)


def _still_running(attempt: Attempt, snapshot: TaskSnapshot) -> bool:
    """Tell whether EvoLink goes on with, or has finished, what was given up here and tried again."""
    if attempt.state != AttemptState.FINISHED or snapshot.status in {ProviderStatus.FAILED, ProviderStatus.CANCELLED}:
        return False
    tried_again = VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.QUEUED).exists()
    return tried_again or not _is_latest(attempt)


def _snapshot(receipt: CallbackReceipt, provider_id: str, client: EvoLinkClient | None) -> TaskSnapshot | EvoLinkError:
    if client is None:
        return TaskSnapshot.parse({**receipt.payload, "id": provider_id})
    try:
        return provider.read(client, provider_id)
    except EvoLinkError as error:
        return error


def _is_latest(attempt: Attempt) -> bool:
    return not Attempt.objects.filter(task_id=attempt.task_id, number__gt=attempt.number).exists()


def _has_its_video(attempt: Attempt) -> bool:
    return attempt.task.status in {TaskStatus.COMPLETED, TaskStatus.STORING} and _is_latest(attempt)
