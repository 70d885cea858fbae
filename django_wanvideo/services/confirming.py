"""Repeating an unknown outcome with the same key, only where the site trusts EvoLink's idempotency."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.evolink.errors import EvoLinkError, RejectedError, WaitError
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import Attempt, VideoTask
from django_wanvideo.services import callback_urls, outcomes, provider

if TYPE_CHECKING:
    from django_wanvideo.models import Attempt as AttemptType

logger = logging.getLogger(__name__)

#: POSTs with one key: the first, and as many repetitions as make sense before a person is asked.
MOST_POSTS = 4


def may_repeat(attempt: AttemptType) -> bool:
    """Tell whether the same key and body may be sent once more."""
    return attempt.posts < MOST_POSTS


def repeat(attempt: AttemptType) -> None:
    """Send the same key and body again; EvoLink answers with the task it made then, if it made one.

    Only an acceptance settles anything: a refusal now says nothing about then.
    """
    claimed = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.UNCONFIRMED, posts=attempt.posts).update(
        posts=F("posts") + 1
    )
    if not claimed:
        return
    wait = outcomes.unconfirmed_wait(attempt.posts + 1)
    VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.UNCONFIRMED).update(
        next_action_at=timezone.now() + outcomes.claim_lifetime() + wait
    )
    try:
        client = provider.client()
        created = client.create(callback_urls.with_callback(attempt), idempotency_key=attempt.idempotency_key)
    except (ConfigurationError, RejectedError, WaitError, EvoLinkError) as error:
        logger.warning("Attempt %s stays unconfirmed: %s", attempt.pk, error)
        VideoTask.objects.filter(pk=attempt.task_id, status=TaskStatus.UNCONFIRMED).update(
            next_action_at=timezone.now() + wait
        )
        return
    outcomes.accepted(attempt, created)
