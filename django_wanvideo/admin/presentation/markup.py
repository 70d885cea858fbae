"""Pieces of HTML that several pages share, and the columns of the list that are made of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_wanvideo import catalog
from django_wanvideo.admin.presentation import formats, status_text
from django_wanvideo.choices import Charge, TaskStatus
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from django_wanvideo.catalog import ModelSpec
    from django_wanvideo.models import MediaInput, VideoTask

_CODE = '<code class="wv-code">{}</code>'


def icon(name: str) -> SafeString:
    """An icon of the sprite in ``wanvideo/icons.html``; words stand beside it, so it is hidden from readers."""
    return format_html('<svg class="wv-icon" aria-hidden="true"><use href="#wv-{}"/></svg>', name)


def with_code(text: str) -> SafeString:
    """A sentence in which names that stand between backticks look like what one types."""
    parts = enumerate(text.split("`"))
    return format_html_join("", "{}", ((format_html(_CODE, part) if n % 2 else part,) for n, part in parts))


def chip(status: str, words: str = "") -> SafeString:
    """A status with its mark; ``words`` in place of its name."""
    shown = words or capfirst(TaskStatus(status).label)
    return format_html('<span class="wv-chip is-{}">{}{}</span>', status, icon(status), shown)


def progress(value: int, label: str, *, large: bool = False) -> SafeString:
    """A bar; its text stands beside it."""
    return format_html(
        '<progress class="wv-progress{}" max="100" value="{}" aria-label="{}">{}</progress>',
        " is-large" if large else "",
        value,
        label,
        status_text.percent(value),
    )


def still_url(task: VideoTask, frame: MediaInput | None, *, small: bool = False) -> str:
    """The address of the picture that stands for a task: its poster, or else its first frame; empty where there is none.

    A link that somebody gave is not loaded, since it would tell that site who looks; a small one is never the original
    picture.
    """
    if address := files.url_of(task.poster):
        return address
    return files.url_of(frame.thumbnail if small else frame.shown_file) if frame is not None else ""


def thumbnail(task: VideoTask, frame: MediaInput | None) -> SafeString:
    """The small picture of a task, or an icon."""
    if address := still_url(task, frame, small=True):
        picture = format_html('<img src="{}" width="96" height="54" alt="" loading="lazy">', address)
    else:
        picture = icon("image" if frame is not None else "processing")
    words = length(task)
    over = format_html('<span class="wv-length">{}{}</span>', icon("play"), words) if words else ""
    return format_html('<span class="wv-thumb">{}{}</span>', picture, over)


def length(task: VideoTask) -> str:
    """How long a finished video is, as players say it: "0:05"; empty where that is not known."""
    seconds = task.parameters.get("duration")
    if task.status != TaskStatus.COMPLETED or not isinstance(seconds, int):
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d}"


def settings_line(task: VideoTask, *, with_model: bool = True) -> str:
    """The model and its main settings in one line: "Wan 2.6 Flash · 5 s · 720p · silent"."""
    spec = spec_of(task.model)
    values = task.parameters if spec is None else spec.effective_values(task.parameters)
    parts = [model_label(task.model)] if with_model else []
    length = values.get("duration")
    if isinstance(length, int):
        label = spec.parameter("duration").label_of(length) if spec is not None else ""
        parts.append(str(label) or formats.unbroken(_("%(s)s s") % {"s": length}))
    parts += [str(values[name]) for name in ("quality", "aspect_ratio") if values.get(name)]
    if values.get("generate_audio") is False:
        parts.append(_("silent"))
    return " · ".join(parts)


def model_label(model: str) -> str:
    """The short name of a model; its id when the catalogue does not know it any more."""
    spec = spec_of(model)
    return str(spec.short_label) if spec is not None else model


def spec_of(model: str) -> ModelSpec | None:
    """The model of that id; ``None`` when the catalogue does not know it any more."""
    return catalog.find(model)


def state(task: VideoTask) -> SafeString:
    """The status with what it means right now; ``resolve_url`` on the task makes a link of a decision that is needed."""
    resolve_url = getattr(task, "resolve_url", "")
    if resolve_url and status_text.needs_decision(task):
        link = '{}<a class="wv-sub is-warning" href="{}">{}</a>'
        return format_html(link, chip(task.status), resolve_url, status_text.status_summary(task))
    bar = progress(task.progress, _("Progress")) if task.status == TaskStatus.PROCESSING else ""
    tone = {TaskStatus.FAILED: " is-failed", TaskStatus.UNCONFIRMED: " is-warning"}.get(TaskStatus(task.status), "")
    return format_html(
        '{}{}<span class="wv-sub{}">{}</span>', chip(task.status), bar, tone, status_text.status_summary(task)
    )


def credits_cell(task: VideoTask) -> SafeString:
    """What a task has cost as far as that is known, or else what it is expected to cost."""
    amount, note, is_exact = _price(task)
    remark = format_html('<span class="wv-sub">{}</span>', note) if note else ""
    return format_html("{}{}" if is_exact else '<span class="wv-estimate">{}</span>{}', amount, remark)


def price_words(task: VideoTask) -> str:
    """The same in a few words: "11.90 credits", "≈ 11.90 credits", "not charged"; empty where nothing is known."""
    amount, note, is_exact = _price(task)
    if note and is_exact:
        return note
    return formats.unbroken(_("%(n)s credits") % {"n": amount}) if amount != "–" else note


def _price(task: VideoTask) -> tuple[str, str, bool]:
    """Return an amount of credits, what is known about the charge, and whether the amount is what was used."""
    charge, has_ended = task.charge, task.status in {TaskStatus.FAILED, TaskStatus.CANCELLED}
    if task.credits_used:
        return formats.credits_in_table(task.credits_used), "", True
    if task.credits_used is not None or (has_ended and charge in {Charge.NONE, Charge.NOT_EXPECTED}):
        note = charge_note(Charge.NONE if task.credits_used is not None else charge)
        return formats.credits_in_table(Decimal(0)), note, True
    known = task.credits_reserved if task.credits_reserved is not None else task.credits_estimated
    words, note = _("≈ %(n)s"), charge_note(charge)
    if charge == Charge.MAYBE and task.status not in {TaskStatus.QUEUED, TaskStatus.SUBMITTING}:
        words = _("up to %(n)s")
    elif charge != Charge.CHARGED or not has_ended:
        known, note = task.credits_estimated, ""
    amount = formats.unbroken(words % {"n": formats.credits_in_table(known)}) if known is not None else "–"
    return amount, note, False


def charge_note(charge: Charge) -> str:
    """What is known about the money, as a remark below a number."""
    return {
        Charge.NONE: _("not charged"),
        Charge.NOT_EXPECTED: _("should not be charged"),
        Charge.MAYBE: _("may have been charged"),
        Charge.CHARGED: _("charged"),
    }.get(charge, "")


def listed_frame(task: VideoTask) -> MediaInput | None:
    """The first frame that the list has fetched with all others, or the task's own."""
    frames = getattr(task, "listed_frames", None)
    if frames is None:
        return task.first_frame
    return frames[0] if frames else None


def linked_picture(task: VideoTask) -> SafeString:
    return format_html('{}<span class="visually-hidden">{}</span>', thumbnail(task, listed_frame(task)), str(task))


def of_batch(task: VideoTask, url: str) -> SafeString | str:
    """The batch that a task was made for, as a link where there is a page of it, and its row there."""
    name = str(task.batch)
    shown = format_html('<a href="{}" dir="auto">{}</a>', url, name) if url else name
    return format_html("{}, {}", shown, formats.unbroken(_("row %(n)s") % {"n": task.row_number}))


def of_take(task: VideoTask) -> SafeString | str:
    """Which take a task is, behind its settings; nothing for one by itself."""
    if task.take_number is None:
        return ""
    words = _("take %(n)s, picked") if task.picked else _("take %(n)s")
    return format_html(" · {}", formats.unbroken(words % {"n": task.take_number}))


class ColumnsMixin:
    @admin.display(description=gettext_lazy("Picture"))
    def picture(self, task: VideoTask) -> SafeString:
        return linked_picture(task)

    @admin.display(description=gettext_lazy("Task"))
    def task(self, task: VideoTask) -> SafeString:
        """The first words of the prompt and the main settings."""
        words = task.prompt[:200] or str(task.pk)
        parts = '<span class="wv-clip" dir="auto">{}</span> <span class="wv-sub">{}{}</span>'
        return format_html(parts, words, settings_line(task), of_take(task))

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def state(self, task: VideoTask) -> SafeString:
        """The status and what it means right now; rows that move carry what the live module needs."""
        return format_html(
            '<div class="wv-status" data-wanvideo-task="{}" data-status="{}"{}>{}</div>',
            task.pk,
            task.status,
            "" if task.is_finished or task.status == "draft" else format_html(' data-live="{}"', "1"),
            state(task),
        )

    @admin.display(description=gettext_lazy("Credits"))
    def credits(self, task: VideoTask) -> SafeString:
        return credits_cell(task)

    @admin.display(description=gettext_lazy("Owner"), ordering="owner_id")
    def owned_by(self, task: VideoTask) -> SafeString | str:
        """The owner, who leads to all of their tasks in this list."""
        if task.owner is None:
            return "–"
        url = getattr(task, "owner_url", "")
        return format_html('<a href="{}">{}</a>', url, task.owner) if url else str(task.owner)

    @admin.display(description=gettext_lazy("Created"), ordering="created_at")
    def created(self, task: VideoTask) -> SafeString:
        """When it was made, how long ago that is, and as which row of which batch."""
        return format_html(
            '<time datetime="{}">{}</time><span class="wv-sub">{}</span>{}',
            task.created_at.isoformat(),
            formats.clock(task.created_at),
            formats.age(task.created_at),
            format_html('<span class="wv-sub wv-batch">{}</span>', of_batch(task, getattr(task, "batch_url", "")))
            if task.batch_id is not None
            else "",
        )
