"""Media that a model takes: which kinds, within which limits, and where they stand in the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decimal import Decimal

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.choices import InputRole

#: Which inputs that are not taken as they are may be made fit: all, none, or only pictures.
Fix = bool | Literal["images"]

#: EvoLink writes MB and does not say which; the smaller reading is right under both.
MEGABYTE = 1_000_000

_OFFICE = "application/vnd.openxmlformats-officedocument"
_APPLE = "application/vnd.apple"
#: The media type of each format that an input can have, by the name used in ``InputSpec.formats``.
MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "BMP": "image/bmp",
    "MP3": "audio/mpeg",
    "WAV": "audio/wav",
    "MP4": "video/mp4",
    "MOV": "video/quicktime",
    "DOCX": f"{_OFFICE}.wordprocessingml.document",
    "DOC": "application/msword",
    "XLSX": f"{_OFFICE}.spreadsheetml.sheet",
    "XLS": "application/vnd.ms-excel",
    "PPTX": f"{_OFFICE}.presentationml.presentation",
    "PPT": "application/vnd.ms-powerpoint",
    "PDF": "application/pdf",
    "TXT": "text/plain",
    "KEY": f"{_APPLE}.keynote",
    "PAGES": f"{_APPLE}.pages",
    "NUMBERS": f"{_APPLE}.numbers",
    "MD": "text/markdown",
}


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What was measured of one file; ``None`` for what nobody has looked at, as behind a link."""

    #: A name of ``MEDIA_TYPES``.
    format: str | None = None
    #: Bytes.
    size: int | None = None
    #: Pixels.
    width: int | None = None
    height: int | None = None
    seconds: Decimal | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One kind of media that a model takes, by role."""

    role: InputRole
    #: The field of the request; a dot leads into an object.
    request_field: str
    media: Literal["image", "audio", "video", "document"]
    formats: tuple[str, ...]
    #: Bytes.
    max_bytes: int
    required: bool = False
    max_items: int = 1
    #: Whether the request carries a list of addresses or one address.
    as_list: bool = False
    #: Pixels, for width and height alike, both inclusive.
    min_side: int | None = None
    max_side: int | None = None
    #: How many times longer than the other a side may be.
    max_ratio: int | None = None
    allow_transparency: bool = True
    #: Length of sounds and clips, both inclusive.
    min_seconds: int | None = None
    max_seconds: int | None = None
    #: Seconds of all of them together, and of all together with the video that is made.
    total_seconds: int | None = None
    total_seconds_with_video: int | None = None
    #: Whether the video that is made begins with the clip and so cannot be shorter.
    is_part_of_video: bool = False
    max_pages: int | None = None
    #: The field for an address that does not end like a file of ``formats``.
    page_field: str = ""
    #: The parameter that says to which other input each one belongs; the request then carries an object.
    keys_parameter: str = ""
    #: What may stand in it: a word that a number follows, and the role that the number counts.
    key_roles: tuple[tuple[str, InputRole], ...] = ()
    label: StrOrPromise = ""
    help_text: StrOrPromise = ""

    @property
    def accept(self) -> str:
        """The formats as the ``accept`` attribute of a file field."""
        return ",".join(MEDIA_TYPES[name] for name in self.formats)

    @property
    def request_fields(self) -> tuple[str, ...]:
        """All fields of the request that it can stand in."""
        return (self.request_field, self.page_field) if self.page_field else (self.request_field,)
