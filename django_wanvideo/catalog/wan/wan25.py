"""Wan 2.5 at EvoLink. Source: EvoLink's page of each model, and its public pricing rules."""

from __future__ import annotations

from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.parameters import Choice
from django_wanvideo.catalog.spec import ModelSpec, Rule
from django_wanvideo.catalog.wan import common, media

_PRICE = common.price("5.10", "5.1", {"480p": "0.5", **common.HD})

_DURATION = replace(
    common.duration(5, 10),
    kind="choice",
    options=(Choice(5, _("5 seconds")), Choice(10, _("10 seconds"))),
    minimum=None,
    maximum=None,
)

IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.5-image-to-video",
    label=_("Wan 2.5, image to video"),
    short_label=_("Wan 2.5 image to video"),
    prompt=common.prompt(2000, "image"),
    parameters=(_DURATION, common.quality(_PRICE), common.PROMPT_EXTEND),
    inputs=(media.FIRST_FRAME_26,),
    price=_PRICE,
    source=common.page("wan2.5-image-to-video"),
    as_of=common.PAGES_AS_OF,
)

TEXT_TO_VIDEO = ModelSpec(
    id="wan2.5-text-to-video",
    label=_("Wan 2.5, text to video"),
    short_label=_("Wan 2.5 text to video"),
    prompt=common.prompt(2000, "text"),
    parameters=(_DURATION, common.quality(_PRICE), common.ASPECT_RATIO, common.PROMPT_EXTEND),
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
    price=_PRICE,
    source=common.page("wan2.5-text-to-video"),
    as_of=common.PAGES_AS_OF,
)

MODELS = (IMAGE_TO_VIDEO, TEXT_TO_VIDEO)
