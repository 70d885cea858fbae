"""A person's pause of all sending, which only a person ends."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.db import database
from django_wanvideo.models import SiteState
from django_wanvideo.models.base import people
from django_wanvideo.services.holds import circuit_breaker, holds, lock
from django_wanvideo.services.holds.account_marks import change
from django_wanvideo.services.holds.lock import CREDITS_OUT, KEY_REJECTED, PAUSED

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.services.holds.lock import Hold

logger = logging.getLogger(__name__)

PERMISSION = "wanvideo.pause_sending"


def pause(*, by: AbstractBaseUser | None = None, reason: str = "") -> bool:
    """Hold sending back until a person resumes it; return whether it was not held by a person already.

    Raises PermissionDenied where ``by`` may not pause sending.
    """
    people.check_permission(by, PERMISSION, _("You may not pause or resume sending."))
    with database.atomic():
        lock.lock()
        value = {"since": timezone.now().isoformat(), "by": _name(by), "reason": reason.strip()[:500]}
        _state, made = SiteState.objects.get_or_create(name=PAUSED, defaults={"value": value})
    if made:
        logger.warning("Sending was paused by %s.", _name(by) or "the site's code")
    return made


def resume(*, by: AbstractBaseUser | None = None) -> list[Hold]:
    """End a person's pause. Where another hold stands, one task is sent to see whether it is over; it stays otherwise.

    Returns the holds that still stand. Raises PermissionDenied where ``by`` may not pause sending.
    """
    people.check_permission(by, PERMISSION, _("You may not pause or resume sending."))
    with database.atomic():
        row = lock.lock()
        rows = lock.marks()
        circuit_breaker.allow_probe(row)
        for name in (KEY_REJECTED, CREDITS_OUT):
            if name in rows:
                change(rows[name], lambda trouble: replace(trouble, asked=True))
        if PAUSED in rows:
            rows[PAUSED].delete()
            lock.note_end(row)
    lock.release(*holds.REASONS)
    logger.warning("Sending was resumed by %s.", _name(by) or "the site's code")
    return holds.standing()


def _name(by: AbstractBaseUser | None) -> str:
    return people.username_of(by) if by is not None else ""
