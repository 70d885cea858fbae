"""Wan 3.0 and Wan 3.0 Prime at EvoLink, which differ in their prices only.

Source: EvoLink's page of each model, and its public pricing rules.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.inputs import MEGABYTE, InputSpec
from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.pricing import InputSeconds, PriceRule
from django_wanvideo.catalog.spec import ModelSpec, OneOf
from django_wanvideo.catalog.wan import common, media
from django_wanvideo.choices import InputRole

_FACTORS = {"480p": "1", "720p": "2", "1080p": "4"}
_PRIME_FACTORS = {"480p": "1", "720p": "2.06", "1080p": "4.12"}
_RESERVED = ((-1, 30),)
_BILLED = (InputSeconds(InputRole.REFERENCE_VIDEOS, Decimal(15)),)

_DURATION = common.duration(
    2, 30, also=(Choice(-1, _("Wan chooses"), _("30 seconds are reserved, those of the video are billed")),)
)
_ASPECT_RATIO = replace(
    common.ASPECT_RATIO,
    default="adaptive",
    options=(Choice("adaptive", _("Fitting"), _("as the inputs and the prompt say")), *common.ASPECT_RATIO.options),
)
_SEED = replace(common.SEED, minimum=0)

_DOCUMENT = InputSpec(
    role=InputRole.DOCUMENT,
    request_field="model_params.file_url",
    page_field="model_params.link_url",
    media="document",
    formats=("DOCX", "DOC", "XLSX", "XLS", "PPTX", "PPT", "PDF", "TXT", "KEY", "PAGES", "NUMBERS", "MD"),
    max_bytes=100 * MEGABYTE,
    max_pages=50,
    label=_("Document or web page"),
    help_text=_(
        "What the video is about: a document of up to 50 pages and 100 MB, or a web page that anyone can read without "
        "signing in."
    ),
)


def _parameters(price: PriceRule) -> tuple[ParameterSpec, ...]:
    return (_DURATION, common.quality(price), _ASPECT_RATIO, common.GENERATE_AUDIO, _SEED)


def _models(family: str, name: str, price: PriceRule) -> tuple[ModelSpec, ...]:
    """Return the three models of one family; ``name`` is how people call it."""
    with_clips = replace(price, input_seconds=_BILLED)
    return (
        ModelSpec(
            id=f"{family}-text-to-video",
            label=format_lazy(_("{model}, text to video"), model=name),
            short_label=format_lazy(_("{model} text to video"), model=name),
            prompt=common.prompt(20_000, "text", is_truncated=True),
            parameters=_parameters(price),
            inputs=(),
            price=price,
            source=common.page(f"{family}-text-to-video"),
            as_of=common.PAGES_AS_OF,
        ),
        ModelSpec(
            id=f"{family}-image-to-video",
            label=format_lazy(_("{model}, image to video, first and last frame"), model=name),
            short_label=format_lazy(_("{model} image to video"), model=name),
            prompt=common.prompt(20_000, "image", required=False, is_truncated=True),
            parameters=_parameters(price),
            inputs=(media.first_frame_27(required=True), media.LAST_FRAME),
            price=price,
            source=common.page(f"{family}-image-to-video"),
            as_of=common.PAGES_AS_OF,
        ),
        ModelSpec(
            id=f"{family}-reference-video",
            label=format_lazy(_("{model}, reference video"), model=name),
            short_label=format_lazy(_("{model} reference video"), model=name),
            prompt=common.prompt(20_000, "materials", required=False, is_truncated=True),
            parameters=_parameters(with_clips),
            inputs=(
                media.reference_images(10, _("People, things and places. One person in each picture.")),
                media.clip_27(
                    InputRole.REFERENCE_VIDEOS,
                    _("People and things that move. Their seconds are billed; with the video they are at most 30."),
                    1,
                    15,
                    label=_("Reference clips"),
                    max_items=5,
                    total_seconds=15,
                    total_seconds_with_video=30,
                ),
                media.sound(
                    InputRole.AUDIO,
                    "audio_urls",
                    _("Voices, music or noises, at most 15 seconds together."),
                    1,
                    15,
                    ("WAV", "MP3"),
                    label=_("Sounds"),
                    max_items=5,
                    as_list=True,
                    total_seconds=15,
                ),
                _DOCUMENT,
            ),
            one_of=(
                OneOf(
                    (
                        "prompt",
                        InputRole.REFERENCE_IMAGES.value,
                        InputRole.REFERENCE_VIDEOS.value,
                        InputRole.AUDIO.value,
                        InputRole.DOCUMENT.value,
                    ),
                    _("Write a prompt, or add something that the video can be made from."),
                ),
            ),
            price=with_clips,
            source=common.page(f"{family}-reference-video"),
            as_of=common.PAGES_AS_OF,
        ),
    )


MODELS = (
    *_models("wan3.0", "Wan 3.0", common.price("2.55", "5.1", _FACTORS, reserved=_RESERVED)),
    *_models("wan3.0-prime", "Wan 3.0 Prime", common.price("3.9304", "7.8608", _PRIME_FACTORS, reserved=_RESERVED)),
)
