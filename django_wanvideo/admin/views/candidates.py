"""EvoLink's videos that a lost request may have made, and the other requests that they may belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from django_wanvideo.admin import object_actions
from django_wanvideo.admin.presentation import formats, markup
from django_wanvideo.choices import TaskStatus
from django_wanvideo.services.resolution.evidence import Verdict

if TYPE_CHECKING:
    import datetime as dt

    from django.http import HttpRequest

    from django_wanvideo.services.resolution.evidence import Candidate, Evidence

#: Of the other open requests, so many are shown.
SHOWN_OTHERS = 12


@dataclass(frozen=True)
class Choice:
    """A video on EvoLink's list as the page shows it."""

    id: str
    begun: str
    state: str
    #: What EvoLink says that it cost.
    price: str
    #: Whether it was made from this task's words. Those of other people's videos are not told.
    prompt: str
    #: Why it may be the one, or why not.
    remark: str
    can_be_chosen: bool
    #: Whether it is the only one that can be meant.
    is_obvious: bool = False
    #: The page of the task that has it, where this person may see that.
    url: str = ""


@dataclass(frozen=True)
class OtherRequest:
    """Another open request that this person may see."""

    url: str
    thumbnail: Any
    prompt: str
    sent_at: str
    price: str


def choices(model_admin: Any, request: HttpRequest, found: Evidence) -> list[Choice]:
    """Return EvoLink's videos; those of other tasks lead to these where the person may see them."""
    taken = [candidate.task_id for candidate in found.candidates if candidate.task_id]
    visible = set(model_admin.get_queryset(request).filter(pk__in=taken).values_list("pk", flat=True))
    attempt = found.attempt
    since = attempt.sent_at if attempt is not None else None
    ours = str(attempt.request.get("prompt", "")) if attempt is not None else ""
    return [
        Choice(
            candidate.id,
            _begun(candidate, since),
            _remote_words(candidate.status),
            formats.credits_in_table(candidate.credits_used),
            _prompt_words(candidate.prompt, ours),
            _verdict_words(candidate.verdict),
            candidate.can_be_chosen,
            candidate == found.obvious,
            model_admin.page_url("change", candidate.task_id) if candidate.task_id in visible else "",
        )
        for candidate in found.candidates
    ]


def others(model_admin: Any, request: HttpRequest, found: Evidence) -> dict[str, Any]:
    """Return the other open requests: how many, those that this person may see, and how many he may not."""
    ids = [other.task_id for other in found.others]
    seen = model_admin.get_queryset(request).filter(pk__in=ids).prefetch_related("inputs")
    tasks = {task.pk: task for task in seen}
    shown = [
        OtherRequest(
            model_admin.page_url("change", other.task_id),
            markup.thumbnail(task, task.first_frame),
            task.prompt,
            formats.clock(other.sent_at) if other.sent_at else "",
            formats.credits_in_table(object_actions.price_now(task)),
        )
        for other in found.others
        if (task := tasks.get(other.task_id)) is not None
    ]
    return {"count": len(ids), "shown": shown[:SHOWN_OTHERS], "hidden": len(ids) - len(shown)}


def _begun(candidate: Candidate, since: dt.datetime | None) -> str:
    if candidate.created is None or since is None:
        return _("unknown")
    seconds = round((candidate.created - since).total_seconds())
    words = _("%(at)s, %(time)s after our request") if seconds >= 0 else _("%(at)s, %(time)s before our request")
    return words % {"at": formats.clock(candidate.created), "time": formats.seconds_in_words(abs(seconds))}


def _prompt_words(prompt: str, ours: str) -> str:
    if not prompt:
        return _("EvoLink does not say")
    return _("The same as this task’s") if prompt == ours else _("Another one")


def _verdict_words(verdict: Verdict) -> str:
    return {
        Verdict.POSSIBLE: _("May be this one"),
        Verdict.LATE: _("Unlikely: started much later than our request"),
        Verdict.OLDER: _("Not possible unless this site’s clock was ahead: older than our request"),
        Verdict.OTHER_MODEL: _("Not possible: made with another model"),
        Verdict.OTHER_PROMPT: _("Unlikely: made from another prompt"),
        Verdict.TAKEN: _("Not possible: another task here has it"),
    }[verdict]


def _remote_words(status: str) -> str:
    """EvoLink's own states in our words."""
    known = {value: str(label) for value, label in TaskStatus.choices}
    return known.get(status, _("unknown"))
