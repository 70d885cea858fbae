"""Parameters and prices that several Wan models share."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.parameters import Choice, ParameterSpec
from django_wanvideo.catalog.pricing import InputSeconds, Multiplier, PriceRule
from django_wanvideo.catalog.spec import OutputSize, PromptSpec

#: When EvoLink's pages were read, and when its public pricing rules.
PAGES_AS_OF = date(2026, 8, 31)
PRICES_AS_OF = date(2026, 10, 10)

#: Credits of each quality, relative to the rate.
HD = {"720p": "1", "1080p": "1.67"}

_QUALITIES = {"480p": _("480p"), "720p": _("720p"), "1080p": _("1080p")}

PROMPT_EXTEND = ParameterSpec(
    name="prompt_extend",
    kind="boolean",
    label=_("Let Wan rewrite the prompt"),
    help_text=_("Adds detail to short prompts. Off: the prompt is used as written."),
    default=True,
    request_field="prompt_extend",
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

SEED = ParameterSpec(
    name="seed",
    kind="integer",
    label=_("Seed"),
    help_text=_("The same seed makes videos of the same wish more alike. Empty: another one each time."),
    default=None,
    unset_label=_("another one each time"),
    minimum=1,
    maximum=2_147_483_647,
    request_field="seed",
)

#: Of videos that Wan 2.7 makes without a picture or clip to begin with.
SIZES = tuple(
    OutputSize(quality, aspect_ratio, width, height)
    for quality, sizes in (
        ("720p", ((1280, 720), (720, 1280), (960, 960), (1104, 832), (832, 1104))),
        ("1080p", ((1920, 1080), (1080, 1920), (1440, 1440), (1648, 1248), (1248, 1648))),
    )
    for aspect_ratio, (width, height) in zip(("16:9", "9:16", "1:1", "4:3", "3:4"), sizes, strict=True)
)

NEGATIVE_PROMPT = ParameterSpec(
    name="negative_prompt",
    kind="text",
    label=_("Not in the video"),
    help_text=_("What should not be seen. Up to 500 characters."),
    default=None,
    unset_label=_("nothing"),
    max_length=500,
    is_truncated=True,
    request_field="negative_prompt",
)

_WORDS = {
    "text": _("What can be seen, what moves, how the camera moves, the mood."),
    "image": _("What moves, how the camera moves, the mood. What can be seen in the picture need not be said again."),
    "references": _("What happens. Name what you give as Image 1, Video 1, in the order in which it stands here."),
    "materials": _(
        "What happens. Name what you give as Image 1, Video 1, Audio 1, in the order in which it stands here."
    ),
    "edit": _("What should be different in the clip."),
}


def page(model: str) -> str:
    """Return the address of EvoLink's page about a model."""
    return f"https://docs.evolink.ai/en/api-manual/video-series/{model.partition('-')[0]}/{model}"


def prompt(max_length: int, about: str, *, required: bool = True, is_truncated: bool = False) -> PromptSpec:
    """Return the prompt of a model that takes ``max_length`` characters; ``about`` tells what is written in it."""
    return PromptSpec(
        max_length, required=required, is_truncated=is_truncated, label=_("Prompt"), help_text=_WORDS[about]
    )


def duration(minimum: int, maximum: int, *, default: int = 5, also: tuple[Choice, ...] = ()) -> ParameterSpec:
    """Return a length of any whole number of seconds between both.

    Not every model has a documented default, so it is always sent.
    """
    return ParameterSpec(
        name="duration",
        kind="integer",
        label=_("Length"),
        help_text=_("The price is per second."),
        default=default,
        minimum=minimum,
        maximum=maximum,
        also=also,
        unit="s",
        request_field="duration",
        always_sent=True,
    )


def quality(price: PriceRule | None = None) -> ParameterSpec:
    """Return the qualities that ``price`` knows, each with what a second of it costs; without it only their names."""
    known = dict.fromkeys(HD, "")
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

GENERATE_AUDIO = ParameterSpec(
    name="generate_audio",
    kind="boolean",
    label=_("Make sound"),
    help_text=_("A silent video costs the same."),
    default=True,
    request_field="generate_audio",
)


def generate_audio(price: PriceRule) -> ParameterSpec:
    """Return the choice between a video with sound and a silent one, which costs half."""
    words = format_lazy(_("A silent video costs half, but at least {minimum} credits."), minimum=price.minimum)
    return replace(GENERATE_AUDIO, help_text=words)


def price(
    rate: str,
    minimum: str,
    qualities: dict[str, str] = HD,
    *,
    silent: str | None = None,
    reserved: tuple[tuple[int, int], ...] = (),
    input_seconds: tuple[InputSeconds, ...] = (),
) -> PriceRule:
    """Return a price by the second: ``rate`` credits, times the factor of each quality, and of a ``silent`` video."""
    multipliers = [Multiplier("quality", tuple((name, Decimal(factor)) for name, factor in qualities.items()))]
    if silent is not None:
        multipliers.append(Multiplier("generate_audio", ((True, Decimal(1)), (False, Decimal(silent)))))
    return PriceRule(
        Decimal(rate),
        Decimal(minimum),
        PRICES_AS_OF,
        tuple(multipliers),
        reserved=reserved,
        input_seconds=input_seconds,
    )
