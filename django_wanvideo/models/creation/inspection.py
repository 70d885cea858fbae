"""What is given for a task, judged before anything is stored: links by how they are written, files by their content."""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import MediaFacts, images, media, text
from django_wanvideo.catalog.media import limits
from django_wanvideo.choices import InputRole
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import addresses, links, sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from django_stubs_ext import StrOrPromise

    from django_wanvideo.catalog import InputSpec, ModelSpec
    from django_wanvideo.catalog.inputs import Fix
    from django_wanvideo.models import VideoTask

_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp", "AVIF": "avif", "TIFF": "tif", "HEIC": "heic"}
#: Bytes read at a time.
_CHUNK = 1_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one file or link was found to be, held against what a model takes in one role."""

    facts: MediaFacts = field(default_factory=MediaFacts)
    #: Why the model does not take it, each with what to do.
    problems: tuple[ValidationError, ...] = ()
    #: Which limits could not be held against it, in sentences, each with how that can be.
    unchecked: tuple[StrOrPromise, ...] = ()
    #: Width and height of the JPEG that is sent in place of a picture.
    sent_size: tuple[int, int] | None = None
    #: Length of the beginning that is stored and sent in place of a clip or a sound that is too long.
    sent_seconds: Decimal | None = None


def examine(spec: ModelSpec, role: str, source: Any, *, fix: Fix = True) -> Finding:
    """Judge one input by itself without storing it; a file is left open, at its beginning.

    What only all inputs together can be too much of is judged when the task is made.

    Args:
        source, fix: as for ``inspect``.
    """
    try:
        [item] = inspect(spec, {role: [source]}, fix=fix)
    except ValidationError as error:
        return Finding(problems=tuple(error.error_dict[role]))
    remarks = tuple(limits.remarks(spec.input(role), item.facts, is_link=bool(item.url)))
    if item.cut_from is not None:
        return Finding(item.cut_from, unchecked=remarks, sent_seconds=item.seconds)
    return Finding(item.facts, unchecked=remarks, sent_size=item.sent_size)


def inspect(
    spec: ModelSpec, given: Mapping[str, list[Any]], *, keep_of: VideoTask | None = None, fix: Fix = False
) -> list[MediaInput]:
    """Turn what was given into unsaved inputs.

    Args:
        given: by role, a list of links, open files, paths or stored inputs.
        keep_of: a task whose own stored inputs come back as they are instead of being copied.
        fix: whether a picture that does not fit may be sent scaled down and encoded anew, and of a clip or a sound that is
            too long only the beginning be taken. ``"images"`` allows the first only.

    Raises:
        ValidationError: keyed by role.
    """
    errors: dict[str, list[ValidationError]] = {}
    inputs: list[MediaInput] = []
    for role, items in given.items():
        wanted = next(item for item in spec.inputs if item.role == role)
        for position, source in enumerate(items):
            try:
                inputs.append(_input(wanted, source, position, keep_of, fix=fix))
            except ValidationError as error:
                errors.setdefault(role, []).extend(error.error_list)
    if errors:
        raise ValidationError(dict(errors))
    return inputs


def rereadable(source: Any) -> Any:
    """Return something of the same content that can be read more than once; what cannot be read stays as it is."""
    if isinstance(source, (str, MediaInput, Path, FieldFile)) or not callable(getattr(source, "read", None)):
        return source
    try:
        return sources.opened(source)
    except ValidationError:
        return source


def _input(wanted: InputSpec, source: Any, position: int, keep_of: VideoTask | None, *, fix: Fix) -> MediaInput:
    source = text.plain(source)
    if isinstance(source, MediaInput):
        kept = keep_of is not None and source.task_id == keep_of.pk and source.role == wanted.role
        return source if kept else _copy(wanted, source, position, fix=fix)
    if isinstance(source, str):
        return MediaInput(role=wanted.role, position=position, url=links.checked(source))
    return _file(wanted, source, position, fix=fix)


def _file(wanted: InputSpec, source: Any, position: int, *, fix: Fix) -> MediaInput:
    content = sources.opened(source)
    item = MediaInput(role=wanted.role, position=position)
    try:
        if wanted.media == "image":
            extension = _measure_picture(item, wanted, content, fix=fix)
        else:
            content = _measure_media(item, wanted, content, _name_of(source), may_cut=fix is True)
            extension = str(item.facts.format).lower()
        item.sha256 = _checksum(content)
    except OSError as error:
        # A stream of the caller's that gave its first byte and then no more.
        message = _("The file cannot be read: %(reason)s.")
        params = {"reason": error.strerror or type(error).__name__}
        raise ValidationError(message, code="unreadable", params=params) from error
    item.file = File(content, name=f"{wanted.role}.{extension}")
    return item


def _measure_picture(item: MediaInput, wanted: InputSpec, content: Any, *, fix: Fix) -> str:
    """Say in a row what a picture is and at which size it is sent; return the end of its name."""
    facts = images.inspect_image(content, convertible=bool(fix), spec=wanted)
    try:
        images.check_image(facts, wanted)
    except ValidationError:
        if not fix:
            raise
        item.sent_width, item.sent_height = images.fit(content, facts, wanted)
    item.width, item.height, item.size = facts.width, facts.height, facts.size
    item.content_type = f"image/{facts.format.lower()}"
    return _EXTENSIONS.get(facts.format.upper(), "img")


def _measure_media(item: MediaInput, wanted: InputSpec, content: IO[bytes], name: str, *, may_cut: bool) -> IO[bytes]:
    """Say in a row what a clip, a sound or a document is; return what is stored of it: all, or its beginning."""
    facts = media.measure(content, wanted, name)
    problems = list(limits.problems_of(wanted, facts))
    try:
        addresses.check_sendable()
        if may_cut and media.can_cut(wanted, facts):
            content, item.facts = media.cut(content, wanted, facts)
            item.cut_from = facts
            return content
    except ValidationError as error:
        problems += error.error_list
    if problems:
        raise ValidationError(problems)
    item.facts = facts
    return content


def _name_of(source: Any) -> str:
    name = getattr(source, "name", None)
    return posixpath.basename(name.replace("\\", "/")) if isinstance(name, str) else ""


def _checksum(content: IO[bytes] | File[bytes]) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()


def _copy(wanted: InputSpec, source: MediaInput, position: int, *, fix: Fix) -> MediaInput:
    """Take over a stored input, checked like a new one: another model, or another role, may want something else."""
    if catalog.media_type_for(source.role) != wanted.media:
        message = _("This input was given as “%(role)s” and cannot be used here; choose another one.")
        raise ValidationError(message, code="wrong_media", params={"role": InputRole(source.role).label})
    if source.url:
        return MediaInput(role=wanted.role, position=position, url=links.checked(source.url))
    # What was made fit once is made fit in the copy too.
    content = sources.of_input(source)
    content.name = source.file.name
    return _file(wanted, content, position, fix=fix or source.sent_size is not None)
