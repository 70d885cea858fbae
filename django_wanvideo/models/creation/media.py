"""Inputs: stored when a task is made, uploaded to EvoLink right before it is sent."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import tempfile
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.base import ContentFile, File
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import catalog
from django_wanvideo.catalog import images
from django_wanvideo.catalog import urls as links
from django_wanvideo.conf import conf
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import addresses, files
from django_wanvideo.models.input import by_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.models import BatchFile, VideoTask

logger = logging.getLogger(__name__)

#: An uploaded file must outlive the queue at EvoLink; it is kept there for 72 h (evolink-api.md §3.1).
SPARE = dt.timedelta(hours=6)
#: An upload that another task made must outlive the site's own queue as well, and a retry.
REUSED_SPARE = dt.timedelta(hours=24)
#: Pixels of a small picture's longer side: twice the 96 that a list shows, for dense screens.
THUMBNAIL_SIDE = 192
#: Bytes of a picture that are kept in memory while it is sent; a larger one is in a file.
SPOOL_BYTES = 1_000_000
#: Further than the places of a role go.
_ASIDE = 1000
#: After these nobody knows what became of the transaction: the server may be committing it.
_UNDECIDED = (OperationalError, InterfaceError)


class UnreadableInputError(Exception):
    """An input's file is somewhere in the site's storage, and the storage does not give it just now."""


def save_inputs(task: VideoTask, inputs: Iterable[MediaInput]) -> None:
    """Store new inputs and their files, each under a name of its own; a file is read through in chunks.

    Raises ValidationError, keyed by role, where the site's storage does not take one.
    """
    for item in inputs:
        item.task_id = task.pk
        if item.file:
            content = cast("File[bytes]", item.file.file)
            extension = Path(item.file.name or "").suffix
            item.file = None
            stem = f"{task.pk}-{item.role}-{item.position}"
            try:
                store_picture(
                    item, stem, extension, content, has_thumbnail=catalog.media_type_for(item.role) == "image"
                )
            except ValidationError as error:
                raise ValidationError({item.role: error}) from error
            # Where the file is the caller's, it is left as it was found: open, at its beginning.
            content.seek(0)
        item.save(force_insert=True)


def move_inputs(inputs: Iterable[MediaInput]) -> bool:
    """Give stored inputs among ``inputs`` the places in which they stand there, and tell whether one has moved."""
    places: Counter[str] = Counter()
    moved = []
    for item in inputs:
        if item.pk is not None and item.position != places[item.role]:
            item.position = places[item.role]
            moved.append(item)
        places[item.role] += 1
    # Each place is taken once at any moment, so they step aside first.
    for offset in (_ASIDE, 0):
        for item in moved:
            MediaInput.objects.filter(pk=item.pk).update(position=item.position + offset)
    return bool(moved)


def store_picture(
    item: MediaInput | BatchFile, stem: str, extension: str, content: File[bytes] | IO[bytes], *, has_thumbnail: bool
) -> None:
    """Store a row's file and its small picture, each under a name of its own that begins with ``stem``.

    Raises:
        ValidationError: the site's storage does not take the file.
    """
    name = files.unique_name(stem, extension)
    try:
        item.file.save(name, content if isinstance(content, File) else File(content), save=False)
    except (BaseTimeoutException, ImproperlyConfigured):
        raise
    except Exception as error:
        logger.warning("The storage does not take %s. (%s)", name, files.brief(error))
        message = _("This site’s storage does not take the file just now. Try again in a few minutes.")
        raise ValidationError(message, code="unstorable") from error
    if has_thumbnail:
        with files.BestEffort("%s has no small picture for lists.", item.file.name):
            small = ContentFile(images.small_jpeg(content, THUMBNAIL_SIDE))
            item.thumbnail.save(files.unique_name(stem, "-small.jpg"), small, save=False)


@contextlib.contextmanager
def discarding_files_on_error(inputs: list[MediaInput]) -> Iterator[None]:
    """Delete the files of ``inputs`` if the block fails and their rows are rolled back.

    An error may also come after the commit (a site's ``on_commit``) or in its midst (a lost connection): what has a row
    stays, and so does what may yet have one. ``services.storing.orphans`` finds what is left over.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, _UNDECIDED):
            for item in inputs:
                for stored in (item.file, item.thumbnail):
                    if stored and getattr(stored, "_committed", False):  # no public way to ask whether it was saved
                        files.delete_unreferenced(stored.storage, stored.name)
        raise


def provider_urls(task: VideoTask, client: EvoLinkClient) -> dict[str, list[str]]:
    """Return a link for every input, by role; pictures are uploaded unless an upload is still fresh.

    Other files are read where this site has them, as EvoLink's file service does not take them.

    Raises:
        FileNotFoundError: a file is gone from the site's storage.
        UnreadableInputError: the site's storage does not give a file just now.
        ValidationError: a file is no picture any more, or EvoLink could not read it.
        EvoLinkError: the file service did not take a file.
    """
    urls: dict[str, list[str]] = {}
    for role, items in by_role(task.inputs.all()).items():
        urls[role] = [links.sendable(item.url) if item.url else _of_file(item, client) for item in items]
    return urls


def _of_file(item: MediaInput, client: EvoLinkClient) -> str:
    if catalog.media_type_for(item.role) == "image":
        return _uploaded(item, client)
    name = str(item.file.name)
    try:
        is_there = item.file.storage.exists(name)
    except BaseTimeoutException:
        raise
    except Exception as error:
        raise UnreadableInputError(f"{name}: {type(error).__name__}") from error
    if not is_there:
        raise FileNotFoundError(name)
    return addresses.public_url(item.file.storage, name)


def _uploaded(item: MediaInput, client: EvoLinkClient) -> str:
    """Return a link to the file at EvoLink: its own while it is fresh, or that of the same picture, or a new one."""
    account = _account()
    if item.uploaded_account == account and (url := item.fresh_upload_url(spare=SPARE)):
        return url
    item.uploaded_url, item.uploaded_expires_at = _same_upload(item, account) or _upload(item, client)
    item.uploaded_account = account
    item.save(update_fields=["uploaded_url", "uploaded_expires_at", "uploaded_account"])
    return item.uploaded_url


def _same_upload(item: MediaInput, account: str) -> tuple[str, dt.datetime] | None:
    """Return link and end of an upload of the same picture in the same form that lives long enough.

    EvoLink counts files; two workers that upload the same one at once only take two places.
    """
    if not item.sha256:
        return None
    same = MediaInput.objects.filter(
        sha256=item.sha256,
        sent_width=item.sent_width,
        sent_height=item.sent_height,
        uploaded_account=account,
        uploaded_expires_at__gt=timezone.now() + REUSED_SPARE,
    ).exclude(uploaded_url="")
    found = same.order_by("-uploaded_expires_at").values_list("uploaded_url", "uploaded_expires_at").first()
    return (found[0], found[1]) if found and found[1] is not None else None


def _account() -> str:
    """Return a mark of the account that uploads belong to, from which nobody gets the key.

    The links are public, but they end with the account, and those of a simulator are of no use to EvoLink.
    """
    text = f"{conf.FILES_URL}\n{conf.api_key()}"
    return salted_hmac("django_wanvideo.uploads", text, algorithm="sha256").hexdigest()[:32]


def _upload(item: MediaInput, client: EvoLinkClient) -> tuple[str, dt.datetime]:
    with _uploadable(item) as (content, content_type, extension):
        # The content is in the name: a file of the same name replaces the one before it, whose link others may use.
        name = f"{item.task_id}-{item.role}-{item.position}-{item.sha256[:12] or item.pk}.{extension}"
        uploaded = client.upload(content, file_name=name, content_type=content_type)
    return uploaded.url, uploaded.expires_at


@contextlib.contextmanager
def _uploadable(item: MediaInput) -> Iterator[tuple[BinaryIO, str, str]]:
    """Read an input's file; yield it as EvoLink takes it, its media type, and its extension without a dot."""
    with contextlib.ExitStack() as stack:
        # First to this machine, whole: a storage that fails half-way must not look like a damaged picture.
        local = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))
        try:
            with item.file.open("rb") as stored:
                while chunk := stored.read(files.CHUNK):
                    local.write(chunk)
        except (FileNotFoundError, BaseTimeoutException):
            raise
        except Exception as error:
            # Every storage has errors of its own: no rights, no network, an expired token.
            raise UnreadableInputError(f"{item.file.name}: {type(error).__name__}") from error
        try:
            facts = images.inspect_image(local, convertible=True)
            most = _most_bytes(item)
            content, content_type, extension = images.as_uploadable(local, facts, fitted=item.sent_size, max_bytes=most)
        except ValidationError as error:
            if isinstance(error.__cause__, BaseTimeoutException):
                # Not the picture's fault: the job's time was up while it was looked at.
                raise error.__cause__ from None
            raise
        stack.enter_context(content)
        yield cast("BinaryIO", content), content_type, extension


def _most_bytes(item: MediaInput) -> int | None:
    """Return how large the file that is sent may be, where the catalogue says so."""
    try:
        return catalog.get(item.task.model).input(item.role).max_bytes
    except (KeyError, ValidationError):
        return None
