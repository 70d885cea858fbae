"""Files of a batch: kept once for all rows that use them, and found by the names that rows give them."""

from __future__ import annotations

import dataclasses
import hashlib
import posixpath
import unicodedata
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Count, Sum
from django.utils.translation import gettext as _

from django_wanvideo.batches.wording import nearest
from django_wanvideo.catalog import images
from django_wanvideo.catalog.inputs import MEDIA_TYPES, MEGABYTE
from django_wanvideo.models import BatchFile
from django_wanvideo.models.creation import media

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.base import File

    from django_wanvideo.batches.rows import CheckedRow
    from django_wanvideo.models import Batch

#: Characters of a file's name that are kept.
MAX_NAME = 255
#: Files of one batch, bytes of a picture, of any other file, and of all files together.
MOST_FILES = 500
MOST_BYTES = 10 * MEGABYTE
MOST_BYTES_OF_OTHERS = 100 * MEGABYTE
MOST_TOGETHER = 2000 * MEGABYTE
_CHUNK = 1_000_000
_OTHERS = frozenset(f".{kind.lower()}" for kind, content_type in MEDIA_TYPES.items() if "image/" not in content_type)


class Folder:
    """The files of a folder; what lies outside of it is not there."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def find(self, name: str) -> Path:
        """Return the path of a file. Raises ValidationError when it is not in the folder."""
        try:
            path = (self.root / name).resolve()
            inside = path.is_relative_to(self.root) and path.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise not_there(name, self.root.name, self._names)
        return path

    @cached_property
    def _names(self) -> list[str]:
        return [item.name for item in self.root.iterdir()] if self.root.is_dir() else []


class Given:
    """The files that were given for a batch, by name."""

    def __init__(self, batch: Batch, source: str = "") -> None:
        self.source = source
        self._by_name: dict[str, list[BatchFile]] = {}
        for item in batch.files.all():
            for name in {_composed(item.name), posixpath.basename(_composed(item.name))}:
                self._by_name.setdefault(name, []).append(item)

    def find(self, name: str) -> BatchFile:
        """Return a file by its name, with or without its folder. Raises ValidationError for none, or several."""
        found = self._by_name.get(_composed(name.strip()).removeprefix("./"), [])
        if not found:
            raise not_there(name, self.source, self._by_name)
        if len({item.sha256 for item in found}) > 1:
            message = _("There are several files of this name.")
            params = {"name": found[0].name}
            raise ValidationError(message, code="ambiguous", params=params)
        return found[0]


def not_there(name: str, source: str, known: Iterable[str]) -> ValidationError:
    """Return the error for a name that no file has, with the nearest that one has."""
    message = _("There is no file “%(name)s” in %(source)s.") if source else _("There is no file “%(name)s”.")
    params = {"name": name, "source": source, "meant": nearest(name, known)}
    return ValidationError(message, code="no_such_file", params=params)


def is_picture(name: str) -> bool:
    """Tell whether a file is called like a picture, or like nothing else that a model takes."""
    return posixpath.splitext(name)[1].lower() not in _OTHERS


def most_bytes(name: str) -> int:
    """Return how large a file of this name may be."""
    return MOST_BYTES if is_picture(name) else MOST_BYTES_OF_OTHERS


def check_room(batch: Batch, size: int, *, count: int = 1) -> None:
    """Raise ValidationError where ``count`` more pictures of ``size`` bytes are too many, too large, or too much together."""
    held = BatchFile.objects.filter(batch=batch).aggregate(count=Count("pk"), size=Sum("size"))
    if size > MOST_BYTES:
        message, params = _("The picture has more than %(limit)s MB."), {"limit": MOST_BYTES // MEGABYTE}
        raise ValidationError(message, code="too_many_bytes", params=params)
    if held["count"] + count > MOST_FILES:
        message = _("%(limit)s pictures can be given at once. Give the rest as another batch.")
        raise ValidationError(message, code="too_many_files", params={"limit": MOST_FILES})
    if (held["size"] or 0) + size > MOST_TOGETHER:
        message = _("The pictures have more than %(limit)s GB together. Give the rest as another batch.")
        raise ValidationError(message, code="too_much", params={"limit": MOST_TOGETHER // MEGABYTE // 1000})


def add(batch: Batch, name: str, content: File[bytes] | IO[bytes]) -> BatchFile:
    """Store a file of a batch, measured; the same file under the same name is stored once.

    What is no picture is kept too, with what is wrong with it, so that the check can say so.

    Raises:
        ValidationError: the site's storage does not take it.
    """
    sha256, size = _measured(content)
    name = name.replace("\\", "/").lstrip("/")[-MAX_NAME:]
    known = BatchFile.objects.filter(batch=batch, sha256=sha256)
    if (same := known.filter(name=name).first()) is not None:
        return same
    item = BatchFile(batch=batch, name=name, sha256=sha256, size=size)
    try:
        item.facts = dataclasses.asdict(images.inspect_image(content, convertible=True))
    except ValidationError as error:
        item.problem = " ".join(error.messages)
    if (twin := known.first()) is not None:
        item.file, item.thumbnail = twin.file.name, twin.thumbnail.name
    else:
        extension = posixpath.splitext(name)[1].lower()[:10]
        media.store_picture(item, f"{batch.pk}-file-0", extension, content, has_thumbnail=bool(item.facts))
    item.save(force_insert=True)
    return item


def _composed(name: str) -> str:
    """Return a name as one writes it: some systems give the dots of ü as a letter of their own."""
    return unicodedata.normalize("NFC", name)


def keep(batch: Batch, checked: CheckedRow) -> None:
    """Store the files of a row that was given with open files or paths, and refer to them in its content."""
    fresh = iter(checked.fresh)
    for described in checked.content["inputs"]:
        if "url" in described or "file" in described:
            continue
        item = next(fresh)
        described["file"] = add(batch, f"{checked.number}/{Path(str(item.file.name)).name}", item.file.file).pk


def _measured(content: Any) -> tuple[str, int]:
    content.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    content.seek(0)
    return digest.hexdigest(), size
