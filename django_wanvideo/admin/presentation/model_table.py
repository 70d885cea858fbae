"""Models side by side: what they cost, and what tells them apart. Every word and number comes from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median_low
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import catalog
from django_wanvideo.admin.caching import cached
from django_wanvideo.admin.presentation import formats
from django_wanvideo.choices import InputRole, Purpose, TaskStatus
from django_wanvideo.models import VideoTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from django_wanvideo.catalog import InputSpec, ModelSpec

#: What prices are compared for.
_SECONDS, _QUALITY = 5, "720p"
#: Videos that must have ended before it is said how long others take, those that are looked at, and seconds it is kept.
_LEAST, _MOST, _KEPT = 5, 50, 600


@dataclass(frozen=True)
class Line:
    """One line of the table: its head, and the lines of each model's cell."""

    head: str
    cells: list[list[str]]
    #: Whether the first line of a cell is the number that counts most.
    is_price: bool = False


@dataclass(frozen=True)
class Table:
    models: list[ModelSpec]
    lines: list[Line] = field(default_factory=list)


def price(spec: ModelSpec) -> Decimal | None:
    """Return the credits of a video of 5 seconds in 720p, with a clip of 5 seconds where one cannot be left out."""
    clip = catalog.MediaFacts(seconds=Decimal(_SECONDS))
    given = {item.role.value: [clip] for item in spec.inputs if item.required}
    try:
        return catalog.estimate(spec, _settings(spec), given)
    except (ValidationError, LookupError):
        return None


def cheapest_first(purpose: Purpose) -> list[ModelSpec]:
    """Return the models that are offered for ``purpose``."""
    models = [spec for spec in catalog.models() if purpose in spec.purposes]
    return sorted(models, key=lambda spec: price(spec) or Decimal("Infinity"))


def summary(models: Sequence[ModelSpec]) -> str:
    """Say how many models there are, and what a second of 720p costs."""
    rates = sorted(rate for spec in models if (rate := _rate(spec, _QUALITY)) is not None)
    words = ngettext("%(n)s model", "%(n)s models", len(models)) % {"n": len(models)}
    if not rates:
        return words
    low, high = formats.credits_in_table(rates[0]), formats.credits_in_table(rates[-1])
    shown = {"models": words, "low": low, "high": high}
    if any(spec.price.input_seconds for spec in models):
        if low == high:
            return _("%(models)s, %(low)s credits a second, clips included") % shown
        return _("%(models)s, %(low)s to %(high)s credits a second, clips included") % shown
    if low == high:
        return _("%(models)s, %(low)s credits a second") % shown
    return _("%(models)s, %(low)s to %(high)s credits a second") % shown


def table(models: list[ModelSpec]) -> Table:
    """Return what tells ``models`` apart; a line that says nothing of any of them is left out."""
    shown: list[tuple[str, Callable[[ModelSpec], list[str]]]] = [
        (_("Price of 5 s, 720p"), _price),
        (_("Price a second"), lambda spec: _rates(spec, _qualities(models))),
        (_("Ready in"), _ready_in),
        (_("Length"), _length),
        (_("Sound"), _sound),
        (_("Last frame too"), lambda spec: _has(spec.has_role(InputRole.LAST_FRAME))),
        (_("Seed"), lambda spec: _has(any(item.name == "seed" for item in spec.parameters))),
        (_("Picture"), lambda spec: _media(spec, "image")),
        (_("Clip"), lambda spec: _media(spec, "video")),
        (_("Document"), lambda spec: _has(spec.has_role(InputRole.DOCUMENT))),
        (_("Prompt"), lambda spec: [_("%(n)s characters") % {"n": formats.count(spec.prompt.max_length)}]),
    ]
    lines = [Line(head, [cell(spec) for spec in models], cell is _price) for head, cell in shown]
    return Table(models, [line for line in lines if any(cell not in ([_("no")], ["–"]) for cell in line.cells)])


def _settings(spec: ModelSpec, quality: str = _QUALITY) -> dict[str, object]:
    wanted: dict[str, object] = {spec.price.seconds: _SECONDS, "quality": quality}
    return {name: value for name, value in wanted.items() if any(item.name == name for item in spec.parameters)}


def _rate(spec: ModelSpec, quality: str) -> Decimal | None:
    try:
        return spec.price.rate_for(spec.effective_values(_settings(spec, quality)))
    except LookupError:
        return None


def _qualities(models: Iterable[ModelSpec]) -> list[str]:
    found = {
        str(item.value) for spec in models for one in spec.parameters if one.name == "quality" for item in one.options
    }
    return sorted(found, key=lambda name: (len(name), name))


def _price(spec: ModelSpec) -> list[str]:
    words = [formats.unbroken(_("%(n)s credits") % {"n": formats.credits_in_table(price(spec))})]
    billed = [spec.input(item.role) for item in spec.price.input_seconds]
    if any(wanted.required for wanted in billed):
        return [*words, _("with a clip of 5 s")]
    return [*words, _("clips cost as much a second")] if billed else words


def _rates(spec: ModelSpec, qualities: list[str]) -> list[str]:
    return [f"{name}:\N{NO-BREAK SPACE}{formats.credits_in_table(_rate(spec, name))}" for name in qualities]


def _ready_in(spec: ModelSpec) -> list[str]:
    seconds = cached(f"wanvideo:admin:ready-in:{spec.id}", _KEPT, lambda: _usual_seconds(spec.id))
    if not seconds:
        return [_("not used here yet")]
    return [_("about %(time)s") % {"time": formats.seconds_in_words(round(seconds / 30) * 30 or 30)}]


def _usual_seconds(model: str) -> int:
    """Return the usual seconds of this site's last videos of a model, as long as those that are compared; 0 for too few."""
    videos = VideoTask.objects.filter(model=model, status=TaskStatus.COMPLETED).order_by("-created_at")
    took = [
        round((end - begin).total_seconds())
        for begin, end, settings in videos.values_list("accepted_at", "finished_at", "parameters")[:_MOST]
        if begin is not None and end is not None and settings.get("duration") == _SECONDS
    ]
    return median_low(took) if len(took) >= _LEAST else 0


def _length(spec: ModelSpec) -> list[str]:
    known = {item.name: item for item in spec.parameters}
    if (duration := known.get(spec.price.seconds)) is None:
        return ["–"]
    if duration.options:
        values = [str(option.value) for option in duration.options]
        return [formats.unbroken(_("%(n)s s") % {"n": _(" or ").join(values)})]
    limits = {"low": duration.minimum, "high": duration.maximum}
    return [formats.unbroken(_("%(low)s to %(high)s s") % limits), *(str(option.label) for option in duration.also)]


def _sound(spec: ModelSpec) -> list[str]:
    names = {item.name for item in spec.parameters}
    found = []
    if "generate_audio" in names:
        costs_less = any(one.parameter == "generate_audio" for one in spec.price.multipliers)
        found.append(_("on or off (silent costs half)") if costs_less else _("on or off, same price"))
    elif spec.has_role(InputRole.AUDIO):
        found.append(_("made by Wan"))
    for role in (InputRole.AUDIO, InputRole.VOICES):
        if spec.has_role(role):
            words = _("voices of your own (%(formats)s)") if role == InputRole.VOICES else _("your own (%(formats)s)")
            found.append(words % {"formats": " / ".join(spec.input(role).formats)})
    if "keep_original_sound" in names:
        found.append(_("that of the clip, if you like"))
    return found or [_("no choice")]


def _has(is_there: bool) -> list[str]:
    return [_("yes") if is_there else _("no")]


def _media(spec: ModelSpec, media: str) -> list[str]:
    """Return the limits of pictures or clips, and of how many where there may be several."""
    found: list[str] = []
    for wanted in spec.inputs:
        if wanted.media == media and (limits := _limits(wanted)) not in found:
            found.append(limits)
    return found or ["–"]


def _limits(wanted: InputSpec) -> str:
    parts = []
    if wanted.max_items > 1:
        parts.append(_("up to %(n)s") % {"n": wanted.max_items})
    if wanted.max_seconds is not None:
        seconds = {"low": wanted.min_seconds or 0, "high": wanted.max_seconds}
        parts.append(formats.unbroken(_("%(low)s to %(high)s s") % seconds))
    elif wanted.min_side and wanted.max_side:
        parts.append(_("%(low)s to %(high)s px a side") % {"low": wanted.min_side, "high": wanted.max_side})
    parts.append(formats.unbroken(_("%(n)s MB") % {"n": wanted.max_bytes // 1_000_000}))
    return capfirst(", ".join(parts))
