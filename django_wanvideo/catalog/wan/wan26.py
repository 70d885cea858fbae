"""Wan 2.6 at EvoLink. Source: EvoLink's page of each model, and its public pricing rules."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.pricing import InputSeconds
from django_wanvideo.catalog.spec import ModelSpec, Rule
from django_wanvideo.catalog.wan import common, media
from django_wanvideo.choices import InputRole

SHOT_TYPE = ParameterSpec(
    name="shot_type",
    kind="choice",
    label=_("Shots"),
    help_text=_("Overrides what the prompt says about cuts."),
    default="single",
    options=(
        Choice("single", _("One shot"), _("no cuts")),
        Choice("multi", _("Several"), _("Wan cuts between them")),
    ),
    request_field="model_params.shot_type",
)

_SHOT_TYPE_NEEDS_REWRITING = Rule(
    kind="requires",
    parameter="shot_type",
    others=(("prompt_extend", True),),
    message=_("Shots can be chosen only while Wan rewrites the prompt. Turn rewriting on, or leave shots unset."),
    note=_("Available because prompt rewriting is on. Overrides what the prompt says about cuts."),
)

#: EvoLink does not say what would become of the sound.
_SILENCE_EXCLUDES_SOUND = Rule(
    kind="excludes",
    parameter="generate_audio",
    values=(False,),
    others=((InputRole.AUDIO.value, True),),
    message=_("A silent video cannot use a sound. Turn “Make sound” on, or remove the sound."),
)

AUDIO = media.sound(
    InputRole.AUDIO,
    "audio_url",
    _(
        "The video is made to this sound. What is longer than the video is cut; after a shorter sound the video is "
        "silent."
    ),
    3,
    30,
    ("MP3",),
    label=_("Sound"),
)

_REFERENCE_VIDEOS = media.clip(
    InputRole.REFERENCE_VIDEOS,
    _("Looks and voices of the people in these clips are taken over. Their first seconds are billed."),
    2,
    30,
    label=_("Reference clips"),
    required=True,
    max_items=3,
)
_BILLED = InputSeconds(InputRole.REFERENCE_VIDEOS, Decimal(5), (Decimal(5), Decimal("2.5"), Decimal("1.65")))

_FLASH_PRICE = common.price("2.38", "6", silent="0.5")
_PRICE = common.price("4.76", "6")
_REFERENCE_FLASH_PRICE = common.price("2.38", "9", silent="0.5", input_seconds=(_BILLED,))
_REFERENCE_PRICE = common.price("4.76", "9", input_seconds=(_BILLED,))

FLASH_IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video-flash",
    label=_("Wan 2.6 Flash, image to video"),
    short_label=_("Wan 2.6 Flash"),
    prompt=common.prompt(1500, "image"),
    parameters=(
        common.duration(2, 15),
        common.quality(_FLASH_PRICE),
        common.generate_audio(_FLASH_PRICE),
        common.PROMPT_EXTEND,
        SHOT_TYPE,
    ),
    inputs=(media.FIRST_FRAME_26, AUDIO),
    rules=(_SHOT_TYPE_NEEDS_REWRITING, _SILENCE_EXCLUDES_SOUND),
    price=_FLASH_PRICE,
    source=common.page("wan2.6-image-to-video-flash"),
    as_of=common.PAGES_AS_OF,
)

IMAGE_TO_VIDEO = ModelSpec(
    id="wan2.6-image-to-video",
    label=_("Wan 2.6, image to video"),
    short_label=_("Wan 2.6 image to video"),
    prompt=common.prompt(1500, "image"),
    parameters=(common.duration(2, 15), common.quality(_PRICE), common.PROMPT_EXTEND, SHOT_TYPE),
    inputs=(media.FIRST_FRAME_26, AUDIO),
    rules=(_SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
    source=common.page("wan2.6-image-to-video"),
    as_of=common.PAGES_AS_OF,
)

TEXT_TO_VIDEO = ModelSpec(
    id="wan2.6-text-to-video",
    label=_("Wan 2.6, text to video"),
    short_label=_("Wan 2.6 text to video"),
    prompt=common.prompt(1500, "text"),
    parameters=(
        common.duration(2, 15),
        common.quality(_PRICE),
        common.ASPECT_RATIO,
        common.PROMPT_EXTEND,
        SHOT_TYPE,
    ),
    inputs=(AUDIO,),
    rules=(_SHOT_TYPE_NEEDS_REWRITING,),
    price=_PRICE,
    source=common.page("wan2.6-text-to-video"),
    as_of=common.PAGES_AS_OF,
)

FLASH_REFERENCE_VIDEO = ModelSpec(
    id="wan2.6-reference-video-flash",
    label=_("Wan 2.6 Flash, reference video"),
    short_label=_("Wan 2.6 Flash reference video"),
    prompt=common.prompt(1500, "text"),
    parameters=(
        common.duration(2, 10),
        common.quality(_REFERENCE_FLASH_PRICE),
        common.generate_audio(_REFERENCE_FLASH_PRICE),
        common.ASPECT_RATIO,
        SHOT_TYPE,
    ),
    inputs=(_REFERENCE_VIDEOS,),
    price=_REFERENCE_FLASH_PRICE,
    source=common.page("wan2.6-reference-video-flash"),
    as_of=common.PAGES_AS_OF,
)

REFERENCE_VIDEO = ModelSpec(
    id="wan2.6-reference-video",
    label=_("Wan 2.6, reference video"),
    short_label=_("Wan 2.6 reference video"),
    prompt=common.prompt(1500, "text"),
    parameters=(common.duration(2, 10), common.quality(_REFERENCE_PRICE), common.ASPECT_RATIO, SHOT_TYPE),
    inputs=(_REFERENCE_VIDEOS,),
    price=_REFERENCE_PRICE,
    source=common.page("wan2.6-reference-video"),
    as_of=common.PAGES_AS_OF,
)

MODELS = (FLASH_IMAGE_TO_VIDEO, IMAGE_TO_VIDEO, TEXT_TO_VIDEO, FLASH_REFERENCE_VIDEO, REFERENCE_VIDEO)
