"""Clips, sounds and documents, judged by what was measured of them. What nobody has measured is named, never guessed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from django.core.exceptions import ValidationError
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.images.errors import megabytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog.inputs import InputSpec, MediaFacts
    from django_wanvideo.catalog.spec import ModelSpec

_WITH_LENGTH = frozenset({"MP4", "MOV", "WAV"})
_WITHOUT_PAGES = frozenset({"TXT", "MD"})
Fact = Literal["format", "size", "sides", "seconds", "pages"]


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A limit that could not be held against an input, because nobody has measured it."""

    role: str
    #: From 0.
    position: int
    fact: Fact


def check(
    spec: ModelSpec, inputs: Mapping[str, Sequence[MediaFacts]], parameters: Mapping[str, object]
) -> list[Unchecked]:
    """Hold what was measured of inputs, by role, against the limits of a model; return what could not be checked.

    Args:
        inputs: as many facts as there are inputs of each role.
        parameters: valid values, for limits that depend on the length of the video.

    Raises:
        ValidationError: keyed by role, all problems at once.
    """
    problems: defaultdict[str, list[ValidationError]] = defaultdict(list)
    unchecked = []
    video = spec.effective_values(parameters).get(spec.price.seconds)
    # A length that the model chooses itself is no length.
    seconds = video if isinstance(video, int) and video not in dict(spec.price.reserved) else None
    for wanted in spec.inputs:
        given = inputs.get(wanted.role, ())
        for position, facts in enumerate(given):
            problems[wanted.role.value] += problems_of(wanted, facts)
            unchecked += [Unchecked(wanted.role.value, position, fact) for fact in unknown(wanted, facts)]
        problems[wanted.role.value] += _problems_of_all(wanted, [facts.seconds for facts in given], seconds)
    if found := {role: errors for role, errors in problems.items() if errors}:
        raise ValidationError(found)
    return unchecked


def unknown(wanted: InputSpec, facts: MediaFacts) -> Iterator[Fact]:
    """Yield what would have to be known of an input to hold it against its limits, and is not."""
    if facts.format is None:
        yield "format"
    if facts.size is None:
        yield "size"
    if (wanted.min_side or wanted.max_side) and None in {facts.width, facts.height}:
        yield "sides"
    if (wanted.min_seconds or wanted.max_seconds or wanted.total_seconds) and facts.seconds is None:
        yield "seconds"
    if wanted.max_pages and facts.pages is None and facts.format not in _WITHOUT_PAGES:
        yield "pages"


def remarks(wanted: InputSpec, facts: MediaFacts, *, is_link: bool = False) -> Iterator[StrOrPromise]:
    """Yield in sentences what of an input could not be checked, with the limit and how it can be checked."""
    facts_left = set(unknown(wanted, facts)) & {"seconds", "sides", "pages"}
    if "seconds" in facts_left:
        words = _("Its length has not been checked; {low} to {high} seconds are taken.")
        yield format_lazy(words, low=wanted.min_seconds or 0, high=wanted.max_seconds or wanted.total_seconds or "…")
    if "pages" in facts_left:
        words = _("The number of its pages has not been checked; up to {limit} are taken.")
        yield format_lazy(words, limit=wanted.max_pages)
    if not facts_left or wanted.media == "image":
        return
    if is_link:
        yield _("A link is opened by EvoLink only; what is given as a file is checked here.")
    elif facts.format in {"PDF", *_WITH_LENGTH}:
        yield _("This site has nothing that measures it; its developers can install django-wanvideo[media].")
    elif wanted.media == "document":
        yield _("As a PDF it is checked.")


def problems_of(wanted: InputSpec, facts: MediaFacts) -> Iterator[ValidationError]:
    """Yield what is wrong with one input by itself."""
    if facts.format is not None and facts.format not in wanted.formats:
        message = _("%(format)s is not taken here. Save it as %(formats)s and choose that.")
        params = {"format": facts.format, "formats": ", ".join(wanted.formats)}
        yield ValidationError(message, "format", params)
    if facts.size is not None and facts.size > wanted.max_bytes:
        message = _("The file has %(size)s; at most %(limit)s are taken. Make it smaller.")
        params = {"size": megabytes(facts.size), "limit": megabytes(wanted.max_bytes)}
        yield ValidationError(message, "too_many_bytes", params)
    if facts.width is not None and facts.height is not None:
        yield from _problems_of_sides(wanted, facts.width, facts.height)
    if facts.seconds is not None:
        low, high = wanted.min_seconds or 0, wanted.max_seconds or facts.seconds
        if not low <= facts.seconds <= high:
            message = (
                _("It lasts %(seconds)s seconds; %(low)s to %(high)s are taken. Choose a longer one.")
                if facts.seconds < low
                else _("It lasts %(seconds)s seconds; %(low)s to %(high)s are taken. Cut it, or choose another.")
            )
            yield ValidationError(message, "seconds", {"seconds": _plain(facts.seconds), "low": low, "high": high})
    if facts.pages is not None and wanted.max_pages is not None and facts.pages > wanted.max_pages:
        message = _("It has %(pages)s pages; at most %(limit)s are taken. Give only the pages that matter.")
        yield ValidationError(message, "pages", {"pages": facts.pages, "limit": wanted.max_pages})


def _problems_of_sides(wanted: InputSpec, width: int, height: int) -> Iterator[ValidationError]:
    low, high = wanted.min_side or 1, wanted.max_side or max(width, height)
    if min(width, height) < low or max(width, height) > high:
        message = _("It is %(width)s × %(height)s pixels; each side must have %(low)s to %(high)s. Scale it.")
        yield ValidationError(message, "sides", {"width": width, "height": height, "low": low, "high": high})
    if wanted.max_ratio is not None and max(width, height) > wanted.max_ratio * min(width, height):
        message = _("One side is more than %(limit)s times as long as the other. Crop it.")
        yield ValidationError(message, "ratio", {"limit": wanted.max_ratio})


def _problems_of_all(
    wanted: InputSpec, lengths: Sequence[Decimal | None], video: int | None
) -> Iterator[ValidationError]:
    """Yield what is wrong with the length of all together; of unknown ones, what is too long already without them."""
    total = sum((length for length in lengths if length is not None), Decimal(0))
    if not total:
        return
    if wanted.total_seconds is not None and total > wanted.total_seconds:
        message = _("Together they last %(seconds)s seconds; at most %(limit)s are taken. Cut them.")
        yield ValidationError(message, "total_seconds", {"seconds": _plain(total), "limit": wanted.total_seconds})
    most = wanted.total_seconds_with_video
    if most is not None and video is not None and total + video > most:
        message = _(
            "They last %(seconds)s seconds, and the video %(video)s; both together may have %(limit)s. Make the video "
            "shorter, or cut them."
        )
        params = {"seconds": _plain(total), "video": video, "limit": most}
        yield ValidationError(message, "total_seconds_with_video", params)
    if wanted.is_part_of_video and video is not None and total > video:
        message = _(
            "The clip lasts %(seconds)s seconds, which the video begins with, and the video only %(video)s. Make the video "
            "longer."
        )
        yield ValidationError(message, "longer_than_video", {"seconds": _plain(total), "video": video})


def _plain(seconds: Decimal) -> str:
    return f"{seconds.normalize():f}"
