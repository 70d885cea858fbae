"""Pictures that outlive a refused form: kept in the site's storage under a signed name, so that nothing chosen is lost.

Only pictures, under the extension of what they are: the folder may be served to everybody. A storage that fails costs
the person a second choice of the file, never the page.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import time
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from django_wanvideo.admin.forms import made_for
from django_wanvideo.catalog import images
from django_wanvideo.models.creation import files
from django_wanvideo.models.storage import task_storage

if TYPE_CHECKING:
    from django.core.files.base import File
    from django.db.models.fields.files import FieldFile

SALT = "django_wanvideo.admin.forms.temporary_uploads"
FOLDER = "wanvideo/kept"
#: How long a refused form may lie before its file is forgotten.
LIFETIME = dt.timedelta(days=1)
#: Seconds between two looks of a process for what has lain too long.
FORGET_EVERY = 3600.0

_forgot_at: float | None = None


@dataclass(frozen=True, slots=True)
class TemporaryUpload:
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


def keep(upload: File[Any], *, owner: Any) -> str:
    """Store a picture for a day and return the signed name, which only ``owner`` (a user's pk) can use.

    Empty for what is no picture, and where the storage does not take it.
    """
    _forget_old_now_and_then()
    # Nobody can use what is none, and the folder may be served: it may be a page with a script.
    no_picture = contextlib.suppress(ValidationError)
    with files.BestEffort("A picture of a refused form could not be kept; it has to be chosen again."), no_picture:
        kind = images.inspect_image(upload).format.lower().replace("jpeg", "jpg")
        name = f"{FOLDER}/{timezone.now():%Y-%m-%d}/{secrets.token_hex(16)}.{kind}"
        stored = task_storage().save(name, upload)
        return signing.dumps({"n": stored, "as": (upload.name or "")[-80:], "o": str(owner)}, salt=SALT)
    return ""


def keep_copy(stored: FieldFile, *, owner: Any) -> str:
    """Keep a copy of a task's stored picture for a form; return an empty text where that cannot be done just now."""
    words = "The picture %s could not be kept for another form; it has to be chosen again."
    with files.BestEffort(words, stored.name), stored.storage.open(str(stored.name), "rb") as content:
        name = f"picture{PurePosixPath(str(stored.name)).suffix}"
        return keep(ContentFile(content.read(images.MAX_READ_BYTES + 1), name=name), owner=owner)
    return ""


def read(token: str, *, owner: Any) -> tuple[str, str] | None:
    """Return the name in the storage and the name that the person gave; ``None`` for a wrong or old token."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return (data["n"], data["as"]) if data["o"] == str(owner) else None


def open_upload(token: str, *, owner: Any) -> SimpleUploadedFile | None:
    """Return the kept file in memory, under the name that it came with, or ``None`` when there is none to be had."""
    found, shown = read(token, owner=owner), made_for.read(token, owner=owner)
    if found is not None:
        name, name_given = found
    elif shown is not None:
        # Not kept here: the picture of an object of the site's own, whose page leads to the form.
        name, name_given = shown.stored, shown.file_name
    else:
        return None
    # The extension says what it is, whatever it was called.
    kind = PurePosixPath(name).suffix.lower().removeprefix(".").replace("jpg", "jpeg")
    unreadable = files.BestEffort("The storage does not give the picture %s.", name)
    with (
        unreadable,
        contextlib.suppress(FileNotFoundError),
        shown.open() if shown is not None else task_storage().open(name, "rb") as stored,
    ):
        content = files.content(stored, images.MAX_READ_BYTES + 1)
        return SimpleUploadedFile(name_given, content.read(), f"image/{kind}")
    return None


def forget(token: str, *, owner: Any) -> None:
    found = read(token, owner=owner)
    if found is not None:
        files.delete_unreferenced(task_storage(), found[0])


def forget_old() -> None:
    """Delete what was kept for longer than two days; a storage that cannot list is left alone."""
    limit = (timezone.now() - 2 * LIFETIME).strftime("%Y-%m-%d")
    storage, cannot_list = task_storage(), contextlib.suppress(NotImplementedError, FileNotFoundError)
    with files.BestEffort("Old pictures of refused forms could not be deleted."), cannot_list:
        for folder in [f"{FOLDER}/{day}" for day in storage.listdir(FOLDER)[0] if day < limit]:
            for name in storage.listdir(folder)[1]:
                files.delete_unreferenced(storage, f"{folder}/{name}")
            if not any(storage.listdir(folder)):
                storage.delete(folder)


def _forget_old_now_and_then() -> None:
    global _forgot_at  # noqa: PLW0603 - one mark for the process
    now = time.monotonic()
    if _forgot_at is None or now - _forgot_at > FORGET_EVERY:
        _forgot_at = now
        forget_old()
