"""Which installation the database belongs to, and whether it was rolled back: before anything is sent.

A copy elsewhere sends, follows, stores and tells nothing; a database that has gone back sends nothing. Both end with the
command ``wanvideo_adopt`` alone.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.db.models import F, Q, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.choices import IN_FLIGHT_STATUSES, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Installation, VideoTask
from django_wanvideo.services.holds.lock import Hold
from django_wanvideo.services.installation import claim_counter

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

#: How soon a task that is kept back is looked at again.
LOOK_AGAIN = dt.timedelta(seconds=60)
#: How often the number is written into the storage.
STORE_EVERY = dt.timedelta(seconds=60)

#: What this process has logged, and when it noticed it.
_said: dict[str, dt.datetime] = {}


@dataclass(frozen=True)
class Guard:
    """How the database stands to this process."""

    row: Installation
    #: The rows belong to another installation: nothing is done with them.
    is_foreign: bool = False
    #: Until when what was queued was queued under another host, and so is left where it is.
    others_until: dt.datetime | None = None

    @property
    def is_rolled_back(self) -> bool:
        """Whether the database has forgotten claims that were made."""
        return self.row.rolled_back_at is not None

    def keeps_back(self, task: VideoTask) -> str:
        """Return why a task must not be sent now; empty when it may."""
        if self.is_foreign:
            return "installation"
        if self.is_rolled_back:
            return "rolled_back"
        queued_at = task.queued_at or task.created_at
        return "installation" if self.others_until is not None and queued_at <= self.others_until else ""


def current() -> Installation:
    """Return the one row, which is made with the tables."""
    return Installation.objects.get_or_create(pk=Installation.ONLY)[0]


def look() -> Guard:
    """Return how the database stands to this process, and take it over softly where that is safe."""
    row = current()
    if _is_foreign(row):
        _say("foreign", "This database belongs to %s, not to %s: nothing is sent, followed, stored or told. If that is "
             "wanted, take it over with: python manage.py wanvideo_adopt", row.name, _here())  # fmt: skip
        return Guard(row, is_foreign=True)
    if (until := _settle_host(row)) is not None:
        _say("host", "What was queued under %s is not sent from %s. Take it over with: python manage.py wanvideo_adopt",
             row.host, _here())  # fmt: skip
    return Guard(row, others_until=until)


def look_before_sending() -> Guard:
    """Like ``look``, and compare the number of claims with what is noted outside of the database."""
    guard = look()
    row = guard.row
    if guard.is_foreign or guard.is_rolled_back:
        return guard
    elsewhere = claim_counter.highest(row.database_id)
    # Others may have claimed since the row was read: the row itself has the last word.
    if elsewhere is not None and elsewhere > row.claims and _only(row).filter(
        claims__lt=elsewhere, rolled_back_at=None
    ).update(rolled_back_at=timezone.now(), claims_elsewhere=elsewhere):  # fmt: skip
        _say(f"behind {elsewhere}", "This database has gone back: it knows of %d claims, and there were %d. Nothing is "
             "sent until somebody runs: python manage.py wanvideo_adopt", row.claims, elsewhere)  # fmt: skip
        row.refresh_from_db()
    return guard


def is_foreign() -> bool:
    """Tell whether this process must leave the rows alone; says so once in the log."""
    return look().is_foreign


def check_not_foreign() -> None:
    """For what a person asks for: raise TransitionNotAllowed where the database belongs to another installation."""
    guard = look()
    if guard.is_foreign:
        message = _(
            "This database is a copy that belongs to another installation (%(name)s), so EvoLink is not asked. The site "
            "administrator can take it over with wanvideo_adopt."
        )
        raise TransitionNotAllowed(message % {"name": guard.row.name})


def host_in_row() -> Subquery:
    """Return what reads the host in the one row along with another query; see ``note_host``."""
    return Subquery(Installation.objects.filter(pk=Installation.ONLY).values("host")[:1])


def note_host(known: str | None) -> None:
    """See a host that is not the ``known`` one in the row before a task is queued under it: the task is its own."""
    if not _own_name() and _own_host() and known != _own_host():
        look()


def count_claim() -> bool:
    """Raise the number within the transaction of a claim; ``False`` when the database was found to have gone back."""
    rows = Installation.objects.filter(pk=Installation.ONLY, rolled_back_at=None).update(claims=F("claims") + 1)
    if rows:
        database.on_commit(note_outside)
    return bool(rows)


def note_outside(*, at_once: bool = False) -> None:
    """Note the committed number in Redis, and now and then, or ``at_once``, in the storage."""
    if database.connection().in_atomic_block:
        # A test's transaction, which ends by being rolled back.
        return
    row = current()
    claim_counter.note(row.database_id, row.claims)
    now = timezone.now()
    recently = row.stored_at is not None and now - STORE_EVERY < row.stored_at <= now
    # Of several workers one writes.
    if at_once or (not recently and _only(row).filter(stored_at=row.stored_at).update(stored_at=now)):
        claim_counter.store(row.database_id, row.claims)


def holds(guard: Guard | None = None) -> list[Hold]:
    """Return what holds all sending back; what was queued under another host is told by ``under_another_host``."""
    guard = guard or look()
    found, row = [], guard.row
    if guard.is_foreign:
        detail: dict[str, Any] = {"belongs_to": row.name, "here": _here()}
        found.append(Hold("installation", _said.get("foreign", timezone.now()), detail))
    if row.rolled_back_at is not None:
        detail = {"claims": row.claims, "claims_elsewhere": row.claims_elsewhere}
        found.append(Hold("rolled_back", row.rolled_back_at, detail))
    return found


def under_another_host(guard: Guard) -> QuerySet[VideoTask]:
    """Return the queued tasks that are not sent because they were queued under another host."""
    rows = VideoTask.objects.filter(status=TaskStatus.QUEUED)
    return rows.filter(_until(guard.others_until)) if guard.others_until is not None else rows.none()


def take_over(*, is_copy: bool) -> Installation:
    """Make the database this installation's own, above every number that was noted; a copy gets an id of its own."""
    row = current()
    known = [row.claims, row.claims_elsewhere or 0, claim_counter.highest(row.database_id) or 0]
    row.name = _own_name() or ("" if is_copy else row.name)
    row.host = _own_host() or ("" if is_copy else row.host)
    row.other_host_since = row.rolled_back_at = row.claims_elsewhere = row.stored_at = None
    row.claims = max(known) + 1
    if is_copy:
        row.database_id = Installation._meta.get_field("database_id").get_default()  # noqa: SLF001 - documented API
    row.save()
    note_outside(at_once=True)
    return row


def _own_name() -> str:
    """Return what the site calls the installation that this process belongs to; empty when it does not say."""
    return str(conf.INSTALLATION or "").strip()


def _own_host() -> str:
    """Return the host of ``CALLBACK_BASE_URL``, without its port; empty when there is none."""
    try:
        return (urlsplit(str(conf.CALLBACK_BASE_URL or "")).hostname or "").lower()[:255]
    except ValueError:
        return ""


def _here() -> str:
    return _own_name() or _own_host() or "a process without INSTALLATION"


def _is_foreign(row: Installation) -> bool:
    if not row.name:
        return False
    if _own_name():
        return row.name != _own_name()
    return not _own_host() or _own_host() != row.host


def _settle_host(row: Installation) -> dt.datetime | None:
    """Bring name and host in the row up to date where that is safe; else return until when what waits is not ours."""
    name, host = _own_name(), _own_host()
    if not name and not host:
        return None
    # With a name the host says nothing any more: a site may have several.
    wanted = {"name": name or row.name, "host": row.host if row.name and row.host else host, "other_host_since": None}
    if not row.name and row.host and host != row.host:
        now = timezone.now()
        since = row.other_host_since
        if since is None or since > now:
            _only(row).filter(host=row.host, other_host_since=since).update(other_host_since=now)
            since = now
        waiting = VideoTask.objects.filter(_until(since), status__in=[TaskStatus.QUEUED, *IN_FLIGHT_STATUSES])
        if waiting.exists():
            return since
    if any(getattr(row, column) != value for column, value in wanted.items()):
        _only(row).filter(name=row.name, host=row.host).update(**wanted)
        for column, value in wanted.items():
            setattr(row, column, value)
    return None


def _until(moment: dt.datetime) -> Q:
    return Q(queued_at__lte=moment) | Q(queued_at=None, created_at__lte=moment)


def _only(row: Installation) -> QuerySet[Installation]:
    return Installation.objects.filter(pk=row.pk, database_id=row.database_id)


def _say(about: str, message: str, *words: object) -> None:
    if about not in _said:
        _said[about] = timezone.now()
        logger.error(message, *words)
