"""The check of a batch that stands in the admin: its rows from what was given, and what was found of each."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import queue
from django_wanvideo.batches import duration, files, making, operations, planning, rows, tables
from django_wanvideo.batches.given import PICTURES, TABLE, TAKES, Repeats, numbered
from django_wanvideo.batches.rows import Common
from django_wanvideo.choices import BatchState
from django_wanvideo.db import database
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Batch, BatchItem
from django_wanvideo.models.base import people
from django_wanvideo.models.batches import placeholders
from django_wanvideo.services.limits import throttling

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import QuerySet

    from django_wanvideo.services.limits.throttling import Forecast


class TermsChanged(TransitionNotAllowed):
    """Prices, limits, the preset or what was made before are not any more what they were at the check. Check again."""


def begin(batch: Batch) -> Batch:
    """Store a batch that files come in for, or let the check of one be forgotten because they change; return its row.

    Raises:
        TransitionNotAllowed: it was confirmed meanwhile.
    """
    kept = timezone.now() + planning.KEPT
    values = {"state": BatchState.UPLOADING, "expires_at": kept, "next_action_at": kept}
    columns = {"owner_id": batch.owner_id, "name": batch.name, "settings": batch.settings}
    # Two requests of the same page may be the first.
    stored, _is_new = Batch.objects.get_or_create(pk=batch.pk, defaults=columns | values)
    states = [BatchState.UPLOADING, BatchState.CHECKED]
    if not Batch.objects.filter(pk=batch.pk, state__in=states).update(**values):
        raise TransitionNotAllowed(_("This check was confirmed before, or is gone."), action="upload")
    stored.refresh_from_db()
    return stored


def common_of(batch: Batch) -> Common:
    """Return what holds for all rows of a batch."""
    chosen = batch.settings
    has_files = chosen.get("way") != TABLE or chosen.get("archive") or chosen.get("media_name")
    return Common(
        model=chosen.get("model", ""),
        prompt=chosen.get("prompt", ""),
        parameters=chosen.get("parameters", {}),
        preset=batch.preset,
        fix_inputs=chosen.get("fix_inputs", False),
        resolve=files.Given(batch, chosen.get("media_name", "")).find if has_files else None,
    )


def rows_of(batch: Batch) -> Iterable[Mapping[str, Any]]:
    """Yield the rows of a batch by the way that was chosen."""
    way = batch.settings.get("way")
    if way == TABLE:
        return table_of(batch).rows
    if way == TAKES:
        return _takes(batch)
    pictures = batch.files.exclude(pk=batch.settings.get("archive")).order_by("pk")
    return ({"first_frame": item.name, "name": placeholders.stem(item.name)} for item in pictures.iterator())


def table_of(batch: Batch) -> tables.Table:
    """Read the table of a batch. Raises ValidationError where it cannot be read."""
    template = common_of(batch).template({})
    return tables.read(batch.files.get(pk=batch.settings["table"]), asked=placeholders.names(template))


def _takes(batch: Batch) -> Iterator[Mapping[str, Any]]:
    """Yield the same row again and again, with other prompts or seeds where there are some."""
    chosen = batch.settings["takes"]
    prompts = chosen.get("prompts") or [""] * int(chosen["count"])
    for number, prompt in enumerate(prompts):
        seeds = {"seed": chosen["seed"] + number} if chosen.get("seed") is not None else {}
        yield {**chosen.get("inputs", {}), "prompt": prompt, **seeds}


def check(batch: Batch) -> None:
    """Check all rows of a batch anew and keep what was found, for 24 hours.

    Of a table, ``settings`` then has its ``columns``, and ``warnings`` about it as a whole.

    Raises:
        TransitionNotAllowed: it was confirmed meanwhile.
        ValidationError: the table as a whole cannot be read.
    """
    common = common_of(batch)
    models: set[str] = set()
    repeats = Repeats()
    table = table_of(batch) if batch.settings.get("way") == TABLE else None
    with database.atomic():
        states = [BatchState.UPLOADING, BatchState.CHECKED]
        if not Batch.objects.select_for_update().filter(pk=batch.pk, state__in=states).exists():
            raise TransitionNotAllowed(_("This check was confirmed before, or is gone."), action="check")
        batch.items.all().delete()
        given = numbered(table.rows if table is not None else rows_of(batch))
        pairs = ((row, rows.check(number, row, common)) for number, row in given)
        for chunk in planning.chunked(pairs):
            planning.store(batch, chunk)
            models.update(checked.content["model"] for _row, checked in chunk if checked.content)
            for _row, checked in chunk:
                repeats.add(checked)
        batch.settings = batch.settings | {"models": sorted(models), "warnings": []}
        batch.source_sha256 = _pictures_sha256(batch)
        if table is not None:
            table.note(batch)
            batch.settings |= {"warnings": table.warnings + repeats.warnings()}
        batch.terms = planning.terms(models, batch.preset, batch.owner_id)
        batch.state = BatchState.CHECKED
        batch.expires_at = batch.next_action_at = timezone.now() + planning.KEPT
        batch.save()


def _pictures_sha256(batch: Batch) -> str:
    """Return what tells that the same pictures were given before, in whatever order; empty for other ways in."""
    if batch.settings.get("way") != PICTURES:
        return ""
    found = batch.files.exclude(pk=batch.settings.get("archive")).values_list("sha256", flat=True)
    return hashlib.sha256(" ".join(sorted(found)).encode()).hexdigest()


def confirm(batch: Batch, *, by: AbstractBaseUser | None = None, submit: bool = False, again: bool = False) -> None:
    """Let the good rows of a checked batch be made, and sent with ``submit``; once, however often it is asked for.

    ``batch`` is the check that was looked at: nothing is made where it was checked anew since.

    Raises:
        TermsChanged: it has to be checked again, since it would not be what was shown.
        TransitionNotAllowed: it was confirmed or checked again already, is too old, or is gone.
        PermissionDenied: ``by`` may not spend credits, or not make tasks.
    """
    if submit:
        people.check_permission(by, operations.MAY_SPEND, _("You may not spend credits."))
    else:
        people.check_permission(by, "wanvideo.add_videotask", _("You may not make tasks."))
    if batch.state == BatchState.CHECKED:
        _refuse_old(batch)
    again = again or batch.settings.get("way") == TAKES
    with database.atomic():
        making.wait_for_others()
        if batch.state == BatchState.CHECKED and not again:
            _refuse_made_meanwhile(batch)
        making.confirm(batch, by=by, submit=submit, again=again)
        queue.enqueue_on_commit("batch", batch.pk)


def is_old(batch: Batch) -> bool:
    """Tell whether a check is too old to be confirmed."""
    return batch.expires_at is not None and batch.expires_at <= timezone.now()


def _refuse_old(batch: Batch) -> None:
    if is_old(batch):
        words = _("This check is older than a day, and prices may have changed. Check it again.")
        raise TransitionNotAllowed(words, action="confirm")
    if batch.terms != planning.terms(batch.settings.get("models", []), batch.preset, batch.owner_id):
        raise TermsChanged(_("Prices, limits or the preset have changed since this was checked. Check it again."))


def _refuse_made_meanwhile(batch: Batch) -> None:
    """Refuse where another batch has made, or was told to make, rows that were new at the check."""
    new = BatchItem.objects.filter(batch=batch, is_repeat=False).exclude(content_sha256="")
    others = BatchItem.objects.filter(batch__state=BatchState.CREATING).exclude(batch=batch)
    for chunk in planning.chunked(new.values_list("content_sha256", flat=True)):
        if making.known_contents(chunk) or others.filter(content_sha256__in=chunk).exists():
            raise TermsChanged(_("Some of these rows have been made since this was checked. Check it again."))


def earlier(batch: Batch, visible: QuerySet[Batch]) -> Batch | None:
    """Return the newest of the ``visible`` batches that was confirmed with the same file, or the same pictures."""
    if not batch.source_sha256:
        return None
    same = visible.filter(source_sha256=batch.source_sha256, confirmed_at__isnull=False)
    return same.exclude(pk=batch.pk).order_by("-confirmed_at").first()


def summary(batch: Batch, *, again: bool = False) -> dict[str, Any]:
    """Return what a check has found.

    ``rows``, ``bad``, ``repeats``, ``good`` are numbers of rows; ``makeable`` are the good ones that a press makes;
    ``credits`` is what those cost; ``forecast`` how many of them fit into the limits today; ``duration`` how long they take.
    """
    good = ~Q(content_sha256="")
    again = again or batch.settings.get("way") == TAKES
    wanted = good if again else good & Q(is_repeat=False)
    found = BatchItem.objects.filter(batch=batch).aggregate(
        rows=Count("pk"),
        good=Count("pk", filter=good),
        repeats=Count("pk", filter=good & Q(is_repeat=True)),
        makeable=Count("pk", filter=wanted),
        credits=Sum("credits_estimated", filter=wanted),
    )
    found["bad"] = found["rows"] - found["good"]
    found["credits"] = found["credits"] or Decimal(0)
    prices = (
        BatchItem.objects.filter(wanted, batch=batch).order_by("number").values_list("credits_estimated", flat=True)
    )
    forecast: Forecast | None = throttling.forecast((price, batch.owner_id) for price in prices)
    return {**found, "forecast": forecast, "duration": duration.estimate(found["makeable"])}
