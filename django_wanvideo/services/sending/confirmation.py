"""Repeating an unknown outcome with the same key, only where the site trusts EvoLink's idempotency."""

from __future__ import annotations

import datetime as dt
import logging

from django.db.models import F
from django.utils import timezone

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError, RetryLater
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services import schedule
from django_wanvideo.services.attempts import binding, settlement
from django_wanvideo.services.holds import account, holds
from django_wanvideo.services.provider import provider

logger = logging.getLogger(__name__)

#: POSTs with one key: the first, and as many repetitions as make sense before a person is asked.
MOST_POSTS = 4


def may_repeat(attempt: Attempt) -> bool:
    """Tell whether the same key and body may be sent once more; after that, or after a while, a person is asked."""
    if not conf.TRUST_IDEMPOTENCY_KEY or attempt.request_count >= MOST_POSTS:
        return False
    asked_at = attempt.sent_at or attempt.claimed_at
    return timezone.now() - asked_at < dt.timedelta(seconds=conf.UNCONFIRMED_DEADLINE)


def repeat(attempt: Attempt) -> None:
    """Send the same key and body again; EvoLink answers with the task it made then, if it made one.

    Only an acceptance settles anything: a refusal now says nothing about then.
    """
    try:
        client = provider.client()
    except provider.ProviderUnavailable as unavailable:
        logger.warning("Attempt %s stays unconfirmed: %s", attempt.pk, unavailable)
        _look_again(attempt, unavailable.until)
        return
    if holds.forbid_repeats():
        _look_again(attempt, timezone.now() + provider.NO_KEY)
        return
    rows = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.UNCONFIRMED)
    if not rows.filter(request_count=attempt.request_count).update(request_count=F("request_count") + 1):
        return
    wait = settlement.unconfirmed_wait(attempt.request_count + 1)
    _look_again(attempt, timezone.now() + schedule.claim_lifetime() + wait)
    try:
        created = provider.create(client, attempt)
    except RetryLater as error:
        # Certainly not looked at by EvoLink, so it does not count.
        rows.update(request_count=F("request_count") - 1)
        wait = schedule.next_send(attempt.request_count, error.retry_after)
        provider.handle_error(error)
        _stays(attempt, error, wait)
    except EvoLinkError as error:
        account.note(error)
        _stays(attempt, error, wait)
    else:
        binding.record_acceptance(attempt, created)


def _stays(attempt: Attempt, error: EvoLinkError, wait: dt.timedelta) -> None:
    logger.warning("Attempt %s stays unconfirmed: %s", attempt.pk, error)
    _look_again(attempt, timezone.now() + wait)


def _look_again(attempt: Attempt, at: dt.datetime) -> None:
    VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.UNCONFIRMED).update(next_action_at=at)
