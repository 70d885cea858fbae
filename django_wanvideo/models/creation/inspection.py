"""What is given for a task, judged before anything is stored: links by how they are written, pictures by their content."""

from __future__ import annotations

import hashlib
import re
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from socket import inet_aton
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db.models.fields.files import FieldFile
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.catalog import images, text, urls
from django_wanvideo.choices import InputRole
from django_wanvideo.conf import conf
from django_wanvideo.downloads.urls import is_public
from django_wanvideo.models import MediaInput
from django_wanvideo.models.creation import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django_wanvideo.catalog import InputSpec, ModelSpec
    from django_wanvideo.models import VideoTask

_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "BMP": "bmp", "WEBP": "webp", "AVIF": "avif", "TIFF": "tif", "HEIC": "heic"}
#: Bytes read at a time.
_CHUNK = 1_000_000
#: What tells a link from a path; a single letter is a drive.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
#: Ends of names that mean something in one network only.
_PRIVATE_END = re.compile(r"\.(localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)\Z")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
#: What a name that is looked up can consist of.
_NAME = re.compile(r"[a-z0-9_.-]+")


def inspect(
    spec: ModelSpec, given: Mapping[str, list[Any]], *, keep_of: VideoTask | None = None, fix: bool = False
) -> list[MediaInput]:
    """Turn what was given into unsaved inputs.

    Args:
        given: by role, a list of links, open files, paths or stored inputs.
        keep_of: a task whose own stored inputs come back as they are instead of being copied.
        fix: whether a picture that does not fit may be sent scaled down and encoded anew.

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


def _input(wanted: InputSpec, source: Any, position: int, keep_of: VideoTask | None, *, fix: bool) -> MediaInput:
    source = text.plain(source)
    if isinstance(source, MediaInput):
        kept = keep_of is not None and source.task_id == keep_of.pk and source.role == wanted.role
        return source if kept else _copy(wanted, source, position, fix=fix)
    if isinstance(source, str):
        return MediaInput(role=wanted.role, position=position, url=_link(source))
    return _picture(wanted, source, position, fix=fix)


def _link(given: str) -> str:
    url = given.strip()
    if url and not _SCHEME.match(url):
        message = _(
            "The link must begin with https:// or http://. In Python, give a file opened for reading, or its path as "
            "pathlib.Path."
        )
        raise ValidationError(message, code="scheme")
    urls.check_url(url)
    check_public(url)
    return url


def check_public(url: str) -> None:
    """Raise ValidationError for a link to this machine or to a private network, however its address is written.

    It is judged by its name alone, nothing is looked up. ``ALLOW_PRIVATE_HOSTS`` lets all pass.
    """
    if conf.ALLOW_PRIVATE_HOSTS:
        return
    # A name may become another one when its odd dots and digits are read.
    name = urls.ascii_host(unquote(urlsplit(url).hostname or "")).rstrip(".")
    try:
        is_open = _is_open(name)
    except (ValueError, OSError):
        message = _("The link’s site has an address that no site can have. Copy the link again, or upload the file.")
        raise ValidationError(message, code="host") from None
    if not is_open:
        message = _(
            "The link leads to this machine or a private network, where EvoLink cannot read it. Upload the file."
        )
        raise ValidationError(message, code="private_host")


def _is_open(name: str) -> bool:
    if ":" in name:
        return is_public(ip_address(name))
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if not all(map(_NUMBER.fullmatch, labels)):
            raise ValueError(name)
        # One to four numbers, each decimal, octal or hexadecimal.
        return is_public(IPv4Address(inet_aton(name)))
    if not _NAME.fullmatch(name) or "" in labels:
        raise ValueError(name)
    return len(labels) > 1 and not _PRIVATE_END.search(f".{name}")


def _picture(wanted: InputSpec, source: Any, position: int, *, fix: bool) -> MediaInput:
    content = sources.opened(source)
    if wanted.media != "image":
        message = _("Only pictures can be given as a file; give a link for this one.")
        raise ValidationError(message, code="file_not_taken")
    item = MediaInput(role=wanted.role, position=position)
    try:
        facts = images.inspect_image(content, convertible=fix, spec=wanted)
        try:
            images.check_image(facts, wanted)
        except ValidationError:
            if not fix:
                raise
            item.sent_width, item.sent_height = images.fit(content, facts, wanted)
        item.sha256 = _checksum(content)
    except OSError as error:
        # A stream of the caller's that gave its first byte and then no more.
        message = _("The file cannot be read: %(reason)s.")
        params = {"reason": error.strerror or type(error).__name__}
        raise ValidationError(message, code="unreadable", params=params) from error
    item.width, item.height, item.size = facts.width, facts.height, facts.size
    item.content_type = f"image/{facts.format.lower()}"
    item.file = File(content, name=f"{wanted.role}.{_EXTENSIONS.get(facts.format.upper(), 'img')}")
    return item


def _checksum(content: IO[bytes] | File[bytes]) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
    content.seek(0)
    return digest.hexdigest()


def _copy(wanted: InputSpec, source: MediaInput, position: int, *, fix: bool) -> MediaInput:
    """Take over a stored input, checked like a new one: another model, or another role, may want something else."""
    if catalog.media_of(source.role) != wanted.media:
        message = _("This input was given as “%(role)s” and cannot be used here; choose another one.")
        raise ValidationError(message, code="wrong_media", params={"role": InputRole(source.role).label})
    if source.url:
        return MediaInput(role=wanted.role, position=position, url=_link(source.url))
    # What was made fit once is made fit in the copy too.
    return _picture(wanted, sources.of_input(source), position, fix=fix or source.sent_size is not None)
