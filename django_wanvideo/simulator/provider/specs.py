"""What each Wan model's page documents, as data: fields, limits, media, prices.

Fields are of EvoLink's pages as of August 2026; prices of its public catalogue as of 2026-10-10.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Literal

from django_wanvideo.simulator.media.images import ImageLimits

Kind = Literal["string", "integer", "boolean", "choice", "url", "urls", "object"]


@dataclass(frozen=True)
class Field:
    """One field of a request. `also`: integers allowed outside the range. `truncates`: too long is cut, not refused."""

    kind: Kind
    required: bool = False
    minimum: int | None = None
    maximum: int | None = None
    also: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    truncates: bool = False
    min_items: int = 0
    max_items: int | None = None


@dataclass(frozen=True)
class Price:
    """Credits per billed second and their multipliers.

    input_seconds: what is billed of given videos at most. shares: what of each, by how many there are, if that is less.
    """

    per_second: Decimal
    minimum: Decimal
    quality: dict[str, Decimal]
    silent: Decimal = Decimal(1)
    input_seconds: Decimal = Decimal(0)
    shares: tuple[Decimal, ...] = ()
    rule: str = "per_second"

    def credits(self, seconds: int, quality: str, *, audio: bool, videos: list[Decimal | None]) -> Decimal:
        """max(minimum, seconds x rate x multipliers) credits, rounded to 1/10000 credit.

        videos: the lengths of given videos; one that is not known, as before it is read, bills its maximum.
        """
        billed = Decimal(seconds)
        if videos:
            share = self.shares[len(videos) - 1] if self.shares else self.input_seconds
            lengths = (share if length is None else min(share, length) for length in videos)
            billed += min(self.input_seconds, sum(lengths, Decimal(0)))
        amount = billed * self.per_second * self.quality[quality]
        if not audio:
            amount *= self.silent
        return max(amount, self.minimum).quantize(Decimal("0.0001"), ROUND_HALF_UP)


@dataclass(frozen=True)
class Model:
    """One model. first_frame: the field that holds it. checks: names of rules between fields (see validation).

    smart_seconds: what is reserved where the model chooses the length; chosen_seconds: what it then makes.
    """

    id: str
    fields: dict[str, Field]
    images: ImageLimits
    price: Price
    params: dict[str, Field] = field(default_factory=dict)
    first_frame: str | None = None
    default_seconds: int = 5
    smart_seconds: int | None = None
    chosen_seconds: int | None = None
    checks: tuple[str, ...] = ()


MB = 1024 * 1024
IMG_A = ImageLimits(10 * MB, 360, 2000)
IMG_B = ImageLimits(20 * MB, 240, 8000, 8.0)

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
HD = ("720p", "1080p")
HD_FACTORS = {"720p": Decimal(1), "1080p": Decimal("1.67")}

FLAG = Field("boolean")
URL = Field("url")
RATIO = Field("choice", choices=RATIOS)
QUALITY = Field("choice", choices=HD)


def _seconds(low: int, high: int, *also: int) -> Field:
    return Field("integer", minimum=low, maximum=high, also=also)


def _prompt(length: int, *, required: bool = True, truncates: bool = False) -> Field:
    return Field("string", required=required, max_length=length, truncates=truncates)


def _urls(high: int, low: int = 0, *, required: bool = False) -> Field:
    return Field("urls", required=required, min_items=low, max_items=high)


ONE_PICTURE = _urls(1, 1, required=True)

_25 = {
    "prompt": _prompt(2000),
    "quality": Field("choice", choices=("480p", *HD)),
    "duration": Field("integer", also=(5, 10)),
    "prompt_extend": FLAG,
}
_25_PRICE = Price(Decimal("5.10"), Decimal("5.1"), HD_FACTORS | {"480p": Decimal("0.5")}, rule="per_call")

_26 = {"prompt": _prompt(1500), "quality": QUALITY}
_26_TEXT = _26 | {"duration": _seconds(2, 15), "prompt_extend": FLAG, "audio_url": URL}
_26_IMAGE = _26_TEXT | {"image_urls": ONE_PICTURE}
_26_REFERENCE = _26 | {"video_urls": _urls(3, 1, required=True), "aspect_ratio": RATIO, "duration": _seconds(2, 10)}
_26_PRICE = Price(Decimal("4.76"), Decimal(6), HD_FACTORS)
_26_FLASH_PRICE = Price(Decimal("2.38"), Decimal(6), HD_FACTORS, silent=Decimal("0.5"))


def _with_videos(price: Price) -> Price:
    shares = (Decimal(5), Decimal("2.5"), Decimal("1.65"))
    return replace(price, minimum=Decimal(9), input_seconds=Decimal(5), shares=shares)


_wan26 = partial(Model, images=IMG_A, params={"shot_type": Field("choice", choices=("single", "multi"))})

_27 = {
    "prompt": _prompt(5000, truncates=True),
    "negative_prompt": Field("string", max_length=500, truncates=True),
    "quality": QUALITY,
    "seed": Field("integer", minimum=1, maximum=2_147_483_647),
    "prompt_extend": FLAG,
    "duration": _seconds(2, 15),
}
_27_OPTIONAL_PROMPT = _27 | {"prompt": _prompt(5000, required=False, truncates=True)}
_27_PRICE = Price(Decimal("5.44"), Decimal("10.88"), HD_FACTORS)

_30 = {
    "prompt": _prompt(20_000, truncates=True),
    "duration": _seconds(2, 30, -1),
    "quality": Field("choice", choices=("480p", *HD)),
    "aspect_ratio": Field("choice", choices=("adaptive", *RATIOS)),
    "generate_audio": FLAG,
    "seed": Field("integer", minimum=0, maximum=2_147_483_647),
}
_30_OPTIONAL_PROMPT = _30 | {"prompt": _prompt(20_000, required=False, truncates=True)}
_30_PRICE = Price(Decimal("2.55"), Decimal("5.1"), {"480p": Decimal(1), "720p": Decimal(2), "1080p": Decimal(4)})
_PRIME_PRICE = Price(
    Decimal("3.9304"), Decimal("7.8608"), {"480p": Decimal(1), "720p": Decimal("2.06"), "1080p": Decimal("4.12")}
)


def _wan30(family: str, price: Price) -> tuple[Model, ...]:
    return (
        Model(f"{family}-text-to-video", _30, IMG_B, price, smart_seconds=30, chosen_seconds=8),
        Model(
            f"{family}-image-to-video",
            _30_OPTIONAL_PROMPT | {"image_start": replace(URL, required=True), "image_end": URL},
            IMG_B,
            price,
            first_frame="image_start",
            smart_seconds=30,
            chosen_seconds=8,
        ),
        Model(
            f"{family}-reference-video",
            _30_OPTIONAL_PROMPT | {"image_urls": _urls(10), "video_urls": _urls(5), "audio_urls": _urls(5)},
            IMG_B,
            replace(price, input_seconds=Decimal(15)),
            params={"file_url": URL, "link_url": URL},
            smart_seconds=30,
            chosen_seconds=8,
            checks=("wan30_references",),
        ),
    )


_ALL = (
    _wan26("wan2.6-image-to-video", _26_IMAGE, price=_26_PRICE, first_frame="image_urls"),
    _wan26(
        "wan2.6-image-to-video-flash",
        _26_IMAGE | {"generate_audio": FLAG},
        price=_26_FLASH_PRICE,
        first_frame="image_urls",
    ),
    _wan26("wan2.6-text-to-video", _26_TEXT | {"aspect_ratio": RATIO}, price=_26_PRICE),
    _wan26("wan2.6-reference-video", _26_REFERENCE, price=_with_videos(_26_PRICE)),
    _wan26(
        "wan2.6-reference-video-flash",
        _26_REFERENCE | {"generate_audio": FLAG},
        price=_with_videos(_26_FLASH_PRICE),
    ),
    Model("wan2.5-image-to-video", _25 | {"image_urls": ONE_PICTURE}, IMG_A, _25_PRICE, first_frame="image_urls"),
    Model("wan2.5-text-to-video", _25 | {"aspect_ratio": RATIO}, IMG_A, _25_PRICE, checks=("wan25_ratio",)),
    Model("wan2.7-text-to-video", _27 | {"aspect_ratio": RATIO, "audio_urls": _urls(1, 1)}, IMG_B, _27_PRICE),
    Model(
        "wan2.7-image-to-video",
        _27_OPTIONAL_PROMPT
        | {
            "generation_mode": Field("choice", choices=("first_frame", "first_last_frame", "video_continuation")),
            "image_start": URL,
            "image_end": URL,
            "video_urls": _urls(1),
            "audio_urls": _urls(1),
        },
        IMG_B,
        _27_PRICE,
        first_frame="image_start",
        checks=("wan27_combination",),
    ),
    Model(
        "wan2.7-reference-video",
        _27
        | {"aspect_ratio": RATIO, "image_start": URL}
        | {"image_urls": _urls(5), "video_urls": _urls(5), "audio_urls": _urls(5)},
        IMG_B,
        replace(_27_PRICE, input_seconds=Decimal(5)),
        params={"voice_bindings": Field("object")},
        first_frame="image_start",
        checks=("wan27_references", "voice_bindings"),
    ),
    Model(
        "wan2.7-video-edit",
        _27_OPTIONAL_PROMPT
        | {
            "image_urls": _urls(4),
            "video_urls": _urls(1, 1, required=True),
            "aspect_ratio": RATIO,
            "duration": _seconds(2, 10, 0),
            "keep_original_sound": FLAG,
        },
        IMG_B,
        replace(_27_PRICE, input_seconds=Decimal(10)),
        default_seconds=0,
        smart_seconds=10,
    ),
    *_wan30("wan3.0", _30_PRICE),
    *_wan30("wan3.0-prime", _PRIME_PRICE),
)

#: Every model by its id.
MODELS: dict[str, Model] = {model.id: model for model in _ALL}
