"""Wan 2.6 at EvoLink. Source: EvoLink's API reference of each model, and its public pricing rules."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import parts
from django_wanvideo.catalog.spec import ModelSpec

_FLASH_PRICE = parts.price("2.38", "6", silent="0.5")
_PRICE = parts.price("4.76", "6")

IMAGE_TO_VIDEO_FLASH = ModelSpec(
    id="wan2.6-image-to-video-flash",
    label=_("Wan 2.6 Flash, image to video"),
    short_label=_("Wan 2.6 Flash"),
    prompt=parts.prompt(1500, from_picture=True),
    parameters=(
        parts.duration(2, 15),
        parts.quality(_FLASH_PRICE),
        parts.generate_audio(_FLASH_PRICE),
        parts.PROMPT_EXTEND,
        parts.SHOT_TYPE,
    ),
    inputs=(parts.FIRST_FRAME, parts.AUDIO),
    rules=(parts.SHOT_TYPE_NEEDS_REWRITING, parts.SILENCE_EXCLUDES_SOUND),
    price=_FLASH_PRICE,
)

IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video",
    label=_("Wan 2.6, image to video"),
    short_label=_("Wan 2.6 image to video"),
    prompt=parts.prompt(1500, from_picture=True),
    parameters=(parts.duration(2, 15), parts.quality(_PRICE), parts.PROMPT_EXTEND, parts.SHOT_TYPE),
    inputs=(parts.FIRST_FRAME, parts.AUDIO),
    rules=(parts.SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
)

TEXT_TO_VIDEO = ModelSpec(
    id="wan2.6-text-to-video",
    label=_("Wan 2.6, text to video"),
    short_label=_("Wan 2.6 text to video"),
    prompt=parts.prompt(1500, from_picture=False),
    parameters=(
        parts.duration(2, 15),
        parts.quality(_PRICE),
        parts.ASPECT_RATIO,
        parts.PROMPT_EXTEND,
        parts.SHOT_TYPE,
    ),
    inputs=(parts.AUDIO,),
    rules=(parts.SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
)
