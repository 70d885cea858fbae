"""Parameters, inputs and prices that several Wan models share."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.spec import InputSpec, Multiplier, PriceRule, PromptSpec, Rule
from django_wanvideo.choices import InputRole

#: When EvoLink's public pricing rules were read.
PRICES_AS_OF = date(2026, 10, 10)
#: EvoLink writes MB and does not say which; the smaller reading is right under both.
MEGABYTE = 1_000_000

_QUALITIES = {"480p": _("480p"), "720p": _("720p"), "1080p": _("1080p")}

PROMPT_EXTEND = ParameterSpec(
    name="prompt_extend",
    kind="boolean",
    label=_("Let Wan rewrite the prompt"),
    help_text=_("Adds detail to short prompts. Off: the prompt is used as written."),
    default=True,
    request_field="prompt_extend",
)

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

ASPECT_RATIO = ParameterSpec(
    name="aspect_ratio",
    kind="choice",
    label=_("Format"),
    help_text=_("Width to height of the video."),
    default="16:9",
    options=(
        Choice("16:9", "16:9", _("wide")),
        Choice("9:16", "9:16", _("tall, as on a phone")),
        Choice("1:1", "1:1", _("square")),
        Choice("4:3", "4:3", _("classic wide")),
        Choice("3:4", "3:4", _("classic tall")),
    ),
    request_field="aspect_ratio",
)

SHOT_TYPE_NEEDS_REWRITING = Rule(
    kind="requires",
    parameter="shot_type",
    others=(("prompt_extend", True),),
    message=_("Shots can be chosen only while Wan rewrites the prompt. Turn rewriting on, or leave shots unset."),
    note=_("Available because prompt rewriting is on. Overrides what the prompt says about cuts."),
)

SILENCE_EXCLUDES_SOUND = Rule(
    kind="excludes",
    parameter="generate_audio",
    values=(False,),
    others=((InputRole.AUDIO.value, True),),
    message=_("A silent video cannot use a sound. Turn “Make sound” on, or remove the sound."),
)

FIRST_FRAME = InputSpec(
    role=InputRole.FIRST_FRAME,
    required=True,
    max_items=1,
    request_field="image_urls",
    as_list=True,
    media="image",
    formats=("JPEG", "PNG", "WEBP", "BMP"),
    max_bytes=10 * MEGABYTE,
    min_side=360,
    max_side=2000,
    allow_transparency=False,
    label=_("Picture (first frame)"),
    help_text=_(
        "The video starts with this picture and keeps its proportions. JPEG, WebP, BMP, or PNG without transparency; "
        "each side 360 to 2000 px; up to 10 MB."
    ),
)

AUDIO = InputSpec(
    role=InputRole.AUDIO,
    request_field="audio_url",
    media="audio",
    formats=("MP3",),
    max_bytes=15 * MEGABYTE,
    min_seconds=3,
    max_seconds=30,
    label=_("Sound"),
    help_text=_(
        "The video is made to this sound. MP3, 3 to 30 seconds, up to 15 MB. What is longer than the video is cut; "
        "after a shorter sound the video is silent."
    ),
)


def prompt(max_length: int, *, image_to_video: bool) -> PromptSpec:
    """Return the prompt of a model that takes ``max_length`` characters."""
    return PromptSpec(
        max_length=max_length,
        label=_("Prompt"),
        help_text=(
            _("What moves, how the camera moves, the mood. What can be seen in the picture need not be said again.")
            if image_to_video
            else _("What can be seen, what moves, how the camera moves, the mood.")
        ),
    )


def duration(minimum: int, maximum: int) -> ParameterSpec:
    """Return a length of any whole number of seconds between both. EvoLink states no default, so it is always sent."""
    return ParameterSpec(
        name="duration",
        kind="integer",
        label=_("Length"),
        help_text=_("The price is per second."),
        default=5,
        minimum=minimum,
        maximum=maximum,
        unit="s",
        request_field="duration",
        always_sent=True,
    )


def quality(price: PriceRule | None = None) -> ParameterSpec:
    """Return the qualities that ``price`` knows, each with what a second of it costs; without it only their names."""
    known = dict.fromkeys(("720p", "1080p"), "")
    if price is not None:
        (factors,) = (multiplier.values for multiplier in price.multipliers if multiplier.parameter == "quality")
        known = {str(value): _per_second(price.rate * factor) for value, factor in factors}
    return ParameterSpec(
        name="quality",
        kind="choice",
        label=_("Quality"),
        default="720p",
        options=tuple(Choice(value, _QUALITIES[value], words) for value, words in known.items()),
        request_field="quality",
    )


def _rate_in_words(rate: Decimal) -> str:
    shown = number_format(rate.quantize(Decimal("0.01"), ROUND_HALF_UP), decimal_pos=2)
    return gettext("%(rate)s credits per second") % {"rate": shown}


_per_second = lazy(_rate_in_words, str)


def generate_audio(price: PriceRule) -> ParameterSpec:
    """Return the choice between a video with sound and a silent one, which costs half."""
    return ParameterSpec(
        name="generate_audio",
        kind="boolean",
        label=_("Make sound"),
        help_text=format_lazy(_("A silent video costs half, but at least {minimum} credits."), minimum=price.minimum),
        default=True,
        request_field="generate_audio",
    )


def price(rate: str, minimum: str, *, with_480p: bool = False, silent: str | None = None) -> PriceRule:
    """Return a price by the second: ``rate`` credits at 720p, 1.67 times that at 1080p, half at 480p."""
    qualities: tuple[tuple[str, Decimal], ...] = (("720p", Decimal(1)), ("1080p", Decimal("1.67")))
    if with_480p:
        qualities = (("480p", Decimal("0.5")), *qualities)
    multipliers = [Multiplier("quality", qualities)]
    if silent is not None:
        multipliers.append(Multiplier("generate_audio", ((True, Decimal(1)), (False, Decimal(silent)))))
    return PriceRule(Decimal(rate), Decimal(minimum), PRICES_AS_OF, tuple(multipliers))
