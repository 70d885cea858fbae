"""Wan 2.5 and 2.6 at EvoLink. Source: EvoLink's API reference of each model, and its public pricing rules."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog import common
from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.spec import ModelSpec, Rule

_WAN25_PRICE = common.price("5.10", "5.1", with_480p=True)

_DURATION: ParameterSpec = replace(
    common.duration(5, 10),
    kind="choice",
    options=(Choice(5, _("5 seconds")), Choice(10, _("10 seconds"))),
    minimum=None,
    maximum=None,
)

WAN25_IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.5-image-to-video",
    label=_("Wan 2.5, image to video"),
    short_label=_("Wan 2.5 image to video"),
    prompt=common.prompt(2000, image_to_video=True),
    parameters=(_DURATION, common.quality(_WAN25_PRICE), common.PROMPT_EXTEND),
    inputs=(common.FIRST_FRAME,),
    price=_WAN25_PRICE,
)

WAN25_TEXT_TO_VIDEO = ModelSpec(
    id="wan2.5-text-to-video",
    label=_("Wan 2.5, text to video"),
    short_label=_("Wan 2.5 text to video"),
    prompt=common.prompt(2000, image_to_video=False),
    parameters=(_DURATION, common.quality(_WAN25_PRICE), common.ASPECT_RATIO, common.PROMPT_EXTEND),
    inputs=(),
    rules=(
        Rule(
            kind="excludes",
            parameter="aspect_ratio",
            values=("4:3", "3:4"),
            others=(("quality", "480p"),),
            message=_("480p has no 4:3 and 3:4. Choose another format, or 720p or 1080p."),
        ),
    ),
    price=_WAN25_PRICE,
)

_WAN26_FLASH_PRICE = common.price("2.38", "6", silent="0.5")
_WAN26_PRICE = common.price("4.76", "6")

WAN26_FLASH_IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video-flash",
    label=_("Wan 2.6 Flash, image to video"),
    short_label=_("Wan 2.6 Flash"),
    prompt=common.prompt(1500, image_to_video=True),
    parameters=(
        common.duration(2, 15),
        common.quality(_WAN26_FLASH_PRICE),
        common.generate_audio(_WAN26_FLASH_PRICE),
        common.PROMPT_EXTEND,
        common.SHOT_TYPE,
    ),
    inputs=(common.FIRST_FRAME, common.AUDIO),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING, common.SILENCE_EXCLUDES_SOUND),
    price=_WAN26_FLASH_PRICE,
)

WAN26_IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video",
    label=_("Wan 2.6, image to video"),
    short_label=_("Wan 2.6 image to video"),
    prompt=common.prompt(1500, image_to_video=True),
    parameters=(common.duration(2, 15), common.quality(_WAN26_PRICE), common.PROMPT_EXTEND, common.SHOT_TYPE),
    inputs=(common.FIRST_FRAME, common.AUDIO),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING,),
    price=_WAN26_PRICE,
)

WAN26_TEXT_TO_VIDEO = ModelSpec(
    id="wan2.6-text-to-video",
    label=_("Wan 2.6, text to video"),
    short_label=_("Wan 2.6 text to video"),
    prompt=common.prompt(1500, image_to_video=False),
    parameters=(
        common.duration(2, 15),
        common.quality(_WAN26_PRICE),
        common.ASPECT_RATIO,
        common.PROMPT_EXTEND,
        common.SHOT_TYPE,
    ),
    inputs=(common.AUDIO,),
    rules=(common.SHOT_TYPE_NEEDS_REWRITING,),
    price=_WAN26_PRICE,
)
