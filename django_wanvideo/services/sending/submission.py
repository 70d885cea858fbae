"""Sending a task once: queue, claim, commit, send."""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import callback_tokens, catalog
from django_wanvideo.choices import IN_FLIGHT_STATUSES, AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.evolink.exceptions import EvoLinkError, OutcomeUnknownError, RejectedError, WaitError
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.models.attempt import attempt_id_of, idempotency_key_of
from django_wanvideo.models.creation import creation, media
from django_wanvideo.services import leases
from django_wanvideo.services.attempts import delays, settlement
from django_wanvideo.services.holds import account, circuit_breaker, holds, lock
from django_wanvideo.services.installation import installation
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.provider import account_checks, provider
from django_wanvideo.services.sending import confirmation, quotes
from django_wanvideo.services.storing import download
from django_wanvideo.services.tracking import lookup

if TYPE_CHECKING:
    import uuid

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.services.leases import Lease
    from django_wanvideo.services.sending.quotes import Quote

logger = logging.getLogger(__name__)


class ClaimLost(Exception):  # noqa: N818 - not an error: somebody else settled the attempt
    """The attempt was settled before its request left; nothing has been sent."""


def enqueue(
    task: VideoTask, *, by: AbstractBaseUser | None = None, wait: bool = True, agreed: Quote | None = None
) -> None:
    """Queue a draft to be sent once; a worker is woken after commit.

    Args:
        wait: whether it may wait in the queue for credits that a limit does not give now.
        agreed: what the person was shown; a draft that is not that any more is left alone.

    Raises:
        TransitionNotAllowed: it is not a draft, or not what was shown (``quotes.QuoteChanged``).
        BudgetExceeded: it costs more than a limit allows at all or, with ``wait=False``, more than is left.
        ValidationError: it is not complete, keyed by field.
    """
    now, host = VideoTask.objects.values_list("status", installation.host_in_row()).get(pk=task.pk)
    task.status = now
    is_draft = task.status == TaskStatus.DRAFT
    if is_draft:
        _check_complete(task)
    installation.note_host(host)
    price = catalog.estimate(catalog.get(task.model), task.parameters)
    # Only what must not wait needs the claims to stand still while it is queued.
    with (
        contextlib.nullcontext() if wait else database.atomic(),
        quotes.held_to(task, agreed if is_draft else None) as unchanged,
    ):
        if is_draft:
            throttling.admit(price, task.owner_id, wait=wait)
        moved = lifecycle.advance(
            task,
            TaskStatus.QUEUED,
            allowed=frozenset({TaskStatus.DRAFT}),
            kind=EventKind.QUEUED,
            source=EventSource.of(by),
            actor=by,
            guard=unchanged,
            queued_at=timezone.now(),
            credits_estimated=price,
        )
    if moved is None:
        task.status = _status_now(task)
        if task.status == TaskStatus.DRAFT:
            raise quotes.QuoteChanged(_("It was changed meanwhile. Look at it again before it is sent."))
        raise TransitionNotAllowed(
            _("Only a draft can be submitted; this task is %(status)s.") % _words(task),
            status=task.status,
            action="submit",
        )


def cancel(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Cancel a task that has not been sent.

    Raises:
        TransitionNotAllowed: it has been sent, or has ended.
    """
    moved = lifecycle.advance(
        task,
        TaskStatus.CANCELLED,
        allowed=frozenset({TaskStatus.QUEUED}),
        kind=EventKind.CANCELLED,
        source=EventSource.of(by),
        actor=by,
    )
    if moved is None:
        task.status = _status_now(task)
        message = _("Only a queued task can be cancelled; this one is %(status)s.") % _words(task)
        if task.status in IN_FLIGHT_STATUSES:
            message = f"{message} {_('EvoLink cannot cancel what it accepted.')}"
        raise TransitionNotAllowed(message, status=task.status, action="cancel")


def retry(task: VideoTask, *, by: AbstractBaseUser | None = None, agreed: Quote | None = None) -> None:
    """Queue a failed or cancelled task again.

    A new attempt is a new charge, so a video that was paid for and is still at EvoLink is fetched instead. A worker
    asks EvoLink about earlier attempts before it sends another.

    Args:
        agreed: what the person was shown; a task that is not that any more is left alone, never paid for instead.

    Raises:
        TransitionNotAllowed: it has neither failed nor been cancelled, or is not what was shown (``quotes.QuoteChanged``).
        BudgetExceeded: it costs more than a limit on credits allows at all.
        ValidationError: the catalogue no longer accepts it, keyed by field.
    """
    task.refresh_from_db()
    if download.is_fetchable(task):
        download.fetch_again(task, by=by)
        return
    ended = task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED}
    if ended and agreed is not None and agreed.is_free:
        raise quotes.QuoteChanged(quotes.problem(task, agreed))
    if ended:
        _check_complete(task)
    price = catalog.estimate(catalog.get(task.model), task.parameters)
    if ended:
        throttling.admit(price, task.owner_id, wait=True)
    installation.note_host(None)
    with quotes.held_to(task, agreed if ended else None) as unchanged:
        moved = lifecycle.advance(
            task,
            TaskStatus.QUEUED,
            allowed=frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED}),
            kind=EventKind.RETRIED,
            source=EventSource.of(by),
            actor=by,
            # A paid video that turns up at this very moment must not be wiped away.
            guard=Q(result_url=task.result_url) & unchanged,
            **_begun_again(task),
            credits_estimated=price,
        )
    if moved is None:
        task.refresh_from_db()
        if download.is_fetchable(task):
            download.fetch_again(task, by=by)
            return
        if agreed is not None and task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED}:
            raise quotes.QuoteChanged(_("It was changed meanwhile. Look at it again before it is sent."))
        raise TransitionNotAllowed(
            _("Only a failed or cancelled task can be tried again; this one is %(status)s.") % _words(task),
            status=task.status,
            action="retry",
        )


def send(task_id: uuid.UUID) -> None:
    """Send a queued task, if it is due and nothing holds it back.

    An unconfirmed one is asked about with the same key where the site trusts EvoLink's idempotency. Every way out
    leaves the row in a state that the sweep goes on from.
    """
    guard = installation.look_before_sending()
    if guard.is_foreign:
        return
    task = VideoTask.objects.filter(pk=task_id, status__in=[TaskStatus.QUEUED, TaskStatus.UNCONFIRMED]).first()
    if task is None or delays.is_held(task):
        return
    if why := guard.keeps_back(task):
        delays.hold(task, why, until=timezone.now() + installation.LOOK_AGAIN)
        return
    if task.status == TaskStatus.UNCONFIRMED:
        _confirm(task)
        return
    if delays.is_held(task):
        return
    if (paused := provider.paused_until()) is not None:
        delays.hold(task, "evolink_busy", until=paused)
        return
    # Before the picture is uploaded; the claim looks again, where nobody else can come between.
    held = account_checks.refusal(task) or throttling.credits_hold(task)
    if held is not None:
        delays.hold(task, held.reason, until=held.until)
        return
    try:
        client = provider.client()
        callback_tokens.check_route()
    except ConfigurationError as error:
        reason = "misconfigured" if conf.api_key() else "no_api_key"
        delays.hold(task, reason, until=timezone.now() + delays.NO_KEY)
        logger.warning("Task %s waits: %s", task.pk, error)
        return
    lease = leases.acquire(task.pk, TaskStatus.QUEUED)
    if lease is None:
        return
    try:
        with lease.kept():
            body = _prepare(task, client) if lookup.may_send(task, client) else None
        attempt = _claim_in_turn(task, lease, body) if body is not None else None
    finally:
        lease.release()
    if attempt is not None:
        post(attempt, client)


def post(attempt: Attempt, client: EvoLinkClient) -> None:
    """Make the one POST of an attempt and settle what came of it.

    Anything that is no answer of EvoLink's (a job time-out, a lost database) is settled by what is known, and raised.
    """

    def mark_sent() -> None:
        now = timezone.now()
        rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.CLAIMED, sent_at=None).update(
            sent_at=now, request_count=F("request_count") + 1
        )
        if not rows:
            raise ClaimLost
        attempt.sent_at = now

    try:
        created = provider.create(client, attempt, before_send=mark_sent)
    except ClaimLost:
        logger.info("Attempt %s was settled before it was sent.", attempt.pk)
    except RejectedError as error:
        settlement.rejected(attempt, error)
    except WaitError as error:
        settlement.put_off(attempt, error)
    except (OutcomeUnknownError, EvoLinkError) as error:
        settlement.unknown(attempt, error)
    except BaseException as error:
        settlement.interrupted(attempt, error)
        raise
    else:
        settlement.accepted(attempt, created)


def _check_complete(task: VideoTask) -> None:
    try:
        creation.check_complete(task)
    except ValidationError:
        # A task that is deleted at this very moment lacks its picture; it is gone, which is another thing to say.
        _status_now(task)
        raise


def _confirm(task: VideoTask) -> None:
    lease = leases.acquire(task.pk, TaskStatus.UNCONFIRMED)
    if lease is None:
        return
    try:
        attempt = task.attempts.filter(state=AttemptState.UNCONFIRMED).first()
        if attempt is not None and confirmation.may_repeat(attempt):
            # Held for as long as it takes, so that nobody decides over it meanwhile.
            with lease.kept():
                confirmation.repeat(attempt)
    finally:
        lease.release()


def _prepare(task: VideoTask, client: EvoLinkClient) -> dict[str, Any] | None:
    """Upload what must be uploaded and build the body; ``None`` when the task was settled instead."""
    try:
        spec = catalog.get(task.model)
        urls = media.provider_urls(task, client)
        return catalog.build_request(
            spec, prompt=task.prompt, parameters=task.parameters, inputs=urls, callback_url=None
        )
    except FileNotFoundError:
        settlement.fail_unsent(task, "input_missing", _("The picture's file is gone from this site's storage."))
    except ValidationError as error:
        settlement.fail_unsent(task, "invalid_parameters", " ".join(error.messages))
    except RejectedError as error:
        if account.reason_of(error) is not None:
            delays.put_off(task, "upload_failed", error)
        else:
            settlement.fail_unsent(task, settlement.code_with_advice(error), error.message)
    except EvoLinkError as error:
        delays.put_off(task, "upload_failed", error)
    except media.UnreadableInputError as error:
        logger.exception("Task %s waits: its picture cannot be read from this site's storage.", task.pk)
        delays.put_off(task, "input_unreadable", error)
    return None


def _claim_in_turn(task: VideoTask, lease: Lease, body: dict[str, Any]) -> Attempt | None:
    """Claim the task; while as many requests as may be are under way, wait for a moment rather than put it off."""
    until = time.monotonic() + circuit_breaker.PATIENCE
    patient = True
    while True:
        try:
            return _claim(task, lease, body, patient=patient)
        except circuit_breaker.Busy:
            patient = circuit_breaker.wait_for_turn(until)


def _claim(task: VideoTask, lease: Lease, body: dict[str, Any], *, patient: bool = False) -> Attempt | None:
    """Commit ``queued → submitting`` together with the attempt; ``None`` when another worker or a limit came first.

    Raises:
        Busy: only where ``patient``; nothing was claimed, but it may be in a moment.
    """
    now = timezone.now()
    try:
        # Durable: the claim must be on disk before the request leaves, not wait for some outer transaction.
        with database.atomic(durable=True):
            admitted = holds.admit(task)
            if isinstance(admitted, lock.Held):
                if admitted.reason == circuit_breaker.BUSY and patient:
                    raise circuit_breaker.Busy
                delays.hold(task, admitted.reason, until=admitted.until)
                return None
            held = throttling.hold_for(task)
            if held is not None:
                delays.hold(task, held.reason, until=held.until)
                return None
            moved = lifecycle.advance(
                task,
                TaskStatus.SUBMITTING,
                kind=EventKind.CLAIMED,
                source=EventSource.WORKER,
                guard=lease.held & delays.not_held(now),
                next_action_at=now + settlement.claim_lifetime(),
            )
            if moved is None:
                return None
            admitted.use()
            last = task.attempts.order_by("-number").values_list("number", flat=True).first() or 0
            attempt_id = attempt_id_of(task.pk, last + 1)
            attempt = Attempt.objects.create(
                id=attempt_id,
                task=task,
                number=last + 1,
                idempotency_key=idempotency_key_of(attempt_id),
                request=callback_tokens.without_token(body, attempt_id),
            )
            ledger.open_entry(task, attempt)
            moved.attempt = attempt
            moved.save(update_fields=["attempt"])
            # Last, as all claims of the site pass this row.
            if not installation.count_claim():
                raise settlement.Undo
            return attempt
    except settlement.Undo:
        logger.info("Task %s was not claimed: the database was found to have gone back.", task.pk)
        return None
    except IntegrityError:
        logger.info("Task %s was claimed by another worker.", task.pk)
        return None


def _begun_again(task: VideoTask) -> dict[str, Any]:
    """What a task forgets that is tried again; of an attempt that may still have its video, only once that is known."""
    fresh = {"queued_at": timezone.now(), "progress": 0, "overdue_notified_at": None, "result_refreshed_at": None}
    return fresh if lookup.is_open(task) else fresh | lookup.CLEAN_SLATE


def _status_now(task: VideoTask) -> str:
    return str(VideoTask.objects.values_list("status", flat=True).get(pk=task.pk))


def _words(task: VideoTask) -> dict[str, str]:
    return {"status": str(TaskStatus(task.status).label)}
