"""What people are told of a hold: what is, since when, how many tasks wait, what happens next, and who can act."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Sum
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.choices import TaskStatus
from django_wanvideo.health.results import CheckResult, error, ok, warning
from django_wanvideo.models import VideoTask
from django_wanvideo.services.holds import holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from django_wanvideo.models import SiteState
    from django_wanvideo.services.holds.lock import Hold


@dataclass(frozen=True, slots=True)
class Report:
    """One hold in words; ``credits`` is what all that waits will cost, about, and ``dearest`` the dearest of it."""

    hold: Hold
    heading: str
    text: str
    who: str
    waiting: int
    credits: Decimal
    dearest: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.hold.kind,
            "since": self.hold.since.isoformat(),
            "detail": self.hold.detail,
            "heading": self.heading,
            "text": self.text,
            "waiting": self.waiting,
            "credits": f"{self.credits:.2f}",
            "who_can_act": self.who,
        }

    @property
    def waiting_words(self) -> str:
        return ngettext("%(n)s task", "%(n)s tasks", self.waiting) % {"n": self.waiting}


def reports(rows: Mapping[str, SiteState] | None = None) -> list[Report]:
    """Return a report of each hold that stands, oldest first; ``rows`` as in ``holds.standing``."""
    # The database's own holds are told by the finding, and the notice, about the installation.
    found = [hold for hold in holds.standing(rows) if hold.kind not in {"installation", "rolled_back"}]
    if not found:
        return []
    queued = VideoTask.objects.filter(status=TaskStatus.QUEUED)
    sums = queued.aggregate(n=Count("pk"), credits=Sum("credits_estimated"), most=Max("credits_estimated"))
    amounts = int(sums["n"]), sums["credits"] or Decimal(0), sums["most"] or Decimal(0)
    return [Report(hold, *_words(hold), *amounts) for hold in found]


def check_sending() -> Iterator[CheckResult]:
    """Whether anything holds sending back as a whole."""
    found = reports()
    if not found:
        yield ok(_("Nothing holds it back."))
    for report in found:
        since = timezone.localtime(report.hold.since).strftime("%Y-%m-%d %H:%M")
        message = _("%(heading)s Since %(since)s; %(tasks)s in the queue. %(text)s") % {
            "heading": report.heading,
            "since": since,
            "tasks": report.waiting_words,
            "text": report.text,
        }
        level = warning if report.hold.kind in {"person", "breaker"} else error
        yield level(message, report.who)


def _words(hold: Hold) -> tuple[str, str, str]:
    """Return the fact, its consequence with what happens next, and who can act."""
    detail = hold.detail
    if hold.kind == "person":
        heading = _("%(name)s has paused sending.") % {"name": detail["by"]} if detail.get("by") else ""
        text = _(
            "Nothing new is sent until somebody resumes it. Videos that EvoLink has already accepted still arrive."
        )
        if detail.get("reason"):
            text = f"{_('Reason: “%(reason)s”.') % {'reason': detail['reason']}} {text}"
        return heading or _("Sending is paused."), text, _("%(who)s can resume it.") % {"who": _whoever_may()}
    if hold.kind == "breaker":
        return (
            _("Sending is paused: EvoLink’s answers get lost."),
            _(
                "After %(n)s requests in a row whose answer was lost, nothing new is sent, so that nothing is paid for "
                "unknowingly. One task is tried %(when)s; sending then resumes automatically."
            )
            % {"n": detail.get("lost", ""), "when": _when(detail)},
            _("Nobody needs to act. %(whoever)s can let one task be tried now.") % {"whoever": _whoever_may()},
        )
    if hold.kind == "account" and detail.get("reason") == "key_rejected":
        return (
            _("Sending is paused: EvoLink rejects this site’s key."),
            _(
                "Nothing new is sent. The key is tried again %(when)s, and a new one is used at once. Tasks in the queue are kept."
            )
            % {"when": _when(detail)},
            _("The site administrator can set a new key."),
        )
    if hold.kind == "account":
        heading = _("Sending is paused: EvoLink says the account has no credits.")
        if detail.get("check_credits"):
            heading = _("Sending is partly paused: EvoLink says the account has too few credits.")
        return (
            heading,
            _credits_text(detail),
            _("The person who pays for EvoLink can top up the account. %(who)s can let one task be tried now.")
            % {"who": _whoever_may()},
        )
    return (
        _("Sending is held back."),
        _("Nothing new is sent. Tasks in the queue are kept."),
        _("The site administrator."),
    )


def _credits_text(detail: dict[str, Any]) -> str:
    if detail.get("resets_at") and not detail.get("check_credits"):
        return _("This key’s credits for today are used up. Tasks in the queue are kept and sent %(when)s.") % {
            "when": _when(detail)
        }
    left = detail.get("check_credits")
    lead = _("%(n)s credits are left; tasks that cost more stay in the queue.") % {"n": left} if left else ""
    lead = lead or _("Tasks in the queue are kept; videos that EvoLink has already accepted still arrive.")
    return (
        f"{lead} {_('EvoLink is asked again %(when)s; sending then resumes automatically.') % {'when': _when(detail)}}"
    )


def _whoever_may() -> str:
    return _("Somebody with the permission to pause sending")


def _when(detail: dict[str, Any]) -> str:
    at = parse_datetime(str(detail.get("next_try_at") or ""))
    if at is None or at <= timezone.now():
        return _("in a moment")
    at = timezone.localtime(at)
    if at - timezone.now() < dt.timedelta(hours=12):
        return _("at %(time)s") % {"time": at.strftime("%H:%M")}
    return _("on %(day)s at %(time)s") % {"day": at.strftime("%Y-%m-%d"), "time": at.strftime("%H:%M")}
