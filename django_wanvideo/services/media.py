"""Inputs: checked when a task is made, uploaded to EvoLink right before it is sent."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import logging
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.base import ContentFile, File
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import catalog
from django_wanvideo.catalog import images, links
from django_wanvideo.choices import InputRole
from django_wanvideo.models import MediaInput
from django_wanvideo.models.inputs import by_role
from django_wanvideo.services import files, thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from django_wanvideo.catalog import InputSpec, ModelSpec
    from django_wanvideo.evolink.client import EvoLinkClient
    from django_wanvideo.models import VideoTask

logger = logging.getLogger(__name__)

#: An uploaded file must outlive the queue at EvoLink; it is kept there for 72 h (evolink-api.md §3.1).
SPARE = dt.timedelta(hours=6)


class UnreadableInputError(Exception):
    """An input's file is somewhere in the site's storage, and the storage does not give it just now."""


#: After these nobody knows what became of the transaction: the server may be committing it.
_UNDECIDED = (OperationalError, InterfaceError)
_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp"}


def inspect(spec: ModelSpec, sources: Mapping[str, list[Any]], *, keep_of: VideoTask | None = None) -> list[MediaInput]:
    """Turn what was given into unsaved inputs.

    Args:
        sources: by role, a list of links, open files, paths or stored inputs.
        keep_of: a task whose own stored inputs come back as they are instead of being copied.

    Raises:
        ValidationError: keyed by role.
    """
    errors: dict[str, list[ValidationError]] = {}
    inputs: list[MediaInput] = []
    for role, items in sources.items():
        wanted = next(item for item in spec.inputs if item.role == role)
        for position, source in enumerate(items):
            try:
                inputs.append(_input(wanted, source, position, keep_of))
            except ValidationError as error:
                errors.setdefault(role, []).extend(error.error_list)
    if errors:
        raise ValidationError(dict(errors))
    return inputs


def save_inputs(task: VideoTask, inputs: Iterable[MediaInput]) -> None:
    """Store new inputs and their files, each under a name of its own; a file is read through in chunks.

    Raises:
        ValidationError: keyed by role, the site's storage does not take the file.
    """
    for item in inputs:
        item.task = task
        if item.file:
            content = cast("File[bytes]", item.file.file)
            extension = Path(item.file.name or "").suffix
            item.file = None
            stem = f"{task.pk}-{item.role}-{item.position}"
            _store(item, files.unique_name(stem, extension), content)
            if item.width:
                _add_thumbnail(item, files.unique_name(stem, "-small.jpg"), content)
        item.save(force_insert=True)


def _store(item: MediaInput, name: str, content: File[bytes]) -> None:
    try:
        item.file.save(name, content, save=False)
    except (BaseTimeoutException, ImproperlyConfigured):
        raise
    except Exception as error:
        logger.warning("The storage does not take %s. (%s)", name, files.brief(error))
        message = _("This site’s storage does not take the file just now. Try again in a few minutes.")
        raise ValidationError({item.role: ValidationError(message, code="unstorable")}) from error


def _add_thumbnail(item: MediaInput, name: str, content: File[bytes]) -> None:
    with files.BestEffort("%s has no small picture for lists.", item.file.name):
        item.thumbnail.save(name, ContentFile(thumbnails.make(content)), save=False)


@contextlib.contextmanager
def discarding_files_on_error(inputs: list[MediaInput]) -> Iterator[None]:
    """Delete the files of ``inputs`` if the block fails and their rows are rolled back.

    An error may also come after the commit (a site's ``on_commit``) or in its midst (a lost connection): what has a row
    stays, and so does what may yet have one. ``services.orphans`` finds what is left over.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, _UNDECIDED):
            for item in inputs:
                for stored in (item.file, item.thumbnail):
                    if stored and getattr(stored, "_committed", False):  # no public way to ask whether it was saved
                        files.discard(stored.storage, stored.name)
        raise


def provider_urls(task: VideoTask, client: EvoLinkClient) -> dict[str, list[str]]:
    """Return a link for every input, by role; files are uploaded unless an upload is still fresh.

    Raises:
        FileNotFoundError: a file is gone from the site's storage.
        UnreadableInputError: the site's storage does not give a file just now.
        ValidationError: a file is no picture any more.
        EvoLinkError: the file service did not take a file.
    """
    urls: dict[str, list[str]] = {}
    for role, items in by_role(task.inputs.all()).items():
        urls[role] = [item.url or item.fresh_upload_url(spare=SPARE) or _upload(item, client) for item in items]
    return urls


def _upload(item: MediaInput, client: EvoLinkClient) -> str:
    with _uploadable(item) as (content, content_type, extension):
        name = f"{item.task_id}-{item.role}-{item.position}.{extension}"
        uploaded = client.upload(content, file_name=name, content_type=content_type)
    item.uploaded_url, item.uploaded_expires_at = uploaded.url, uploaded.expires_at
    item.save(update_fields=["uploaded_url", "uploaded_expires_at"])
    return uploaded.url


@contextlib.contextmanager
def _uploadable(item: MediaInput) -> Iterator[tuple[BinaryIO, str, str]]:
    """Read an input's file; yield it as EvoLink takes it, its media type, and its extension without a dot."""
    with contextlib.ExitStack() as stack:
        # First to this machine, whole: a storage that fails half-way must not look like a damaged picture.
        local = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=images.SPOOL_BYTES))
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
            content, content_type, extension = images.as_uploadable(local, images.inspect_image(local))
        except ValidationError as error:
            if isinstance(error.__cause__, BaseTimeoutException):
                # Not the picture's fault: the job's time was up while it was looked at.
                raise error.__cause__ from None
            raise
        stack.enter_context(content)
        yield cast("BinaryIO", content), content_type, extension


def _input(wanted: InputSpec, source: Any, position: int, keep_of: VideoTask | None) -> MediaInput:
    if isinstance(source, MediaInput):
        kept = keep_of is not None and source.task_id == keep_of.pk and source.role == wanted.role
        return source if kept else _copy(wanted, source, position)
    if isinstance(source, str):
        links.check_url(source)
        return MediaInput(role=wanted.role, position=position, url=source)
    content: IO[bytes] | File[bytes]
    if isinstance(source, Path):
        content = _content_of(source)
    elif isinstance(source, io.TextIOBase):
        raise ValidationError(_('Open the file for reading bytes: open(path, "rb").'), code="invalid")
    elif hasattr(source, "read") and hasattr(source, "seek"):
        content = source
    else:
        raise ValidationError(_("Give a link (https://…) or an open file."), code="invalid")
    return _picture(wanted, content, position)


def _picture(wanted: InputSpec, content: IO[bytes] | File[bytes], position: int) -> MediaInput:
    if wanted.media != "image":
        raise ValidationError(
            _("Only pictures can be given as a file; give a link for this one."), code="file_not_taken"
        )
    facts = images.inspect_image(content)
    images.check_image(facts, wanted)
    item = MediaInput(role=wanted.role, position=position, width=facts.width, height=facts.height, size=facts.size)
    item.content_type = f"image/{facts.format.lower()}"
    extension = _EXTENSIONS.get(facts.format.upper(), "img")
    item.file = File(content, name=f"{wanted.role}.{extension}")
    return item


def _content_of(path: Path) -> ContentFile[bytes]:
    try:
        with path.open("rb") as stored:
            # One byte more than can be taken, so that a larger file is refused by its size and never read whole.
            return ContentFile(stored.read(images.MAX_READ_BYTES + 1))
    except OSError as error:
        message = _("The file %(path)s cannot be read: %(reason)s.")
        params = {"path": path, "reason": error.strerror or type(error).__name__}
        raise ValidationError(message, code="unreadable", params=params) from error


def _copy(wanted: InputSpec, source: MediaInput, position: int) -> MediaInput:
    """Take over a stored input, checked like a new one: another model, or another role, may want something else."""
    if catalog.media_of(source.role) != wanted.media:
        message = _("This input was given as “%(role)s” and cannot be used here; choose another one.")
        raise ValidationError(message, code="wrong_media", params={"role": InputRole(source.role).label})
    if source.url:
        links.check_url(source.url)
        return MediaInput(role=wanted.role, position=position, url=source.url)
    try:
        with source.file.open("rb") as stored:
            content = files.content(stored, images.MAX_READ_BYTES + 1)
    except FileNotFoundError as error:
        message = _("The picture's file is gone from this site; choose it again.")
        raise ValidationError(message, code="missing") from error
    except BaseTimeoutException:
        raise
    except Exception as error:
        logger.warning("The storage does not give %s. (%s)", source.file.name, files.brief(error))
        message = _("The picture cannot be read from this site's storage just now.")
        raise ValidationError(message, code="unreadable") from error
    return _picture(wanted, content, position)
