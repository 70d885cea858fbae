"""What a mail says: counts and causes rather than videos; never a prompt in its subject."""

from __future__ import annotations

from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.core.mail import EmailMultiAlternatives
from django.db.models import Count, Sum
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.choices import EventKind, NotificationKind, TaskStatus
from django_wanvideo.failures import advice_for, charge_words
from django_wanvideo.mail import collecting, links
from django_wanvideo.mail.visibility import visible_to
from django_wanvideo.models import BatchItem
from django_wanvideo.models.base import people
from django_wanvideo.models.batches.item import name_of_row
from django_wanvideo.services.sending import quotes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from django_wanvideo.models import Batch, Notification, TaskEvent
    from django_wanvideo.models.querysets import VideoTaskQuerySet

#: Single videos that one mail names; of more it gives the number.
MOST_NAMED = 20
#: Pictures of failed rows that it names for each cause, and rows that are looked at for that.
MOST_PICTURES, MOST_LOOKED_AT = 5, 200
#: In the order in which their numbers are said.
COUNTED = (NotificationKind.READY, NotificationKind.FAILED, NotificationKind.DECISION)
_LANGUAGE_FIELDS = ("language", "language_code", "preferred_language", "locale")


def message_for(user: Any, rows: Sequence[Notification]) -> EmailMultiAlternatives | None:
    """Return the mail about some rows in the person's language; ``None`` where nothing is left to say."""
    with translation.override(language_of(user)):
        batches = {row.batch_event.batch: row.batch_event.created_at for row in rows if row.batch_event is not None}
        told = {batch.pk for batch in batches}
        # Those of a batch that is told of are in its counts.
        singles = [row for row in rows if row.task_event is not None and row.task_event.task.batch_id not in told]
        parts: dict[str, Any] = {
            "batches": [part for batch, at in batches.items() if (part := batch_part(batch, at, user)) is not None],
            "videos": [video_part(row.task_event, row.kind) for row in singles[:MOST_NAMED] if row.task_event],
            "more": max(0, len(singles) - MOST_NAMED),
        }
        if not (parts["batches"] or parts["videos"]):
            return None
        if parts["batches"] and not singles and len(parts["batches"]) == 1:
            name, subject = "batch", parts["batches"][0]["subject"]
        elif len(singles) == 1 and not batches:
            name, subject = "video", parts["videos"][0]["subject"]
        else:
            name, subject = "digest", _together(parts["batches"], singles)
        context = {
            **parts,
            "subject": subject,
            "person": people.name_of(user),
            "site": str(admin.site.site_header),
            "choice_url": links.page("notificationchoice_changelist"),
            "list_url": links.page("videotask_changelist"),
            "language": translation.get_language(),
            "is_rtl": translation.get_language_bidi(),
        }
        text = render_to_string(f"wanvideo/mail/{name}.txt", context)
        html = render_to_string(f"wanvideo/mail/{name}.html", context)
    # Programs that answer by themselves leave it alone.
    headers = {"Auto-Submitted": "auto-generated"}
    # A header is one line.
    one_line = " ".join(subject.split())
    message = EmailMultiAlternatives(one_line, text, to=[collecting.address_of(user)], headers=headers)
    message.attach_alternative(html, "text/html")
    return message


def language_of(user: Any) -> str:
    """Return the language of a person where the user model has one that the site speaks, else the site's."""
    spoken = {code.lower() for code, _name in settings.LANGUAGES}
    for name in _LANGUAGE_FIELDS:
        code = str(getattr(user, name, "") or "").replace("_", "-").lower()
        for candidate in (code, code.split("-")[0]):
            if candidate in spoken:
                return candidate
    return settings.LANGUAGE_CODE


def video_part(event: TaskEvent, kind: str) -> dict[str, Any]:
    """Return what a mail says about one video, or about those that were asked for together with it."""
    task = event.task
    if kind == NotificationKind.APPROVAL:
        return {"task": task, "name": str(task), **_approval_part(event)}
    advice = advice_for(task.error_code)
    words = {
        NotificationKind.READY: (_("Your video is ready"), ""),
        NotificationKind.FAILED: (
            _("A video failed: %(reason)s") % {"reason": str(advice.heading).rstrip(".")},
            f"{advice.explanation} {advice.whose_move} {charge_words(task).verdict}",
        ),
        NotificationKind.DECISION: (
            _("A video needs a decision"),
            _("It is not known whether EvoLink accepted it. Nothing is sent again until somebody decides."),
        ),
    }
    subject, explanation = words[NotificationKind(kind)]
    url = links.page("videotask_change", task.pk)
    return {"task": task, "name": str(task), "subject": subject, "explanation": explanation, "url": url}


def _approval_part(event: TaskEvent) -> dict[str, str]:
    if event.kind == EventKind.SENT_BACK:
        who = people.name_of(event.actor) if event.actor is not None else _("Somebody")
        subject = _("%(who)s did not approve a video") % {"who": who}
        url = links.page("videotask_change", event.task.pk)
        return {"subject": subject, "explanation": str(event.detail.get("note", "")), "url": url}
    count, amount = int(event.detail.get("count", 1)), Decimal(str(event.detail.get("credits", 0)))
    words = ngettext(
        "A video waits for approval: about %(credits)s credits",
        "%(n)s videos wait for approval: about %(credits)s credits",
        count,
    )
    explanation = _("Nothing is sent or charged until somebody other than whoever asked has approved it.")
    subject = words % {"n": count, "credits": quotes.amount(amount)}
    return {"subject": subject, "explanation": explanation, "url": links.page("videotask_approvals")}


def batch_part(batch: Batch, ended_at: dt.datetime, user: Any) -> dict[str, Any] | None:
    """Return what a mail says about a batch, counted over the videos that the person may know of."""
    rows = visible_to(user).filter(batch_id=batch.pk).order_by()
    by_status = dict(rows.values_list("status").annotate(number=Count("pk")))
    total = sum(by_status.values())
    if not total:
        return None
    ready, failed, undecided, cancelled = (
        by_status.get(status, 0)
        for status in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.UNCONFIRMED, TaskStatus.CANCELLED)
    )
    sums = rows.aggregate(used=Sum("credits_used"), estimated=Sum("credits_estimated"))
    counts = [
        (_("Ready"), ready),
        (_("Failed"), failed),
        (_("Needs a decision"), undecided),
        (_("Cancelled"), cancelled),
        (_("Left out at the check"), batch.items.filter(content_sha256="").count()),
    ]
    return {
        "batch": batch,
        "name": batch.name,
        "subject": _subject(batch.name, total, ready, undecided),
        "heading": ready_words(total, ready, undecided),
        "ended_at": ended_at,
        "counts": [(label, number) for label, number in counts if number],
        "credits_used": sums["used"] or 0,
        "credits_estimated": sums["estimated"] or 0,
        "causes": list(_causes(rows)),
        "url": links.page("batch_change", batch.pk),
        "zip_url": links.page("batch_videos", batch.pk) if ready and find_spec("zipstream") else "",
    }


def _causes(rows: VideoTaskQuerySet) -> Iterable[dict[str, Any]]:
    failed = rows.filter(status=TaskStatus.FAILED).values_list("error_code").annotate(number=Count("pk"))
    by_heading: dict[str, dict[str, Any]] = {}
    for code, number in failed:
        advice = advice_for(code)
        cause = by_heading.setdefault(
            str(advice.heading),
            {
                "number": 0,
                "heading": advice.heading,
                "explanation": advice.explanation,
                "move": advice.whose_move,
                "names": [],
            },
        )
        cause["number"] += number
    items = BatchItem.objects.filter(task__in=rows.filter(status=TaskStatus.FAILED)).order_by("number")
    for code, given in items.values_list("task__error_code", "data")[:MOST_LOOKED_AT]:
        names = by_heading[heading]["names"] if (heading := str(advice_for(code).heading)) in by_heading else []
        if len(names) < MOST_PICTURES and (name := name_of_row(given)):
            names.append(name)
    return sorted(by_heading.values(), key=lambda cause: -int(cause["number"]))


def _subject(name: str, total: int, ready: int, undecided: int) -> str:
    return _("%(name)s: %(words)s") % {"name": name, "words": ready_words(total, ready, undecided)}


def ready_words(total: int, ready: int, undecided: int) -> str:
    numbers = {"ready": ready, "total": total, "n": undecided}
    if ready == total:
        return ngettext("the video is ready", "all %(total)s videos are ready", total) % numbers
    if not ready and not undecided:
        return _("no video could be made")
    if not undecided:
        return (
            ngettext("%(ready)s of %(total)s video is ready", "%(ready)s of %(total)s videos are ready", total)
            % numbers
        )
    return (
        ngettext(
            "%(ready)s of %(total)s videos are ready, %(n)s needs a decision",
            "%(ready)s of %(total)s videos are ready, %(n)s need a decision",
            undecided,
        )
        % numbers
    )


def _together(batches: Sequence[dict[str, Any]], singles: Sequence[Notification]) -> str:
    kinds = [row.kind for row in singles]
    found = [str(part["subject"]) for part in batches[:1]]
    if len(batches) > 1:
        found = [ngettext("%(n)s batch has ended", "%(n)s batches have ended", len(batches)) % {"n": len(batches)}]
    if number := kinds.count(NotificationKind.APPROVAL):
        found.append(ngettext("%(n)s approval", "%(n)s approvals", number) % {"n": number})
    return ", ".join([*found, *news(*(kinds.count(kind) for kind in COUNTED))])


def news(ready: int, failed: int, undecided: int) -> list[str]:
    """Return how many videos did what, in a few words each."""
    words = [
        (ready, ngettext("%(n)s video is ready", "%(n)s videos are ready", ready)),
        (failed, ngettext("%(n)s video failed", "%(n)s videos failed", failed)),
        (undecided, ngettext("%(n)s video needs a decision", "%(n)s videos need a decision", undecided)),
    ]
    return [text % {"n": number} for number, text in words if number]
