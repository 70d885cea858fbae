"""Confirmation pages that may be sent once: reload, back, a double click and a second tab send nothing more.

A used nonce is a row whose primary key it is, so that of two requests at once the database lets one through.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django.core import signing
from django.db import IntegrityError
from django.utils import timezone

from django_wanvideo import database
from django_wanvideo.models import SiteState

SALT = "django_wanvideo.admin.nonces"
PREFIX = "nonce:"
#: How long an open page can still be sent.
LIFETIME = dt.timedelta(days=1)


def issue(user: Any, **payload: Any) -> str:
    """Return a signed, compressed token for ``user`` that carries ``payload``."""
    data = {"n": secrets.token_hex(16), "u": str(user.pk), **payload}
    return signing.dumps(data, salt=SALT, compress=True)


def read(token: str, user: Any) -> dict[str, Any] | None:
    """Return what the token carries, or ``None`` when it is forged, too old, or another person's."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    if not isinstance(data, dict) or data.get("u") != str(user.pk):
        return None
    return data


def spend(data: dict[str, Any]) -> bool:
    """Use the nonce up; return whether this was the first time.

    Inside a transaction it is used up only if that commits; a second request waits for the end of the first.
    """
    name = PREFIX + data["n"]
    try:
        with database.atomic():
            SiteState(name=name, value={}).save(force_insert=True)
    except IntegrityError:
        return False
    old = timezone.now() - 2 * LIFETIME
    SiteState.objects.filter(name__startswith=PREFIX, updated_at__lt=old).delete()
    return True
