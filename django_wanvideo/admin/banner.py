"""What is wrong with the site itself, said once at the top of the list: cheap, cached, and never an error of its own."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from django_wanvideo.admin.caching import cached
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import AttemptState
from django_wanvideo.conf import conf
from django_wanvideo.health import site
from django_wanvideo.mail.delivery import GIVEN_UP
from django_wanvideo.models import Attempt, SiteState
from django_wanvideo.services.installation import installation
from django_wanvideo.services.sweep import SWEEP
from django_wanvideo.services.tracking import rescheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_stubs_ext import StrPromise

    Trouble = tuple[str, dict[str, Any]]

logger = logging.getLogger(__name__)

CACHE_KEY = "wanvideo:admin:trouble"
#: Seconds that the findings are kept.
CACHE_SECONDS = 30
#: A sweep that passed longer ago than this has stopped.
SWEEP_LATE = dt.timedelta(minutes=5)
#: So many of the latest attempts are looked at for callbacks; so many must have ended to say anything.
LOOKED_AT, ENOUGH = 20, 3


#: By code: the fact, and its consequence with who can act.
_WORDS: dict[str, tuple[StrPromise, StrPromise]] = {
    "installation": (
        _("This is a copy of the database of “%(name)s”."),
        _(
            "Nothing is sent, followed or stored here. The site administrator can take it over with wanvideo_adopt, or "
            "correct WANVIDEO['INSTALLATION']."
        ),
    ),
    "rolled_back": (
        _("The database has gone back to an earlier state."),
        _(
            "Nothing is sent, since it may have been sent before. The site administrator can check it with wanvideo_adopt."
        ),
    ),
    "another_host": (
        ngettext_lazy("%(n)s video was queued under %(host)s.", "%(n)s videos were queued under %(host)s.", "n"),
        _("They are not sent from here. The site administrator can take them over with wanvideo_adopt."),
    ),
    "no_word": (
        _("EvoLink does not report the videos that it is working on."),
        _(
            "They are kept and checked again. If EvoLink says that it does not know them, the key may be another "
            "account’s: the site administrator can find the cause with wanvideo_doctor."
        ),
    ),
    "redis": (
        _("The queue does not answer."),
        _(
            "Videos wait until it does; nothing is lost. The server administrator can find the cause with wanvideo_doctor."
        ),
    ),
    "workers": (
        _("No worker is listening."),
        _("Videos wait until one does; nothing is lost. The server administrator can start one with rqworker."),
    ),
    "never_swept": (
        _("The regular check has never run."),
        _("Lost tasks are not recovered without it. The server administrator can start it with wanvideo_sweep."),
    ),
    "sweep": (
        _("The regular check has not run for %(time)s."),
        _("Lost tasks are not recovered until it runs. The server administrator can start it with wanvideo_sweep."),
    ),
    "mail": (
        _("E-mails could not be sent for a day and were given up."),
        _("Videos are not affected. The list of e-mails has them; the server administrator can mend the mail server."),
    ),
    "callbacks": (
        _("EvoLink’s callbacks do not reach this site."),
        _(
            "Videos still arrive, because this site also checks with EvoLink itself; each may take up to a minute longer. "
            "The server administrator can find the cause with wanvideo_doctor."
        ),
    ),
}


def get_banner() -> dict[str, Any] | None:
    """Return the gravest trouble as a heading, and texts for all; ``None`` when all is well."""
    troubles = cached(CACHE_KEY, CACHE_SECONDS, _look)
    if not troubles:
        return None
    (heading, text), *others = (_words(code, values) for code, values in troubles)
    tone = "warning" if all(code in {"callbacks", "mail"} for code, _values in troubles) else "error"
    return {"heading": heading, "texts": [text, *map(" ".join, others)], "tone": tone}


def _look() -> list[Trouble]:
    try:
        return list(_troubles())
    except Exception:
        # A list of videos must not depend on how the site's other parts are.
        logger.exception("Looking for site trouble did not work.")
        return []


def _troubles() -> Iterator[Trouble]:
    guard = installation.look()
    for hold in installation.holds(guard):
        yield hold.kind, {"name": str(hold.detail.get("belongs_to", ""))}
        if hold.kind == "installation":
            # Nothing is meant to go on here, so that nothing goes on is no trouble.
            return
    if guard.others_until is not None and (waiting := installation.under_another_host(guard).count()):
        yield "another_host", {"n": waiting, "host": guard.row.host}
    marks = dict(
        SiteState.objects.filter(name__in=[SWEEP, rescheduling.TOGETHER, GIVEN_UP]).values_list("name", "updated_at")
    )
    if rescheduling.TOGETHER in marks and rescheduling.is_everybodys_trouble():
        yield "no_word", {}
    workers = site.listening_workers()
    if not workers:
        yield "redis" if workers is None else "workers", {}
    swept = marks.get(SWEEP)
    if swept is None:
        yield "never_swept", {}
    elif timezone.now() - swept > SWEEP_LATE:
        yield "sweep", {"since": swept}
    if GIVEN_UP in marks and timezone.now() - marks[GIVEN_UP] < site.MAIL_REMEMBERED:
        yield "mail", {}
    if conf.has_callbacks() and _callbacks_stay_away():
        yield "callbacks", {}


def _callbacks_stay_away() -> bool:
    latest = Attempt.objects.filter(sent_at__isnull=False).order_by("-sent_at")
    rows = list(latest.values_list("state", "callback_received_at")[:LOOKED_AT])
    ended = sum(state == AttemptState.FINISHED for state, _at in rows)
    return ended >= ENOUGH and not any(received for _state, received in rows)


def _words(code: str, values: dict[str, Any]) -> tuple[str, str]:
    heading, text = _WORDS[code]
    times = {"time": _time_since(values["since"])} if "since" in values else {}
    return heading % {**values, **times}, str(text)


def _time_since(moment: dt.datetime) -> str:
    """A stretch of time in whole minutes, or in whole days where it is longer than one."""
    passed = timezone.now() - moment
    if passed.days:
        return formats.unbroken(ngettext("%(n)s day", "%(n)s days", passed.days) % {"n": passed.days})
    return formats.seconds_in_words(60 * (passed.total_seconds() // 60))
