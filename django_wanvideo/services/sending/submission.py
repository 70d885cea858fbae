"""What workers do to send a task once: claim, commit, send."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import callback_tokens, catalog
from django_wanvideo.choices import AttemptState, EventKind, EventSource, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.evolink import outcome
from django_wanvideo.evolink.exceptions import EvoLinkError, RejectedError, RetryLater
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Attempt, VideoTask, ledger, lifecycle
from django_wanvideo.models.attempt import attempt_id_of, idempotency_key_of
from django_wanvideo.models.creation import media
from django_wanvideo.services import leases, schedule
from django_wanvideo.services.attempts import binding, delays, settlement
from django_wanvideo.services.holds import account, circuit_breaker, holds, lock
from django_wanvideo.services.installation import installation
from django_wanvideo.services.limits import throttling
from django_wanvideo.services.provider import account_checks, provider
from django_wanvideo.services.tracking import lookup

if TYPE_CHECKING:
    import uuid

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.services.leases import Lease

logger = logging.getLogger(__name__)


class ClaimLost(Exception):  # noqa: N818 - not an error: somebody else settled the attempt
    """The attempt was settled before its request left; nothing has been sent."""


def send(task_id: uuid.UUID) -> None:
    """Send a queued task, if it is due and nothing holds it back.

    An unconfirmed one is asked about with the same key where the site trusts EvoLink's idempotency. Every way out
    leaves the row in a state that the sweep goes on from.
    """
    guard = installation.look_before_sending()
    if guard.is_foreign:
        return
    task = VideoTask.objects.filter(pk=task_id, status__in=[TaskStatus.QUEUED, TaskStatus.UNCONFIRMED]).first()
    if task is None or delays.is_delayed(task):
        return
    if why := guard.keeps_back(task):
        delays.delay(task, why, until=timezone.now() + installation.LOOK_AGAIN)
        return
    if task.status == TaskStatus.UNCONFIRMED:
        _confirm(task)
        return
    try:
        provider.check_backoff()
        # Before the picture is uploaded; the claim looks again, where nobody else can come between.
        held = account_checks.refusal(task) or throttling.check_credits(task)
        if held is not None:
            delays.delay(task, held.reason, until=held.until)
            return
        client = provider.client()
        callback_tokens.check_route()
    except ConfigurationError as error:
        logger.warning("Task %s waits: %s", task.pk, error)
        delays.delay(task, getattr(error, "reason", "misconfigured"), until=timezone.now() + provider.NO_KEY)
        return
    except provider.ProviderUnavailable as busy:
        delays.delay(task, busy.reason, until=busy.until)
        return
    lease = leases.acquire(task.pk, TaskStatus.QUEUED)
    if lease is None:
        return
    try:
        with lease.keep_alive():
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
        unsent = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.CLAIMED, sent_at=None)
        if not unsent.update(sent_at=now, request_count=F("request_count") + 1):
            raise ClaimLost
        attempt.sent_at = now

    try:
        created = provider.create(client, attempt, before_send=mark_sent)
    except ClaimLost:
        logger.info("Attempt %s was settled before it was sent.", attempt.pk)
    except RejectedError as error:
        settlement.record_rejection(attempt, error)
    except RetryLater as error:
        settlement.requeue(attempt, error)
    except EvoLinkError as error:
        settlement.mark_unconfirmed(attempt, error)
    except BaseException as error:
        settlement.handle_interruption(attempt, error)
        raise
    else:
        binding.record_acceptance(attempt, created)


def _confirm(task: VideoTask) -> None:
    lease = leases.acquire(task.pk, TaskStatus.UNCONFIRMED)
    if lease is None:
        return
    try:
        attempt = task.attempts.filter(state=AttemptState.UNCONFIRMED).first()
        if attempt is not None and settlement.may_repeat(attempt):
            # Held for as long as it takes, so that nobody decides over it meanwhile.
            with lease.keep_alive():
                settlement.repeat(attempt)
    finally:
        lease.release()


def _prepare(task: VideoTask, client: EvoLinkClient) -> dict[str, Any] | None:
    """Upload what must be uploaded and build the body; ``None`` when the task was settled instead."""
    try:
        spec = catalog.get(task.model)
        given: dict[str, Any] = {"prompt": task.prompt, "parameters": task.parameters}
        return catalog.build_request(spec, **given, inputs=media.provider_urls(task, client), callback_url=None)
    except FileNotFoundError:
        settlement.fail_before_sending(
            task, "input_missing", _("A file that it needs is gone from this site’s storage.")
        )
    except ValidationError as error:
        settlement.fail_before_sending(task, "invalid_parameters", " ".join(error.messages))
    except EvoLinkError as error:
        if isinstance(error, RejectedError) and account.reason_of(error) is None:
            settlement.fail_before_sending(task, settlement.failure_code(error), error.message)
        elif error.code == outcome.FILES_FULL:
            delays.delay_after_error(task, "files_full", error)
        else:
            delays.delay_after_error(task, "upload_failed", error)
    except media.UnreadableInputError as error:
        logger.exception("Task %s waits: a file of it cannot be read from this site's storage.", task.pk)
        delays.delay_after_error(task, "input_unreadable", error)
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
            if isinstance(admitted, lock.Delay):
                if admitted.reason == circuit_breaker.BUSY and patient:
                    raise circuit_breaker.Busy
                delays.delay(task, admitted.reason, until=admitted.until)
                return None
            held = throttling.check_limits(task)
            if held is not None:
                delays.delay(task, held.reason, until=held.until)
                return None
            moved = lifecycle.advance(
                task,
                TaskStatus.SUBMITTING,
                kind=EventKind.CLAIMED,
                source=EventSource.WORKER,
                condition=lease.is_current & delays.not_delayed(now),
                next_action_at=now + schedule.claim_lifetime(),
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
                logger.info("Task %s is not claimed: the database was found to have gone back.", task.pk)
                database.roll_back()
                return None
            return attempt
    except IntegrityError:
        logger.info("Task %s was claimed by another worker.", task.pk)
        return None
