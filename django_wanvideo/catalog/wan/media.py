"""Kinds of media that several Wan models share, with their limits and the words for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.inputs import MEGABYTE, InputSpec
from django_wanvideo.choices import InputRole

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
CLIP_FORMATS = ("MP4", "MOV")

_FIRST_FRAME = _("The video starts with this picture and keeps its proportions.")


def picture_26(role: InputRole, field: str, words: StrOrPromise, **options: Any) -> InputSpec:
    """Return a picture of Wan 2.5 and 2.6."""
    limits = _(
        "JPEG, WebP, BMP, or PNG without transparency; each side {low} to {high} px; up to {megabytes} MB.",
    )
    return InputSpec(
        role=role,
        request_field=field,
        media="image",
        formats=PICTURE_FORMATS,
        max_bytes=10 * MEGABYTE,
        min_side=360,
        max_side=2000,
        allow_transparency=False,
        help_text=_joined(words, format_lazy(limits, low=360, high=2000, megabytes=10)),
        **options,
    )


def picture_27(role: InputRole, field: str, words: StrOrPromise, **options: Any) -> InputSpec:
    """Return a picture of Wan 2.7 and 3.0."""
    limits = _(
        "JPEG, WebP, BMP, or PNG without transparency; each side {low} to {high} px, none more than {ratio} times the "
        "other; up to {megabytes} MB."
    )
    return InputSpec(
        role=role,
        request_field=field,
        media="image",
        formats=PICTURE_FORMATS,
        max_bytes=20 * MEGABYTE,
        min_side=240,
        max_side=8000,
        max_ratio=8,
        allow_transparency=False,
        help_text=_joined(words, format_lazy(limits, low=240, high=8000, ratio=8, megabytes=20)),
        **options,
    )


def clip(role: InputRole, words: StrOrPromise, low: int, high: int, **options: Any) -> InputSpec:
    """Return clips of ``low`` to ``high`` seconds, without limits of width and height."""
    limits = _("MP4 or MOV, {low} to {high} seconds, up to {megabytes} MB.")
    return InputSpec(
        role=role,
        request_field="video_urls",
        as_list=True,
        media="video",
        formats=CLIP_FORMATS,
        max_bytes=100 * MEGABYTE,
        min_seconds=low,
        max_seconds=high,
        help_text=_joined(words, format_lazy(limits, low=low, high=high, megabytes=100)),
        **options,
    )


def clip_27(role: InputRole, words: StrOrPromise, low: int, high: int, **options: Any) -> InputSpec:
    """Return clips of Wan 2.7 and 3.0."""
    limits = _("Each side {low} to {high} px, none more than {ratio} times the other.")
    return clip(
        role,
        _joined(words, format_lazy(limits, low=240, high=4096, ratio=8)),
        low,
        high,
        min_side=240,
        max_side=4096,
        max_ratio=8,
        **options,
    )


def sound(
    role: InputRole, field: str, words: StrOrPromise, low: int, high: int, formats: tuple[str, ...], **options: Any
) -> InputSpec:
    """Return sounds of ``low`` to ``high`` seconds."""
    limits = _("{formats}, {low} to {high} seconds, up to {megabytes} MB.")
    said = format_lazy(limits, formats=" / ".join(formats), low=low, high=high, megabytes=15)
    return InputSpec(
        role=role,
        request_field=field,
        media="audio",
        formats=formats,
        max_bytes=15 * MEGABYTE,
        min_seconds=low,
        max_seconds=high,
        help_text=_joined(words, said),
        **options,
    )


def _joined(words: StrOrPromise, limits: StrOrPromise) -> StrOrPromise:
    return format_lazy("{} {}", words, limits)


#: Of Wan 2.5 and 2.6.
FIRST_FRAME_26 = picture_26(
    InputRole.FIRST_FRAME,
    "image_urls",
    _FIRST_FRAME,
    label=_("Picture (first frame)"),
    required=True,
    as_list=True,
)


def first_frame_27(*, required: bool = False, words: StrOrPromise = _FIRST_FRAME) -> InputSpec:
    """Return the first frame of Wan 2.7 and 3.0."""
    label = _("Picture (first frame)")
    return picture_27(InputRole.FIRST_FRAME, "image_start", words, label=label, required=required)


LAST_FRAME = picture_27(
    InputRole.LAST_FRAME, "image_end", _("The video ends with this picture."), label=_("Last frame")
)


def reference_images(most: int, words: StrOrPromise) -> InputSpec:
    """Return up to ``most`` pictures of what the video is to show."""
    return picture_27(
        InputRole.REFERENCE_IMAGES,
        "image_urls",
        words,
        label=_("Reference pictures"),
        max_items=most,
        as_list=True,
    )
