"""Files in the site's storage: each named once, deleted only when no row refers to it, and never in anybody's way.

Every storage has errors of its own (botocore's are no ``OSError``), so what nothing depends on is wrapped in
``BestEffort``.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import IO, TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.db.models import FileField, Q
from rq.timeouts import BaseTimeoutException

from django_wanvideo.db import database
from django_wanvideo.http.text import NO_SECRET

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.files.base import File
    from django.core.files.storage import Storage
    from django.db.models import Model
    from django.db.models.fields.files import FieldFile

logger = logging.getLogger(__name__)

#: Bytes that are read at a time.
CHUNK = 1024 * 1024
#: Seconds for which the same trouble with links is not logged again: a list asks for 50 of them.
QUIET = 300.0
_QUERY = re.compile(r"\?[^\s\"'<>]+")

_logged: dict[tuple[type, type], float] = {}


def unique_name(stem: str, extension: str) -> str:
    """Return a file name that was never given before, so that no file takes another one's place in any storage."""
    return f"{stem}-{secrets.token_hex(8)}{extension}"


def brief(error: BaseException) -> str:
    """Return an error in one line for the log, without keys and without the queries of signed links."""
    said = _QUERY.sub("?…", NO_SECRET.redact_all(" ".join(str(error).split())))
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__


class BestEffort:
    """A block that nothing depends on: whatever it raises is logged and over, except a job's time limit.

    ``what`` is the sentence for the log, with ``args`` in it; the error is added, but no traceback, which would show
    what the storage was asked with.
    """

    def __init__(self, what: str, *args: object) -> None:
        self.what, self.args = what, args

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Log an error and go on behind the block."""
        if not isinstance(error, Exception) or isinstance(error, BaseTimeoutException):
            return False
        logger.warning("%s (%s)", self.what % self.args, brief(error))
        return True


def content(stored: IO[bytes] | File[bytes], limit: int) -> ContentFile[bytes]:
    """Return what is left to read of a file, at most ``limit`` bytes, in memory; many storages give less at a time."""
    pieces: list[bytes] = []
    while limit > 0 and (piece := stored.read(min(limit, CHUNK))):
        pieces.append(piece)
        limit -= len(piece)
    return ContentFile(b"".join(pieces))


def url_of(stored: FieldFile | None) -> str:
    """Return the address of a stored file, or an empty string where its storage gives none just now, or never does."""
    if not stored:
        return ""
    try:
        return str(stored.url or "")
    except BaseTimeoutException:
        raise
    except NotImplementedError:
        return ""
    except Exception as error:
        trouble, now = (type(stored.storage), type(error)), time.monotonic()
        if trouble not in _logged or now - _logged[trouble] > QUIET:
            _logged[trouble] = now
            logger.warning("The storage gives no address for %s. (%s)", stored.name, brief(error))
        return ""


def player_url(stored: FieldFile) -> str:
    """Return ``url_of``, or an empty string in development, where what Django serves from a folder cannot be sought in."""
    return "" if settings.DEBUG and isinstance(stored.storage, FileSystemStorage) else url_of(stored)


def referred(names: Iterable[str], models: Iterable[type[Model]] | None = None) -> set[str]:
    """Return those of ``names`` that a row refers to, by any file field of ``models`` (this app's otherwise)."""
    wanted, found = list(names), set()
    for model in apps.get_app_config("wanvideo").get_models() if models is None else models:
        fields = [field.attname for field in model._meta.concrete_fields if isinstance(field, FileField)]  # noqa: SLF001
        if fields:
            condition = Q(*((f"{name}__in", wanted) for name in fields), _connector=Q.OR)
            for row in model._base_manager.filter(condition).values_list(*fields):  # noqa: SLF001
                found.update(row)
    return found.intersection(wanted)


def delete_unreferenced(storage: Storage, name: str | None) -> None:
    """Delete a stored file unless a row refers to it, or that cannot be found out; failures are logged."""
    if not name:
        return
    with BestEffort("The file %s, which nothing refers to, could not be deleted; delete it by hand.", name):
        if not referred([name]):
            storage.delete(name)


def delete_unreferenced_on_commit(storage: Storage, name: str | None) -> None:
    """Delete a stored file once the present transaction has committed, unless a row refers to it then."""
    database.on_commit(lambda: delete_unreferenced(storage, name))
