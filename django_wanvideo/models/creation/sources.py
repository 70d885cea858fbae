"""What is given as a file, opened for reading bytes, wherever it stands and whatever was done to it before."""

from __future__ import annotations

import io
import logging
import os
import stat
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import catalog
from django_wanvideo.catalog import images

if TYPE_CHECKING:
    from django_wanvideo.models import MediaInput

logger = logging.getLogger(__name__)

_CHUNK = 1_000_000


def most_bytes() -> int:
    """Return how much of a file is read: one byte more than any model takes, so that a larger one is refused by its size."""
    return max(images.MAX_READ_BYTES, *(item.max_bytes for spec in catalog.known() for item in spec.inputs)) + 1


def opened(source: Any) -> IO[bytes] | File[bytes]:
    """Return a file that can be read and wound back, at its beginning.

    A file that the caller has open stays the caller's and is used where it is; all others are copied, into memory where
    pictures fit in it, and closed at once.

    Raises:
        ValidationError: it is no file, or cannot be read.
    """
    if isinstance(source, FieldFile):
        return _of_field(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        message = _("These are bytes. Give them as a file: ContentFile(data), or io.BytesIO(data).")
        raise ValidationError(message, code="invalid")
    if isinstance(source, os.PathLike):
        return _of_path(source)
    # A class has a ``read`` too, but nothing to read from; CPython 3.13.0 crashes when it is called often enough.
    if isinstance(source, type) or not callable(getattr(source, "read", None)):
        message = _("Give a link (https://…), an open file, or a file’s path as pathlib.Path.")
        raise ValidationError(message, code="invalid")
    return _of_stream(source)


def of_input(source: MediaInput) -> File[bytes]:
    """Return the content of a stored input. Raises ValidationError when the storage does not give it."""
    return _of_storage(source.file.storage, str(source.file.name))


def _of_field(source: FieldFile) -> IO[bytes] | File[bytes]:
    # No public way to ask whether a file was saved; one that was not is only where the caller has it.
    if source and not getattr(source, "_committed", True):
        return _of_stream(source.file)
    if not source:
        raise ValidationError(_("There is no file in this field."), code="required")
    # The caller may have read or closed its own handle, as reading an image field's width does.
    return _of_storage(source.storage, str(source.name))


def _of_storage(storage: Any, name: str) -> File[bytes]:
    try:
        with storage.open(name, "rb") as stored:
            # Some storages give less at a time than they are asked for.
            return _copied(stored)
    except (ValidationError, BaseTimeoutException):
        raise
    except FileNotFoundError as error:
        message = _("The file is gone from this site; choose it again.")
        raise ValidationError(message, code="missing") from error
    except Exception as error:
        # Every storage has errors of its own: no rights, no network, an expired token.
        logger.warning("The file %s cannot be read from its storage.", name, exc_info=True)
        message = _("The file cannot be read from this site’s storage just now. Try again in a minute.")
        raise ValidationError(message, code="unreadable") from error


def _of_path(source: os.PathLike[Any]) -> File[bytes]:
    path = Path(os.fsdecode(source))
    reason = ""
    try:
        # Looked at first: opening a pipe would wait for somebody to write into it.
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as stored:
                return _copied(stored)
        reason = _("it is a folder") if path.is_dir() else _("it is no file")
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ValueError:
        reason = _("no file can have this name")
    shown = os.fsencode(path).decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    message = _("The file %(path)s cannot be read: %(reason)s.")
    raise ValidationError(message, code="unreadable", params={"path": shown, "reason": reason})


def _of_stream(source: Any) -> IO[bytes] | File[bytes]:
    if isinstance(source, io.TextIOBase):
        raise _text()
    if getattr(source, "closed", False) is True:
        source = _opened_again(source)
    try:
        if _can_be_wound_back(source):
            return _at_beginning(source)
        return _copied(source)
    except (ValidationError, BaseTimeoutException):
        raise
    except Exception as error:
        # A stream of the caller's own may raise anything.
        message = _("The file cannot be read (%(reason)s). Open it for reading: open(path, “rb”).")
        reason = str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]
        raise ValidationError(message, code="unreadable", params={"reason": reason}) from error


def _at_beginning(source: Any) -> IO[bytes]:
    """Return the stream, which gives bytes, at its beginning; where it does not, it is left where it stood."""
    stood = source.tell()
    try:
        source.seek(0)
        _bytes(source.read(1))
    except BaseException:
        source.seek(stood)
        raise
    source.seek(0)
    return source  # type: ignore[no-any-return]


def _opened_again(source: Any) -> Any:
    """Return a closed file's content, where Django knows how to open it again."""
    try:
        # The name of an upload is whatever its sender called it, and no path to open.
        if isinstance(source, File) and not isinstance(source, UploadedFile):
            with source.open("rb") as again:
                return io.BytesIO(_bytes(again.read(most_bytes())))
    except (OSError, ValueError, TypeError):
        pass
    message = _("The file is closed. Give it open, or give its path as pathlib.Path.")
    raise ValidationError(message, code="closed")


def _can_be_wound_back(source: Any) -> bool:
    """Tell whether reading may start at the beginning; what does not say so is asked to do it."""
    if not callable(getattr(source, "seek", None)) or not callable(getattr(source, "tell", None)):
        return False
    try:
        source.seek(source.tell())
    except (OSError, ValueError, TypeError, AttributeError):
        return False
    return True


def _copied(source: Any) -> File[bytes]:
    """Return a copy of what a stream gives, up to the most that is taken, at its beginning."""
    copy = tempfile.SpooledTemporaryFile(max_size=images.MAX_READ_BYTES)  # noqa: SIM115 - whoever gets it reads it
    missing = most_bytes()
    while missing > 0:
        try:
            part = source.read(min(_CHUNK, missing))
        except TypeError:
            # Some have a ``read`` that gives all at once.
            copy.write(_bytes(source.read())[:missing])
            break
        if not (part := _bytes(part)):
            break
        copy.write(part)
        missing -= len(part)
    copy.seek(0)
    return File(copy)


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        raise _text()
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise TypeError(type(content).__name__)
    return bytes(content)


def _text() -> ValidationError:
    return ValidationError(_('Open the file for reading bytes: open(path, "rb").'), code="invalid")
