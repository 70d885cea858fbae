"""Sending what is due: each person's mails one after the other, no more an hour than somebody can read.

Rows are claimed before their mail leaves and marked once it has; a worker that dies between the two has it sent again.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
import time
from typing import TYPE_CHECKING, Any

from django.db.models import Min
from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from django_wanvideo.choices import NotifyWhen
from django_wanvideo.mail import collecting, contents
from django_wanvideo.models import Notification, NotificationChoice, SiteState
from django_wanvideo.models.base import people
from django_wanvideo.services import due
from django_wanvideo.services.installation import installation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)
_random = random.SystemRandom()

#: E-mails that one person gets in an hour at most; what is more comes together in one.
MOST_AN_HOUR = 10
HOUR = dt.timedelta(hours=1)
#: What has waited for this long comes in one mail too: news are old by then, and many may have come together.
LONG = dt.timedelta(minutes=10)
#: Rows that one mail is made of at most.
CHUNK = 1000
#: How long claimed rows are left to the worker that has them: longer than RQ lets the job run.
LEASE = dt.timedelta(seconds=150)
#: Seconds that one job goes on.
TURN = 30.0
#: After which a mail is given up.
GIVE_UP = dt.timedelta(hours=24)
#: The mark of the last time that one was, for pages that must not look through the table.
GIVEN_UP = "mail_given_up"
#: How long what was sent is remembered.
KEPT = dt.timedelta(days=30)
#: So many failures in a row end a pass: the mail server is away, and each try takes its time.
ENOUGH_FAILURES = 3


def send_due() -> int:
    """Send what is due, for a while; return how many e-mails have left."""
    if installation.is_foreign():
        return 0
    ends, sent, failures = time.monotonic() + TURN, 0, 0
    people = due.mail().order_by("due_at").values_list("person_id", flat=True)[:CHUNK]
    for person_id in dict.fromkeys(people):
        if time.monotonic() > ends or failures >= ENOUGH_FAILURES:
            break
        for is_sent in _send_to(person_id):
            sent += is_sent
            failures = 0 if is_sent else failures + 1
            if failures >= ENOUGH_FAILURES:
                break
    Notification.objects.filter(sent_at__lt=timezone.now() - KEPT).delete()
    return sent


def _send_to(person_id: Any) -> list[bool]:
    """Send one person's mails; return for each whether it has left."""
    rows = _claim(person_id)
    user = people.find(person_id)
    when = NotificationChoice.objects.filter(user_id=person_id).values_list("when", flat=True).first()
    when = when or collecting.USUAL
    wanted = [row for row in rows if user is not None and when != NotifyWhen.NEVER and _may_have(user, row)]
    # Who is gone, has no address, may not see it any more or does not want it any more.
    _drop([row for row in rows if row not in wanted])
    if not wanted:
        return []
    left, until = _allowance(person_id)
    if left <= 0:
        _rows(wanted).update(due_at=until)
        return []
    has_waited = wanted[0].created_at < timezone.now() - LONG
    is_together = when == NotifyWhen.HOUR or len(wanted) > left or has_waited
    results = []
    for rows_of_mail in [wanted] if is_together else [[row] for row in wanted]:
        results.append(_send(user, rows_of_mail))
        if results[-ENOUGH_FAILURES:] == [False] * ENOUGH_FAILURES:
            break
    return results


def _may_have(user: Any, row: Notification) -> bool:
    event = row.batch_event or row.task_event
    return bool(collecting.address_of(user)) and event is not None and collecting.may_see(user, event)


def _claim(person_id: Any) -> list[Notification]:
    """Take a person's due rows, oldest first; no other worker takes them meanwhile."""
    now = timezone.now()
    waiting = due.mail().filter(person_id=person_id)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    # No two workers mark with the same moment, even where clocks are coarse.
    mark = now + LEASE + dt.timedelta(microseconds=_random.randrange(1_000_000))
    waiting.filter(pk__in=ids).update(due_at=mark)
    ours = Notification.objects.filter(pk__in=ids, due_at=mark)
    return list(ours.select_related("task_event__task__batch", "batch_event__batch").order_by("pk"))


def _allowance(person_id: Any) -> tuple[int, dt.datetime]:
    """Return how many more mails a person may get now, and when there will be more."""
    now = timezone.now()
    recent = Notification.objects.filter(person_id=person_id, sent_at__gt=now - HOUR)
    count = len(set(recent.values_list("sent_at", flat=True)))
    oldest = recent.aggregate(oldest=Min("sent_at"))["oldest"]
    return MOST_AN_HOUR - count, (oldest or now) + HOUR


def _send(user: Any, rows: Sequence[Notification]) -> bool:
    try:
        if (message := contents.message_for(user, rows)) is None:
            _drop(rows)
            return True
        message.send()
    except BaseTimeoutException as error:
        _failed(rows, error)
        raise
    except Exception as error:
        _failed(rows, error)
        return False
    now = timezone.now()
    _rows(rows).update(sent_at=now, due_at=None, error="")
    return True


def _failed(rows: Sequence[Notification], error: Exception) -> None:
    now = timezone.now()
    tries = max(row.tries for row in rows) + 1
    # The class only: what a mail server says may hold anything.
    name = type(error).__name__[:100]
    logger.warning("An e-mail was not sent (%s, try %d).", name, tries)
    wait = min(dt.timedelta(minutes=2 ** min(tries - 1, 10)), HOUR) * _random.uniform(0.9, 1.0)
    late = [row for row in rows if row.created_at <= now - GIVE_UP]
    if late:
        logger.error("%d e-mails are given up; the admin lists them.", len(late))
        _rows(late).update(due_at=None, gave_up_at=now, tries=tries, error=name)
        SiteState.objects.update_or_create(name=GIVEN_UP, defaults={"updated_at": now})
    _rows([row for row in rows if row not in late]).update(due_at=now + wait, tries=tries, error=name)


def _drop(rows: Sequence[Notification]) -> None:
    if rows:
        _rows(rows).delete()


def _rows(rows: Sequence[Notification]) -> QuerySet[Notification]:
    return Notification.objects.filter(pk__in=[row.pk for row in rows], sent_at=None)
