"""What the page of a check shows: figures, rows that are left out, the first good ones, and what was made before."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import catalog
from django_wanvideo.admin.base import person
from django_wanvideo.admin.presentation import approvals as wording
from django_wanvideo.admin.presentation import formats, markup, prices
from django_wanvideo.batches import checking
from django_wanvideo.batches.given import TAKES
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import BatchFile, BatchItem, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services.limits import budget, credit_limits

if TYPE_CHECKING:
    import datetime as dt
    from decimal import Decimal

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from django_wanvideo.admin.batches.base import BatchAdminBase
    from django_wanvideo.batches.duration import Duration
    from django_wanvideo.models import Batch

#: Rows of each kind that are shown; the bad ones are all in the download.
BAD_SHOWN, GOOD_SHOWN = 100, 3


@dataclass(frozen=True)
class BadCell:
    """One thing that is wrong with one row."""

    number: int
    column: str
    cell: str
    problem: SafeString
    repair: SafeString


@dataclass(frozen=True)
class GoodRow:
    """One row that can be made."""

    number: int
    prompt: str
    thumbnail: SafeString
    settings: str
    price: str


def context(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch, *, again: bool) -> dict[str, Any]:
    """Return everything that the page shows of a check."""
    found = checking.summary(batch, again=again)
    items = BatchItem.objects.filter(batch=batch).order_by("number")
    bad = list(items.filter(content_sha256="")[:BAD_SHOWN]) if found["bad"] else []
    price = next((spec.price for spec in catalog.known() if spec.id in batch.settings.get("models", [])), None)
    return {
        "batch": batch,
        "found": found,
        "again": again,
        "is_old": checking.is_old(batch),
        "is_takes": batch.settings.get("way") == TAKES,
        "can_submit": model_admin.has_submit_permission(request),
        "left_out": found["rows"] - found["makeable"],
        "bad": [
            BadCell(
                row.number,
                item["column"],
                item["cell"],
                markup.with_code(item["problem"]),
                markup.with_code(item["repair"]),
            )
            for row in bad
            for item in row.problems
        ],
        "bad_rest": found["bad"] - len(bad),
        "good": _good(batch, again=again) if found["makeable"] else [],
        "good_rest": max(found["makeable"] - GOOD_SHOWN, 0),
        "credits": formats.credits_in_table(found["credits"]),
        "dollars": formats.credits_in_table(price.dollars(found["credits"])) if price is not None else "",
        "as_of": price.as_of if price is not None else None,
        "each": _each(found),
        "forecast": [
            *filter(None, [wording.needed(person(request), found["credits"], found["makeable"])]),
            *prices.told(found["forecast"]),
        ],
        "limits": limits(batch.owner_id, found["credits"]),
        "time": _time(found["duration"]),
        "before": _before(model_admin, request, batch),
        "warnings": [markup.with_code(words) for words in batch.settings.get("warnings", [])],
        "bad_url": model_admin.get_page_url("bad_rows", batch.pk),
    }


def _good(batch: Batch, *, again: bool) -> list[GoodRow]:
    rows = BatchItem.objects.filter(batch=batch).exclude(content_sha256="").order_by("number")
    is_all = again or batch.settings.get("way") == TAKES
    shown = list((rows if is_all else rows.filter(is_repeat=False))[:GOOD_SHOWN])
    pictures = BatchFile.objects.in_bulk(
        [one["file"] for row in shown for one in row.content["inputs"] if "file" in one]
    )
    return [_good_row(row, pictures) for row in shown]


def _good_row(row: BatchItem, pictures: dict[int, BatchFile]) -> GoodRow:
    content = row.content
    task = VideoTask(model=content["model"], prompt=content["prompt"], parameters=content["parameters"])
    # A link has no small picture, but it is one.
    frame: Any = next((pictures.get(one.get("file", 0), BatchFile()) for one in content["inputs"]), None)
    return GoodRow(
        row.number,
        content["prompt"],
        markup.thumbnail(task, frame),
        markup.settings_line(task),
        formats.credits_in_table(row.credits_estimated),
    )


def _each(found: dict[str, Any]) -> str:
    """Say the mean price of one video."""
    if not found["makeable"]:
        return ""
    return formats.credits_in_table(found["credits"] / found["makeable"])


@dataclass(frozen=True)
class Limit:
    """What a batch takes of one limit on credits."""

    share: int
    of: str
    words: str


def limits(owner_id: Any, price: Decimal) -> list[Limit]:
    """Say what these take of each limit on credits, the tightest first; nothing where there is none."""
    if not credit_limits.are_set():
        return []
    found = []
    try:
        for limit, used in budget.Room().standing(owner_id):
            share = math.ceil(price / limit.credits * 100) if limit.credits else 100
            values = {
                "limit": credit_limits.words(limit),
                "used": formats.credits_in_table(used),
                "total": formats.credits_in_table(used + price),
            }
            words = _("Of %(limit)s, %(used)s are used; with these about %(total)s.") % values
            found.append(Limit(share, credit_limits.words(limit), words))
    except ConfigurationError:
        return []
    return sorted(found, key=lambda item: -item.share)


def _time(found: Duration | None) -> tuple[str, str]:
    """Say how long it will take, in whole minutes, and what that counts on."""
    if found is None:
        return "–", _("no estimate yet")
    values = {"n": found.at_once, "each": _minutes(found.each)}
    words = _("%(n)s at a time, %(each)s each") if found.at_once else _("all at once, %(each)s each")
    return formats.unbroken(_("≈ %(time)s") % {"time": _minutes(found.total)}), words % values


def _minutes(span: dt.timedelta) -> str:
    return formats.seconds_in_words(math.ceil(span.total_seconds() / 60) * 60)


def _before(model_admin: BatchAdminBase, request: HttpRequest, batch: Batch) -> dict[str, str] | None:
    """Say who has made videos of the same file, where the person may know of it."""
    earlier = checking.earlier(batch, model_admin.get_queryset(request))
    if earlier is None:
        return None
    count = earlier.tasks.count()
    words = ngettext(
        "%(who)s made %(n)s video from the same on %(at)s.", "%(who)s made %(n)s videos from the same on %(at)s.", count
    )
    who = people.name_of(earlier.owner) if earlier.owner is not None else _("Somebody")
    values = {"who": who, "n": count, "at": formats.clock(earlier.confirmed_at)}
    return {"words": words % values, "url": model_admin.get_batch_url(request, earlier)}
