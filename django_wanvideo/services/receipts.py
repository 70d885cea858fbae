"""Callbacks: taken in as hints, then checked by reading the task with our own key."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.answers import TaskSnapshot
from django_wanvideo.evolink.errors import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Attempt, CallbackReceipt
from django_wanvideo.services import lifecycle, outcomes, provider, schedule, second_results, tracking

if TYPE_CHECKING:
    from django_wanvideo.evolink.client import EvoLinkClient

logger = logging.getLogger(__name__)

CHUNK = 200
#: Seconds that EvoLink's clock may be behind ours.
CLOCK_SKEW = dt.timedelta(seconds=120)
#: How long a callback whose task EvoLink does not know is asked for again.
GIVE_UP = dt.timedelta(minutes=10)


def read_due() -> int:
    """Read every receipt that is due, attempt by attempt; return how many were looked at.

    A receipt whose task cannot be read just now stays due for later; reading one twice changes nothing.
    """
    seen = 0
    client: EvoLinkClient | None = None
    while True:
        now = timezone.now()
        due = list(CallbackReceipt.objects.filter(due_at__lte=now).order_by("id")[:CHUNK])
        if not due:
            return seen
        # Pushed on first, so that a worker that dies here does not lose it and a second one does not read it too.
        pks = [receipt.pk for receipt in due]
        CallbackReceipt.objects.filter(pk__in=pks).update(due_at=now + dt.timedelta(seconds=60), tries=F("tries") + 1)
        attempts = Attempt.objects.filter(pk__in={r.attempt_id for r in due}).select_related("task").in_bulk()
        if client is None and conf.VERIFY_CALLBACKS:
            client = _client_or_put_off(due)
            if client is None:
                return seen
        for receipt in _latest_of_each(due):
            attempt = attempts.get(receipt.attempt_id)
            done = attempt is None or _read_one(attempt, receipt, client)
            same = [
                r.pk
                for r in due
                if r.attempt_id == receipt.attempt_id and r.provider_task_id == receipt.provider_task_id
            ]
            CallbackReceipt.objects.filter(pk__in=same).update(
                due_at=None if done else timezone.now() + schedule.next_receipt_try(receipt.tries)
            )
        seen += len(due)


def _read_one(attempt: Attempt, receipt: CallbackReceipt, client: EvoLinkClient | None) -> bool:
    """Act on one receipt; return whether it is settled."""
    if attempt.callback_received_at is None:
        Attempt.objects.filter(pk=attempt.pk, callback_received_at=None).update(
            callback_received_at=receipt.received_at
        )
        lifecycle.record(attempt.task_id, EventKind.CALLBACK, EventSource.CALLBACK, attempt=attempt)
    provider_id = receipt.provider_task_id or attempt.provider_task_id or ""
    if not provider_id:
        return True
    if attempt.provider_task_id == provider_id and attempt.state != AttemptState.ACCEPTED and _has_ended(attempt):
        return True
    snapshot = _snapshot(receipt, provider_id, client)
    if isinstance(snapshot, EvoLinkError):
        gone = isinstance(snapshot, NotFoundError) and timezone.now() - receipt.received_at > GIVE_UP
        if gone:
            logger.warning("A callback of attempt %s names a task that EvoLink does not know.", attempt.pk)
        return gone
    act_on(attempt, snapshot)
    return True


def act_on(attempt: Attempt, snapshot: TaskSnapshot) -> None:
    """Bind and apply what EvoLink says about an attempt, whatever stage the attempt is in."""
    if attempt.provider_task_id != snapshot.id:
        if not belongs(attempt, snapshot):
            logger.warning("A callback of attempt %s names a task that cannot be its own; ignored.", attempt.pk)
            return
        if not outcomes.bind(attempt, snapshot, source=EventSource.CALLBACK):
            attempt.refresh_from_db()
            if attempt.provider_task_id != snapshot.id:
                second_results.adopt(attempt, snapshot, source=EventSource.CALLBACK)
                other = second_results.known_task(snapshot)
                if other is None or not _is_second_result(attempt, other):
                    return
                attempt = other
    tracking.apply(attempt, snapshot, source=EventSource.CALLBACK)


def belongs(attempt: Attempt, snapshot: TaskSnapshot) -> bool:
    """Tell whether EvoLink's task can have come from this attempt: not older, same model, nobody else's."""
    if snapshot.created is not None and snapshot.created < attempt.claimed_at - CLOCK_SKEW:
        return False
    if snapshot.model and snapshot.model != attempt.request.get("model"):
        return False
    other = Attempt.objects.filter(provider_task_id=snapshot.id).exclude(pk=attempt.pk).select_related("task").first()
    return other is None or _is_second_result(attempt, other)


def _is_second_result(attempt: Attempt, other: Attempt) -> bool:
    return other.task.parent_id == attempt.task_id and other.idempotency_key == attempt.idempotency_key


def _snapshot(receipt: CallbackReceipt, provider_id: str, client: EvoLinkClient | None) -> TaskSnapshot | EvoLinkError:
    if client is None:
        return TaskSnapshot.parse({**receipt.payload, "id": provider_id})
    try:
        return client.get_task(provider_id)
    except EvoLinkError as error:
        provider.note_key_answer(error)
        if error.http_status == 429:
            provider.pause(error.retry_after)
        return error


def _has_ended(attempt: Attempt) -> bool:
    return attempt.task.status in {TaskStatus.COMPLETED, TaskStatus.STORING}


def _client_or_put_off(due: list[CallbackReceipt]) -> EvoLinkClient | None:
    """Return a client, or put the receipts off when EvoLink may not be asked now."""
    until = provider.paused_until()
    try:
        client = provider.client()
    except ConfigurationError:
        logger.warning("Callbacks cannot be checked: WANVIDEO['API_KEY'] is empty in this worker.")
        until = timezone.now() + dt.timedelta(seconds=60)
    if until is None:
        return client
    CallbackReceipt.objects.filter(pk__in=[receipt.pk for receipt in due]).update(due_at=until)
    return None


def _latest_of_each(due: list[CallbackReceipt]) -> list[CallbackReceipt]:
    latest = {(receipt.attempt_id, receipt.provider_task_id): receipt for receipt in due}
    return list(latest.values())
