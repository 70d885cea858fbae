"""What stands against one key of EvoLink's, as it is kept in a row: by a salted hash of the key, never the key."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.crypto import salted_hmac

from django_wanvideo.conf import conf
from django_wanvideo.services.holds import lock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django_wanvideo.models import SiteState

#: A key's limit for a day is over by then, whatever the time zone and its clock changes.
LONGEST_DAY = dt.timedelta(hours=26)
#: A key that no process has tried for so long is no longer in use.
FORGOTTEN = dt.timedelta(hours=1)

#: The key that EvoLink took last, where something stands against another one.
_WORKING = "working"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands against one key. Amounts are in credits."""

    since: dt.datetime
    check_at: dt.datetime
    http_status: int = 0
    code: str = ""
    #: How often EvoLink was asked whether it is over, or a task was sent to see.
    checks: int = 0
    #: When EvoLink last reported what is left, and how much that was, less what was sent since.
    checked_at: dt.datetime | None = None
    spendable: Decimal | None = None
    #: The price of what was refused.
    refused: Decimal | None = None
    #: What EvoLink reports does not explain what it refuses: only sending a task can show whether it is over.
    probing: bool = False
    #: A person wants one task to be sent in spite of it.
    asked: bool = False
    #: When the key's limit for a day ends.
    resets_at: dt.datetime | None = None

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Trouble:
        """Read what ``as_json`` wrote; what is missing or odd makes it due now."""
        now = timezone.now()
        if (resets_at := lock.moment(value, "resets_at")) is not None:
            resets_at = lock.believed(resets_at, LONGEST_DAY)
        longest = LONGEST_DAY if resets_at is not None else lock.LONGEST_WAIT
        return cls(
            since=min(lock.moment(value, "since") or now, now),
            check_at=lock.believed(lock.moment(value, "check_at"), longest),
            http_status=int(value.get("http_status") or 0),
            code=str(value.get("code") or ""),
            checks=int(value.get("checks") or 0),
            checked_at=lock.moment(value, "checked_at"),
            spendable=_decimal(value.get("spendable")),
            refused=_decimal(value.get("refused")),
            probing=bool(value.get("probing")),
            asked=bool(value.get("asked")),
            resets_at=resets_at,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it for a row."""
        plain: dict[type, Callable[[Any], Any]] = {dt.datetime: dt.datetime.isoformat, Decimal: str}
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        kept = {name: value for name, value in values.items() if value not in (None, "")}
        return {name: plain.get(type(value), lambda same: same)(value) for name, value in kept.items()}

    @property
    def is_due(self) -> bool:
        """Whether EvoLink may be asked, or a task be sent to see."""
        return self.check_at <= timezone.now()


def fingerprint() -> str:
    """Return a salted hash of this process's key; empty where it has none."""
    key = conf.api_key()
    return salted_hmac("django_wanvideo.account", key, algorithm="sha256").hexdigest()[:20] if key else ""


def of_this_key(state: SiteState | None) -> Trouble | None:
    """Return what stands against this process's key; one without a key sees what stands against any."""
    found = [Trouble.parse(value) for value in _seen(state).values()]
    return min(found, key=lambda trouble: trouble.since, default=None)


def of_the_site(state: SiteState | None) -> Trouble | None:
    """Return the same, unless EvoLink has taken another key since: then workers have that one."""
    return None if state is None or state.value.get(_WORKING) else of_this_key(state)


def is_of_other_keys(state: SiteState | None) -> bool:
    """Tell whether something stands, but not against this process's key, of which nobody has said that it works."""
    is_known = state is None or bool(state.value.get(_WORKING))
    return not is_known and bool(fingerprint()) and of_this_key(state) is None


def keep(state: SiteState, trouble: Trouble | None) -> None:
    """Write what stands against this process's key, or that it works. The lock must be held."""
    mine = fingerprint()
    lately = timezone.now() - FORGOTTEN
    troubles = {key: of for key, of in _troubles(state).items() if key and Trouble.parse(of).check_at >= lately}
    troubles.pop(mine, None)
    working = state.value.get(_WORKING)
    if trouble is not None:
        troubles[mine] = trouble.as_json()
        working = None if working == mine else working
    elif mine:
        working = mine
    if troubles:
        state.value = {"keys": troubles} | ({_WORKING: working} if working else {})
        state.save()
    else:
        state.delete()


def change(state: SiteState, how: Callable[[Trouble], Trouble]) -> None:
    """Change what this process sees, whichever key it stands against. The lock must be held."""
    changed = {key: how(Trouble.parse(value)).as_json() for key, value in _seen(state).items()}
    if changed:
        state.value = {**state.value, "keys": _troubles(state) | changed}
        state.save()


def _seen(state: SiteState | None) -> dict[str, Any]:
    troubles = _troubles(state) if state is not None else {}
    mine = fingerprint() if troubles else ""
    return {key: value for key, value in troubles.items() if not mine or key in {mine, ""}}


def _troubles(state: SiteState) -> dict[str, Any]:
    keys = state.value.get("keys")
    return dict(keys) if isinstance(keys, dict) else {"": dict(state.value)}


def _decimal(value: object) -> Decimal | None:
    try:
        return Decimal(str(value)) if value not in (None, "") else None
    except InvalidOperation:
        return None
