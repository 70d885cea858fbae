"""Measuring clips, sounds and documents: what their headers say, read by a process that may hang or break."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from django_wanvideo import processes
from django_wanvideo.catalog.inputs import MediaFacts
from django_wanvideo.catalog.media import headers, kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.catalog.inputs import InputSpec

logger = logging.getLogger(__name__)

#: Seconds that reading the headers of one file may take.
SECONDS = 20.0
_SUFFIX = re.compile(r"\.([A-Za-z0-9]{1,10})\Z")
_PACKED = frozenset({kinds.ZIP, kinds.OLE})
#: The package that reads each kind's headers; others need nothing that Python does not have.
_READERS = {"MP4": "pymediainfo", "MOV": "pymediainfo", "MP3": "pymediainfo", "WAV": "pymediainfo", "PDF": "pypdf"}
_LOOKED_INTO = _PACKED | _READERS.keys()
#: What is wrong with a file, and its code.
_DAMAGED = _("The file is damaged, or its end is missing. Copy or save it anew, and choose that."), "damaged"
_LOCKED = _("A password is needed to read this document. Save it without one, and choose that."), "locked"
_TOO_LONG = _("It takes too long to read what this file is. Save it anew, and choose that."), "unmeasurable"
NOT_NOW = _("This site cannot look into the file just now. Try again in a minute."), "unmeasured"
_UNKNOWN = _("This is no file that can be used here. Save it as %(formats)s and choose that.")


def measure(content: IO[bytes], wanted: InputSpec, name: str = "") -> MediaFacts:
    """Return what a file is by its content; what this site has nothing to measure with is ``None``.

    The file is left open, at its beginning. Whether the model takes such a file is for ``check`` to say.

    Args:
        name: counts only between kinds whose content is the same, such as TXT and MD.

    Raises:
        ValidationError: it is empty, damaged, locked, no file of any kind that is known, or takes too long to read.
    """
    size = content.seek(0, os.SEEK_END)
    # Django's own files return nothing.
    size = content.tell() if size is None else size
    content.seek(0)
    if not size:
        raise ValidationError(_("The file is empty. Choose another one."), "empty")
    suffix = found[1].lower() if (found := _SUFFIX.search(name)) else ""
    kind = kinds.kind_of(content.read(kinds.HEADER_BYTES), suffix)
    content.seek(0)
    if not kind:
        raise ValidationError(_UNKNOWN, "unknown_format", {"formats": ", ".join(wanted.formats)})
    # What is refused anyway is not looked into.
    is_wanted = size <= wanted.max_bytes and (
        kind in wanted.formats or (kind in _PACKED and wanted.media == "document")
    )
    known = _look(content, kind, suffix) if is_wanted and kind in _LOOKED_INTO and can_measure(kind) else {}
    milliseconds = known.get("milliseconds")
    return MediaFacts(
        format=known.get("format", kind),
        size=size,
        width=known.get("width"),
        height=known.get("height"),
        seconds=None if milliseconds is None else Decimal(milliseconds) / 1000,
        pages=known.get("pages"),
    )


def can_measure(kind: str) -> bool:
    """Tell whether this process could measure files of a kind; nothing is loaded for that."""
    reader = _READERS.get(kind)
    return reader is None or importlib.util.find_spec(reader) is not None


@contextmanager
def system_file(content: IO[bytes]) -> Iterator[IO[bytes]]:
    """Open a copy of a file that another process can read, both at their beginning; many uploads are only in memory."""
    with tempfile.TemporaryFile() as copy:
        content.seek(0)
        shutil.copyfileobj(content, copy)
        content.seek(0)
        copy.flush()
        copy.seek(0)
        yield copy


def _look(content: IO[bytes], kind: str, suffix: str) -> dict[str, Any]:
    """Return what another process reads in the file. Raises ValidationError."""
    with system_file(content) as copy:
        try:
            told = processes.run(headers.__file__, kind, suffix, content=copy, timeout=SECONDS)
        except processes.ScriptFailed as error:
            logger.info("A file of kind %s cannot be read: %s", kind, error)
            raise ValidationError(*(_TOO_LONG if error.is_late else _DAMAGED)) from error
        except OSError as error:
            logger.warning("No process could be started to look into a file.", exc_info=True)
            raise ValidationError(*NOT_NOW) from error
    found: dict[str, Any] = json.loads(told)
    if "error" in found:
        raise ValidationError(*(_LOCKED if found["error"] == "locked" else _DAMAGED))
    return found
