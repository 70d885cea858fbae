"""Wan 2.6 at EvoLink. Source: EvoLink's API reference of each model, and its public pricing rules."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import common
from django_wanvideo.catalog.spec import ModelSpec

_FLASH_PRICE = common.price("2.38", "6", silent="0.5")
_PRICE = common.price("4.76", "6")

IMAGE_TO_VIDEO_FLASH = ModelSpec(
    id="wan2.6-image-to-video-flash",
    label=_("Wan 2.6 Flash, image to video"),
    short_label=_("Wan 2.6 Flash"),
    prompt=common.prompt(1500, image_to_video=True),
    parameters=(
        common.duration(2, 15),
        common.quality(_FLASH_PRICE),
        common.generate_audio(_FLASH_PRICE),
        common.PROMPT_EXTEND,
        common.SHOT_TYPE,
    ),
    inputs=(common.FIRST_FRAME, common.AUDIO),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING, common.SILENCE_EXCLUDES_SOUND),
    price=_FLASH_PRICE,
)

IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video",
    label=_("Wan 2.6, image to video"),
    short_label=_("Wan 2.6 image to video"),
    prompt=common.prompt(1500, image_to_video=True),
    parameters=(common.duration(2, 15), common.quality(_PRICE), common.PROMPT_EXTEND, common.SHOT_TYPE),
    inputs=(common.FIRST_FRAME, common.AUDIO),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
)

TEXT_TO_VIDEO = ModelSpec(
    id="wan2.6-text-to-video",
    label=_("Wan 2.6, text to video"),
    short_label=_("Wan 2.6 text to video"),
    prompt=common.prompt(1500, image_to_video=False),
    parameters=(
        common.duration(2, 15),
        common.quality(_PRICE),
        common.ASPECT_RATIO,
        common.PROMPT_EXTEND,
        common.SHOT_TYPE,
    ),
    inputs=(common.AUDIO,),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
)
