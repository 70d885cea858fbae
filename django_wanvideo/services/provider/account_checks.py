"""Asking EvoLink whether the account's trouble is over, with a call that costs nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone

from django_wanvideo.db import database
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.services import schedule
from django_wanvideo.services.holds import account, holds, lock
from django_wanvideo.services.holds.account_marks import Trouble, change, is_of_other_keys, of_this_key
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED
from django_wanvideo.services.provider import provider

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.models import SiteState, VideoTask
    from django_wanvideo.services.holds.lock import Delay

logger = logging.getLogger(__name__)

#: Seconds that EvoLink may take: others wait for what it says.
TIMEOUT = 10.0


def refusal(task: VideoTask) -> Delay | None:
    """Say whether a hold keeps ``task`` back, after asking EvoLink if that is due."""
    held = holds.refusal(task)
    if held is not None and held.reason in account.REASONS.values() and check():
        held = holds.refusal(task)
    return held


def is_due() -> bool:
    """Tell whether EvoLink is to be asked."""
    return bool(_due(lock.marks()))


def check(*, now: bool = False) -> bool:
    """Ask EvoLink for the account's credits if that is due, or ``now``; return whether it answered.

    Of several workers one asks: the time of the next check is moved on before the call.
    """
    try:
        client = provider.client(timeout=TIMEOUT)
    except provider.ProviderUnavailable:
        return False
    with database.atomic():
        lock.lock()
        rows = lock.marks()
        names = _due(rows, whenever=now)
        for name in names:
            change(rows[name], _later)
    if not names:
        return False
    try:
        credits_now = client.get_credits()
    except EvoLinkError as error:
        logger.warning("EvoLink could not be asked for the credits: %s", error)
        provider.handle_error(error)
        return False
    account.mark_key_valid()
    account.apply(credits_now)
    return True


def _later(trouble: Trouble) -> Trouble:
    return replace(trouble, checks=trouble.checks + 1, check_at=timezone.now() + schedule.next_probe(trouble.checks))


def _due(rows: Mapping[str, SiteState], *, whenever: bool = False) -> list[str]:
    troubles = {name: of_this_key(rows.get(name)) for name in (KEY_REJECTED, CREDITS_OUT)}
    found = [
        name
        for name, trouble in troubles.items()
        if trouble is not None and not trouble.probing and (whenever or trouble.is_due)
    ]
    # What stands against another key only: whether this one works is not known yet.
    return found or [KEY_REJECTED] * is_of_other_keys(rows.get(KEY_REJECTED))
