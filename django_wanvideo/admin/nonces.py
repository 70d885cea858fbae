"""Pages that may be sent once: reload, back, a double click and a second tab lead to the same result.

A used nonce is a row whose primary key it is, so that of two requests at once the database lets one through. What makes
something uses its nonce up first, in the same transaction: a second request waits there until the first has ended.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django.core import signing
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

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


def is_unknown(token: str, user: Any) -> bool:
    """Tell whether there is a token of which nobody can say any more whether it was used. No token at all is none."""
    return bool(token) and read(token, user) is None


def unknown_words() -> str:
    """Return what to tell the person whose page has such a token."""
    return _(
        "This page was open for more than a day, or was made for somebody else, so we cannot tell whether it was sent "
        "already. Look at the list; if what you want is not there, press the button again."
    )


def spend(data: dict[str, Any], result: dict[str, Any] | None = None) -> bool:
    """Use the nonce up; return whether this was the first time.

    Inside a transaction it is used up only if that commits; a second request waits for the end of the first.
    """
    name = PREFIX + data["n"]
    try:
        with database.atomic():
            SiteState(name=name, value=result or {}).save(force_insert=True)
    except IntegrityError:
        return False
    old = timezone.now() - 2 * LIFETIME
    SiteState.objects.filter(name__startswith=PREFIX, updated_at__lt=old).delete()
    return True


def give_back(data: dict[str, Any]) -> None:
    """Let a nonce that was used up in this transaction be used after all: nothing came of it."""
    SiteState.objects.filter(name=PREFIX + data["n"]).delete()


def note(data: dict[str, Any], **result: Any) -> None:
    """Write down what came of a used nonce."""
    SiteState.objects.filter(name=PREFIX + data["n"]).update(value=result)


def result_of(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return what came of a used nonce; ``None`` when it is still unused."""
    value = SiteState.objects.filter(name=PREFIX + data["n"]).values_list("value", flat=True).first()
    return value if isinstance(value, dict) else None
