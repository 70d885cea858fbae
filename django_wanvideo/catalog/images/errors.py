"""What can be wrong with a picture: what decoders raise, and one message for each cause, which says what to do."""

from __future__ import annotations

import contextlib
import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.images.containers import CutOffError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_stubs_ext import StrOrPromise

#: What Pillow and its decoders raise for content that is not what it says, where a site makes errors of warnings too;
#: never MemoryError.
BROKEN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    Warning,
    struct.error,
    zlib.error,
)


class CutOffPictureError(OSError):
    """The data ended before the last row."""


class MissingDecoderError(Exception):
    """This site has nothing that reads such a picture."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A cause; called with what its message has to name, it is the error."""

    code: str
    message: StrOrPromise

    def __call__(self, **params: str) -> ValidationError:
        return ValidationError(self.message, self.code, params)


empty = Problem("empty", _("The file is empty. Choose another one."))
unread = Problem(
    "max_bytes", _("This file has %(size)s, more than any model takes. Save the picture smaller, as JPEG.")
)
not_an_image = Problem("not_an_image", _("This file is no picture that can be used. Choose a JPEG, PNG, WebP or BMP."))
unusable = Problem(
    "format", _("%(format)s cannot be used. Save the picture as JPEG, PNG, WebP or BMP and choose that.")
)
no_decoder = Problem(
    "format",
    _(
        "This site cannot read %(format)s. Save the picture as JPEG and choose that, or have the site’s developers "
        "install what reads it."
    ),
)
too_many_pixels = Problem(
    "too_many_pixels", _("This picture has too many pixels to be opened. Make it smaller and choose it again.")
)
cut_off = Problem(
    "damaged", _("This picture is cut off: its end is missing. Copy or download it again, and choose that.")
)
damaged = Problem("damaged", _("This picture is damaged. Open it, save it anew as JPEG, and choose that."))
moving = Problem("animated", _("This picture moves. Save one frame of it, as JPEG, and choose that."))
several = Problem(
    "animated", _("This file holds several pictures. Save the one that you mean as JPEG, and choose that.")
)
transparency = Problem(
    "transparency",
    _(
        "This picture has transparency (an alpha channel). Save it as JPEG, or as PNG without transparency, and "
        "choose that."
    ),
)
too_many_bytes = Problem(
    "max_bytes", _("This picture has %(size)s; at most %(limit)s are taken. Save it smaller, for example as JPEG.")
)


def megabytes(size: int) -> str:
    """Return ``size`` bytes in MB, rounded up so that a file over a limit never reads like one at it."""
    hundredths = math.ceil(size / 10_000)
    return f"{hundredths / 100:.2f}".rstrip("0").rstrip(".") + "\N{NO-BREAK SPACE}MB"


@contextlib.contextmanager
def told(kind: str) -> Iterator[None]:
    """Turn what decoders raise for a picture of this kind into the ValidationError of its cause."""
    try:
        yield
    except ValidationError:
        raise
    except MissingDecoderError as error:
        raise no_decoder(format=kind) from error
    except (CutOffError, CutOffPictureError) as error:
        raise cut_off() from error
    except Exception as error:
        from PIL import Image

        if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
            raise too_many_pixels() from error
        if not isinstance(error, BROKEN):
            raise
        raise (cut_off() if "truncated" in str(error) else damaged()) from error
