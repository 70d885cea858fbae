"""What can be wrong with a picture: one message for each cause, which says what to do."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo.catalog.images import containers, decoding

if TYPE_CHECKING:
    from collections.abc import Iterator


def empty() -> ValidationError:
    """There is nothing in the file."""
    return ValidationError(_("The file is empty. Choose another one."), "empty")


def unread(size: int) -> ValidationError:
    """The file has so many bytes that it is not even opened."""
    message = _("This file has %(size)s, more than any model takes. Save the picture smaller, as JPEG.")
    return ValidationError(message, "max_bytes", {"size": megabytes(size)})


def not_an_image() -> ValidationError:
    """No kind of picture begins like this file."""
    message = _("This file is no picture that can be used. Choose a JPEG, PNG, WebP or BMP.")
    return ValidationError(message, "not_an_image")


def unusable(kind: str) -> ValidationError:
    """A well-known kind of file, called by its name, that is not taken."""
    message = _("%(format)s cannot be used. Save the picture as JPEG, PNG, WebP or BMP and choose that.")
    return ValidationError(message, "format", {"format": kind})


def no_decoder(kind: str) -> ValidationError:
    """A kind of picture that would be taken if something were installed that reads it."""
    message = _(
        "This site cannot read %(format)s. Save the picture as JPEG and choose that, or have the site’s developers "
        "install what reads it."
    )
    return ValidationError(message, "format", {"format": kind})


def too_many_pixels() -> ValidationError:
    """Decoding would take more memory than a picture is worth."""
    message = _("This picture has too many pixels to be opened. Make it smaller and choose it again.")
    return ValidationError(message, "too_many_pixels")


def cut_off() -> ValidationError:
    """The end of the file is missing."""
    message = _("This picture is cut off: its end is missing. Copy or download it again, and choose that.")
    return ValidationError(message, "damaged")


def damaged() -> ValidationError:
    """The content is not what it says."""
    return ValidationError(_("This picture is damaged. Open it, save it anew as JPEG, and choose that."), "damaged")


def moving() -> ValidationError:
    """The picture has several frames."""
    return ValidationError(_("This picture moves. Save one frame of it, as JPEG, and choose that."), "animated")


def several() -> ValidationError:
    """The file has several pages."""
    message = _("This file holds several pictures. Save the one that you mean as JPEG, and choose that.")
    return ValidationError(message, "animated")


def transparency() -> ValidationError:
    """The picture can be seen through."""
    message = _(
        "This picture has transparency (an alpha channel). Save it as JPEG, or as PNG without transparency, and "
        "choose that."
    )
    return ValidationError(message, "transparency")


def too_many_bytes(size: int, limit: int) -> ValidationError:
    """The picture has ``size`` bytes; ``limit`` are taken."""
    message = _("This picture has %(size)s; at most %(limit)s are taken. Save it smaller, for example as JPEG.")
    return ValidationError(message, "max_bytes", {"size": megabytes(size), "limit": megabytes(limit)})


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
    except decoding.MissingDecoderError as error:
        raise no_decoder(kind) from error
    except (containers.CutOffError, decoding.CutOffPictureError) as error:
        raise cut_off() from error
    except Exception as error:
        if decoding.is_bomb(error):
            raise too_many_pixels() from error
        if not isinstance(error, decoding.BROKEN):
            raise
        raise (cut_off() if "truncated" in str(error) else damaged()) from error
