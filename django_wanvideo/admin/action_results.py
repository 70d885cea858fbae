"""Doing one thing to many tasks, and telling the person how it went."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseRedirect
from django.utils.translation import gettext as _

from django_wanvideo.conf import conf
from django_wanvideo.evolink.exceptions import EvoLinkError, NotFoundError
from django_wanvideo.exceptions import ApprovalRequired, ConfigurationError, WanVideoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrPromise

    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: How many tasks are read, worked on and logged at a time.
CHUNK = 100
#: What is told as a reason; anything else is an accident.
REFUSALS = (WanVideoError, EvoLinkError, ValidationError, PermissionDenied)
#: More reasons than these are counted together.
MAX_REASONS = 5


@dataclass
class Outcome:
    """How many went well, and why the others did not."""

    done: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def tell(self, request: HttpRequest, success: StrPromise) -> None:
        """Leave messages: the number that went well, as ``n`` of ``success``, then each reason with its number."""
        if self.done:
            messages.success(request, success % {"n": self.done})
        refused = self.reasons.total()
        shown = self.reasons.most_common(MAX_REASONS)
        for reason, count in shown:
            is_one_of_many = self.done + refused > 1
            text = _("%(count)s skipped: %(reason)s") % {"count": count, "reason": reason} if is_one_of_many else reason
            messages.warning(request, text)
        if rest := refused - sum(count for _reason, count in shown):
            messages.warning(request, _("%(count)s more were skipped for other reasons.") % {"count": rest})


def not_pressed(request: HttpRequest, address: str) -> HttpResponse:
    """Lead back to the page of a button whose address was opened instead, as after a login that came between."""
    messages.warning(request, _("Nothing was done, because you had to sign in first. Press the button again."))
    return HttpResponseRedirect(address)


def do_to_each(
    request: HttpRequest, tasks: Iterable[VideoTask], step: Callable[[VideoTask], Any], log_message: str
) -> Outcome:
    """Run ``step`` for each task; refusals are collected, successes are logged in bulk, before an accident too."""
    outcome = Outcome()
    done: list[VideoTask] = []
    try:
        for task in tasks:
            try:
                step(task)
            except REFUSALS as error:
                outcome.reasons[reason_of(error)] += 1
            else:
                outcome.done += 1
                done.append(task)
                if len(done) >= CHUNK:
                    log(request, done, log_message)
                    done.clear()
    finally:
        log(request, done, log_message)
    return outcome


def reason_of(error: Exception) -> str:
    """Return an error as a sentence for staff."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    if isinstance(error, PermissionDenied):
        return _("You have no permission to do this with this task.")
    if isinstance(error, ConfigurationError):
        if not conf.api_key():
            return _("This site has no key for EvoLink. The site administrator can set one.")
        # The name of a setting means nothing to staff.
        logger.warning("A setting stops staff: %s", error)
        return _("A setting of this site is wrong. The site administrator can find it with wanvideo_doctor.")
    if isinstance(error, NotFoundError):
        return _("EvoLink does not know this video.")
    if isinstance(error, EvoLinkError):
        if error.http_status == 401:
            return _("EvoLink rejects this site’s key. The site administrator can set a new one.")
        logger.warning("EvoLink could not be asked for staff: %s", error)
        return _("EvoLink cannot be asked just now. Try again in a minute.")
    return str(error)


def tell_refusal(request: HttpRequest, error: Exception, words: str = "%(reason)s") -> None:
    """Leave a message that something was not done; that it waits for somebody else is no trouble."""
    if isinstance(error, ApprovalRequired):
        messages.info(request, str(error))
    else:
        messages.warning(request, words % {"reason": reason_of(error)})


def log(request: HttpRequest, tasks: list[VideoTask], message: str, *, added: bool = False) -> None:
    """Write Django's log entries, one for each task in one query."""
    if tasks:
        flag = ADDITION if added else CHANGE
        LogEntry.objects.log_actions(request.user.pk, tasks, flag, message)  # type: ignore[arg-type]  # any iterable will do
