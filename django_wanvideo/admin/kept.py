"""Uploads that outlive a refused form: kept in the site's storage under a signed name, so that nothing chosen is lost."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.files.base import ContentFile
from django.utils import timezone

from django_wanvideo.catalog import images
from django_wanvideo.models.files import task_storage

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.core.files.uploadedfile import UploadedFile

logger = logging.getLogger(__name__)

SALT = "django_wanvideo.admin.kept"
FOLDER = "wanvideo/kept"
#: How long a refused form may lie before its file is forgotten.
LIFETIME = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that is on the server already."""

    #: As the person called it.
    name: str
    url: str
    #: The signed name that the form sends back; empty for the stored picture of a draft.
    token: str = ""
    width: int | None = None
    height: int | None = None
    size: int | None = None
    #: Width and height of the JPEG that is sent in its place, if one is.
    sent: tuple[int, int] | None = None


def keep(upload: UploadedFile[Any], *, owner: Any) -> str:
    """Store ``upload`` for a day and return the signed name; only ``owner`` (a user's pk) can use it."""
    forget_old()
    upload.seek(0)
    suffix = PurePosixPath(upload.name or "").suffix[:8].lower()
    suffix = suffix if suffix.removeprefix(".").isalnum() else ""
    name = task_storage().save(f"{FOLDER}/{timezone.now():%Y-%m-%d}/{uuid.uuid4().hex}{suffix}", upload)
    return signing.dumps({"n": name, "as": (upload.name or "")[-80:], "o": str(owner)}, salt=SALT)


def read(token: str, *, owner: Any) -> tuple[str, str] | None:
    """Return the name in the storage and the name that the person gave; ``None`` for a wrong or old token."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    if data["o"] != str(owner) or not task_storage().exists(data["n"]):
        return None
    return data["n"], data["as"]


def open_kept(token: str, *, owner: Any) -> File[Any] | None:
    """Return the kept file in memory, under the name that it came with, or ``None`` when there is none."""
    found = read(token, owner=owner)
    if found is None:
        return None
    with task_storage().open(found[0], "rb") as stored:
        return ContentFile(stored.read(images.MAX_READ_BYTES + 1), name=found[1])


def forget(token: str, *, owner: Any) -> None:
    """Delete the kept file."""
    found = read(token, owner=owner)
    if found is not None:
        task_storage().delete(found[0])


def forget_old() -> None:
    """Delete what was kept for longer than two days; a storage that cannot list is left alone."""
    storage = task_storage()
    limit = (timezone.now() - 2 * LIFETIME).strftime("%Y-%m-%d")
    try:
        days, _files = storage.listdir(FOLDER)
        for day in days:
            if day < limit:
                for name in storage.listdir(f"{FOLDER}/{day}")[1]:
                    storage.delete(f"{FOLDER}/{day}/{name}")
                storage.delete(f"{FOLDER}/{day}")
    except NotImplementedError:
        return
    except OSError as error:
        if not isinstance(error, FileNotFoundError):
            logger.warning("Old uploads of refused forms could not be deleted.", exc_info=True)


def content_type(stream: File[Any]) -> str:
    """Return the media type of a picture by its first bytes; anything else is no picture to show."""
    head = stream.read(12)
    stream.seek(0)
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG"):
        return "image/png"
    if head.startswith(b"BM"):
        return "image/bmp"
    if head[4:12] == b"ftypavif":
        return "image/avif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return ""
