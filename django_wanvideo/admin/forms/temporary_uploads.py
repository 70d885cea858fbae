"""Files that outlive a refused form: kept in the site's storage under a signed name, so that nothing chosen is lost.

Only what a model can take, under the extension of what it is: the folder may be served to everybody. A storage that fails costs
the person a second choice of the file, never the page.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo.admin.forms import made_for
from django_wanvideo.catalog import MediaFacts, images, media
from django_wanvideo.catalog.images import inspection
from django_wanvideo.catalog.inputs import MEDIA_TYPES
from django_wanvideo.models.creation import files
from django_wanvideo.models.storage import task_storage

if TYPE_CHECKING:
    from django.db.models.fields.files import FieldFile

    from django_wanvideo.catalog import InputSpec
    from django_wanvideo.models import MediaInput

SALT = "django_wanvideo.admin.forms.temporary_uploads"
FOLDER = "wanvideo/kept"
#: How long a refused form may lie before its file is forgotten.
LIFETIME = dt.timedelta(days=1)
#: Seconds between two looks of a process for what has lain too long.
FORGET_EVERY = 3600.0

_forgot_at: float | None = None


@dataclass(frozen=True, slots=True)
class TemporaryUpload:
    """A file that is on the server already."""

    #: As the person called it.
    name: str
    url: str
    #: The signed name that the form sends back; empty for the stored file of a draft.
    token: str = ""
    width: int | None = None
    height: int | None = None
    size: int | None = None
    #: Width and height of the JPEG that is sent in its place, if one is.
    sent: tuple[int, int] | None = None
    #: What was measured of a clip, a sound or a document.
    facts: MediaFacts = field(default_factory=MediaFacts)


def keep(upload: File[Any], *, owner: Any, wanted: InputSpec | None = None) -> str:
    """Store a file for a day and return the signed name, which only ``owner`` (a user's pk) can use.

    Empty for what is no picture, or not what ``wanted`` takes, and where the storage does not take it.
    """
    _forget_old_now_and_then()
    # Nobody can use what is none, and the folder may be served: it may be a page with a script.
    unusable = contextlib.suppress(ValidationError)
    with files.BestEffort("A file of a refused form could not be kept; it has to be chosen again."), unusable:
        facts = _facts_of(upload, wanted)
        kind = str(facts.format).lower().replace("jpeg", "jpg")
        name = f"{FOLDER}/{timezone.now():%Y-%m-%d}/{secrets.token_hex(16)}.{kind}"
        stored = task_storage().save(name, upload)
        measured = [
            facts.format,
            facts.size,
            facts.width,
            facts.height,
            facts.seconds and str(facts.seconds),
            facts.pages,
        ]
        return signing.dumps({"n": stored, "as": (upload.name or "")[-80:], "o": str(owner), "f": measured}, salt=SALT)
    return ""


def _facts_of(upload: File[Any], wanted: InputSpec | None) -> MediaFacts:
    """Return what a file is. Raises ValidationError for what cannot be used for ``wanted``, a picture otherwise."""
    if wanted is None or wanted.media == "image":
        picture = images.inspect_image(upload)
        return MediaFacts(picture.format, picture.size, picture.width, picture.height)
    facts = media.measure(upload, wanted, upload.name or "")
    if facts.format not in wanted.formats or (facts.size or 0) > wanted.max_bytes:
        raise ValidationError(_("This file cannot be used here."))
    return facts


def facts(token: str, *, owner: Any) -> MediaFacts:
    """Return what was measured of a kept file."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return MediaFacts()
    kind, size, width, height, seconds, pages = data.get("f") or [None] * 6
    known = MediaFacts(kind, size, width, height, Decimal(seconds) if seconds else None, pages)
    return known if data["o"] == str(owner) else MediaFacts()


def keep_copy(stored: FieldFile, *, owner: Any, wanted: InputSpec) -> str:
    """Keep a copy of a task's stored input for a form; return an empty text where that cannot be done just now."""
    words = "The file %s could not be kept for another form; it has to be chosen again."
    with files.BestEffort(words, stored.name), stored.storage.open(str(stored.name), "rb") as content:
        suffix = PurePosixPath(str(stored.name)).suffix
        if wanted.media != "image":
            return keep(File(content, name=f"{wanted.role}{suffix}"), owner=owner, wanted=wanted)
        return keep(ContentFile(content.read(images.MAX_READ_BYTES + 1), name=f"picture{suffix}"), owner=owner)
    return ""


def keep_beginning(token: str, *, owner: Any, wanted: InputSpec) -> str:
    """Keep the beginning of a kept clip or sound, as long as a model takes, as a file of its own.

    Raises ValidationError where that cannot be done, with what to do.
    """
    kept = open_upload(token, owner=owner)
    if kept is None:
        raise ValidationError(_("The file that you chose cannot be read here any more. Choose it again."))
    with kept:
        beginning, _found = media.cut(kept, wanted, facts(token, owner=owner))
    with beginning:
        if new := keep(File(beginning, name=kept.name), owner=owner, wanted=wanted):
            return new
    raise ValidationError(_("This site’s storage does not take the file just now. Try again in a few minutes."))


def read(token: str, *, owner: Any) -> tuple[str, str] | None:
    """Return the name in the storage and the name that the person gave; ``None`` for a wrong or old token."""
    try:
        data = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return None
    return (data["n"], data["as"]) if data["o"] == str(owner) else None


def open_upload(token: str, *, owner: Any) -> UploadedFile[Any] | None:
    """Return the kept file, under the name that it came with, or ``None`` when there is none to be had.

    A picture is in memory; what is larger may be on this machine's disk.
    """
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
        content_type = MEDIA_TYPES.get(kind.upper(), f"image/{kind}")
        if content_type.startswith("image/"):
            content = files.content(stored, images.MAX_READ_BYTES + 1)
            return SimpleUploadedFile(name_given, content.read(), content_type)
        copy = tempfile.SpooledTemporaryFile(max_size=images.MAX_READ_BYTES)  # noqa: SIM115 - whoever gets it reads it
        shutil.copyfileobj(stored, copy)
        size = copy.tell()
        copy.seek(0)
        return UploadedFile(copy, name_given, content_type, size)
    return None


def present(token: str, wanted: InputSpec, address: str, *, owner: Any) -> TemporaryUpload | None:
    """Return a kept file as a form shows it; ``address`` is the one that shows kept pictures."""
    kept = open_upload(token, owner=owner)
    if kept is None:
        return None
    if wanted.media != "image":
        kept.close()
        known = facts(token, owner=owner)
        return TemporaryUpload(str(kept.name), "", token=token, size=kept.size, facts=known)
    measured: dict[str, Any] = {}
    # What was refused may be no picture at all; the field says so.
    with kept, contextlib.suppress(ValidationError):
        found = images.inspect_image(kept, convertible=True, spec=wanted)
        sent = inspection.size_to_send(found, wanted)
        measured = {"width": found.width, "height": found.height, "sent": sent}
        measured["facts"] = MediaFacts(found.format, found.size, found.width, found.height)
    return TemporaryUpload(str(kept.name), f"{address}?name={token}", token=token, size=kept.size, **measured)


def stored(item: MediaInput) -> TemporaryUpload:
    """Return the stored file of a draft as a form shows it."""
    is_picture = item.content_type.startswith("image/")
    return TemporaryUpload(
        _("the present picture") if is_picture else _("the present file"),
        files.url_of(item.shown_file) if is_picture else "",
        width=item.width,
        height=item.height,
        size=item.size,
        sent=item.sent_size,
        facts=item.facts,
    )


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
