"""ZIP files of pictures, unpacked without trusting anything that they say about themselves.

A table of Excel's is a ZIP file too and is opened by the same rules.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo.batches import files
from django_wanvideo.catalog.images import errors
from django_wanvideo.catalog.text import printable
from django_wanvideo.models import BatchFile

if TYPE_CHECKING:
    from django_wanvideo.models import Batch

MEGABYTE = 1_000_000
#: Bytes of one picture.
MAX_PICTURE = files.MOST_BYTES
#: Bytes that the list of a ZIP file's entries may have; it is read into memory.
MAX_DIRECTORY = 4 * MEGABYTE
_CHUNK = 1_000_000
_SPOOLED = 2 * MEGABYTE
#: What programs put into ZIP files beside what people do.
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.[^/]*$|Thumbs\.db$|desktop\.ini$|.*/$)", re.IGNORECASE)
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
#: The extra field in which programs put a name as UTF-8 beside one that older ones can read.
_UNICODE_PATH = 0x7075
#: What ``zipfile`` raises for content that is not what the list of entries says.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in a ZIP file. Sizes are bytes; ``ratio`` counts from ``MAX_PICTURE`` unpacked bytes up."""

    entries: int = files.MOST_FILES
    total: int = files.MOST_TOGETHER
    ratio: int = 200


PICTURES = Limits()


class Budget:
    """How many bytes may still come out of a ZIP file, whatever it says."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self.limits, self.packed, self.unpacked = limits, packed, 0

    def spend(self, size: int) -> None:
        """Count bytes that have come out. Raises ValidationError when they are too many."""
        self.unpacked += size
        if self.unpacked > self.limits.total:
            raise refused(_too_large(self.unpacked, self.limits))
        if self.unpacked > max(MAX_PICTURE, self.packed * self.limits.ratio):
            raise refused(_("it unpacks to more than %(ratio)s times its size") % {"ratio": self.limits.ratio})


def unpack(batch: Batch, content: File[bytes] | IO[bytes]) -> list[BatchFile]:
    """Store all files of a ZIP file as files of a batch; return them in the order of their names.

    What is neither a picture nor anything else that a model takes, or is too large, is listed too, with what is wrong with it. What systems add by themselves
    (``__MACOSX/``, ``.DS_Store``, ``Thumbs.db``) is left out.

    Raises:
        ValidationError: it is no ZIP file, or not one that is opened; then nothing of it is kept.
    """
    known = set(batch.files.values_list("pk", flat=True))
    stored: list[BatchFile] = []
    try:
        with opened(content, PICTURES) as archive:
            budget = Budget(PICTURES, _size(content))
            for name, info in sorted(entries(archive).items()):
                stored.append(_store(batch, archive, name, info, budget))
    except (ValidationError, *BROKEN) as error:
        BatchFile.objects.filter(pk__in={item.pk for item in stored} - known).delete()
        if isinstance(error, ValidationError):
            raise
        raise refused(_("it is damaged; pack it again")) from error
    return stored


def opened(content: File[bytes] | IO[bytes], limits: Limits) -> zipfile.ZipFile:
    """Open a ZIP file that keeps to its limits, by what it says of itself; what comes out is for ``Budget`` to count.

    Raises:
        ValidationError: it does not, or is no ZIP file.
    """
    _check_directory(content)
    try:
        archive = zipfile.ZipFile(cast("IO[bytes]", content.file if isinstance(content, File) else content))
    except BROKEN as error:
        raise refused(_("it is damaged; pack it again")) from error
    found = entries(archive)
    if len(found) > limits.entries:
        words = {"count": len(found), "limit": limits.entries}
        raise refused(_("it has %(count)s files, %(limit)s are allowed") % words)
    total = 0
    for name, info in found.items():
        total += info.file_size
        _check_entry(name, info)
    if total > limits.total:
        raise refused(_too_large(total, limits))
    if not found:
        raise refused(_("it is empty"))
    return archive


def entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return what is in a ZIP file by name, without folders and without what systems add."""
    named = ((name_of(info), info) for info in archive.infolist())
    return {name: info for name, info in named if not _JUNK.search(name)}


def name_of(info: zipfile.ZipInfo) -> str:
    """Return the name of an entry as the person who packed it saw it, its letters composed."""
    name = info.filename
    if not info.flag_bits & _UTF8_NAME:
        # macOS writes UTF-8 without saying so.
        with contextlib.suppress(UnicodeDecodeError):
            name = _unicode_path(info.extra) or name.encode("cp437", "replace").decode()
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")


def refused(reason: str) -> ValidationError:
    """Return the error for a ZIP file that was not opened; ``reason`` is half a sentence."""
    message = _("The ZIP file was not opened: %(reason)s.")
    return ValidationError(message, code="archive", params={"reason": reason})


def too_large(name: str) -> str:
    """Return the sentence for a file over the limit."""
    message = _("The file %(name)s has more than %(limit)s.")
    return message % {"name": name, "limit": errors.megabytes(files.most_bytes(name))}


def _store(batch: Batch, archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo, budget: Budget) -> BatchFile:
    with archive.open(info) as packed, tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as content:
        while chunk := packed.read(_CHUNK):
            budget.spend(len(chunk))
            content.write(chunk)
            if content.tell() > files.most_bytes(name):
                short = name[-files.MAX_NAME :]
                item = BatchFile(batch=batch, name=short, size=content.tell(), problem=too_large(short))
                item.save(force_insert=True)
                return item
        content.seek(0)
        # Documents of office programs are ZIP files too; nothing is unpacked of them.
        if content.read(4) == b"PK\x03\x04" and files.is_picture(name):
            raise refused(_nested(name))
        return files.add(batch, name, File(content, name=name))


def _check_entry(name: str, info: zipfile.ZipInfo) -> None:
    """Raise ValidationError for an entry that says that it is something else than a file inside."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    reason = ""
    if info.flag_bits & _ENCRYPTED:
        reason = _("it has a password")
    elif name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        reason = _("it names a path outside itself (%(name)s)") % {"name": printable(name)}
    elif kind not in {0, stat.S_IFREG}:
        reason = _("it has a link in it (%(name)s)") % {"name": printable(name)}
    elif posixpath.splitext(name)[1].lower() in _ARCHIVES:
        reason = _nested(name)
    if reason:
        raise refused(reason)


def _check_directory(content: Any) -> None:
    """Raise ValidationError unless there is a list of entries at the end, of a size that can be read into memory."""
    size = _size(content)
    content.seek(max(0, size - 65_557))
    tail = content.read()
    content.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + 22:
        raise ValidationError(_("This file is no ZIP file, or its end is missing."), code="archive")
    (count, length) = struct.unpack_from("<HI", tail, place + 10)
    if place >= 20 and tail[place - 20 : place - 16] == b"PK\x06\x07":
        # Of one with many entries or many bytes the true numbers stand elsewhere.
        content.seek(min(struct.unpack_from("<Q", tail, place - 12)[0], size))
        (count, length) = struct.unpack_from("<QQ", content.read(56).ljust(56, b"\0"), 32)
        content.seek(0)
    if length > MAX_DIRECTORY:
        words = ngettext("it has %(count)s file", "it has %(count)s files", count) % {"count": count}
        raise refused(words)


def _unicode_path(extra: bytes) -> str:
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        if kind == _UNICODE_PATH and length > 5:
            return extra[place + 9 : place + 4 + length].decode()
        place += 4 + length
    return ""


def _nested(name: str) -> str:
    return _("it has another ZIP file in it (%(name)s)") % {"name": printable(name)}


def _too_large(size: int, limits: Limits) -> str:
    words = {"size": _gigabytes(size), "limit": _gigabytes(limits.total)}
    return _("it unpacks to %(size)s, %(limit)s are allowed") % words


def _gigabytes(size: int) -> str:
    """Return ``size`` in GB, rounded up, or in MB below one."""
    if size < 1000 * MEGABYTE:
        return errors.megabytes(size)
    tenths = -(-size // (100 * MEGABYTE))
    return f"{tenths / 10:g}\N{NO-BREAK SPACE}GB"


def _size(content: Any) -> int:
    content.seek(0, os.SEEK_END)
    size = int(content.tell())
    content.seek(0)
    return size
