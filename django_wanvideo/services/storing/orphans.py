"""Files that no row refers to: of transactions that were rolled back, of workers that died, of refused forms.

Looked for in the folders that this app names. In a folder that the site named (``UPLOAD_TO``) only files whose names
have this app's shape count, since others may lie there too.
"""

from __future__ import annotations

import datetime as dt
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.apps import apps
from django.utils import timezone

from django_wanvideo.conf import conf
from django_wanvideo.models.creation import files
from django_wanvideo.models.storage import task_storage
from django_wanvideo.services.attempts import spool
from django_wanvideo.services.installation import claim_counter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

#: What is younger may be a copy on its way, a transaction that is still open, or the picture of a form.
SAFE_AGE = dt.timedelta(days=2)
#: This app's own folder, where everything is its own.
OWN_FOLDER = "wanvideo"
BATCH = 200
#: Folders inside folders, as deep as this app ever puts anything.
_ANYTHING: list[re.Pattern[str] | None] = [None] * 8
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#: A task's id, for inputs their role and place, what makes the name unique, and what a storage may add.
_OUR_NAME = re.compile(rf"{_UUID}(-\w+-\d+)?-[0-9a-f]{{16}}(-small)?(_\w+)?\.\w+")


class NotListed(Exception):  # noqa: N818 - not an error: many storages cannot
    """The storage does not list its files."""


@dataclass
class Orphans:
    """What was found, and what became of it."""

    #: Names of files that no row refers to and that are old enough.
    names: list[str] = field(default_factory=list)
    #: How many of them are gone now.
    deleted: int = 0
    #: How many are too young yet.
    young: int = 0
    #: How many have an age that the storage does not tell; they stay.
    ageless: int = 0


def find(before: dt.datetime) -> Orphans:
    """Look for files that were last changed before ``before``, and in any case before ``SAFE_AGE``.

    Raises NotListed where the storage does not list its files.
    """
    storage, found = task_storage(), Orphans()
    before = _aware(min(before, timezone.now() - SAFE_AGE))
    batch: list[str] = []
    for name in _files(storage):
        batch.append(name)
        if len(batch) == BATCH:
            _sort_out(storage, batch, before, found)
            batch = []
    _sort_out(storage, batch, before, found)
    found.names.sort()
    return found


def delete(found: Orphans) -> None:
    """Delete what was found; a file that has a row by now stays."""
    storage = task_storage()
    for start in range(0, len(found.names), BATCH):
        names = found.names[start : start + BATCH]
        for name in sorted(set(names) - _referred(names)):
            with files.BestEffort("The file %s, which nothing refers to, could not be deleted.", name):
                storage.delete(name)
                found.deleted += 1


def _sort_out(storage: Storage, names: list[str], before: dt.datetime, found: Orphans) -> None:
    taken = _referred(names) if names else set()
    for name in names:
        if name in taken:
            continue
        changed: dt.datetime | None = None
        with files.BestEffort("The storage does not say how old %s is.", name):
            changed = storage.get_modified_time(name)
        if changed is None:
            found.ageless += 1
        elif _aware(changed) < before:
            found.names.append(name)
        else:
            found.young += 1


def _referred(names: list[str]) -> set[str]:
    """Ask the rows of all apps: a site's own row may name a task's file."""
    models = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]  # noqa: SLF001
    return files.referred(names, models)


def _aware(moment: dt.datetime) -> dt.datetime:
    """Storages give naive times, in the site's zone, where ``USE_TZ`` is off."""
    return timezone.make_aware(moment, timezone.get_default_timezone()) if timezone.is_naive(moment) else moment


def _files(storage: Storage) -> Iterator[str]:
    """Yield the names of all files that this app may have put there."""
    for name in _below(storage, OWN_FOLDER, _ANYTHING):
        # Files that no row ever names: ids that wait for the database, and the number of claims.
        if (
            not name.startswith(f"{spool.FOLDER}/")
            and posixpath.basename(posixpath.dirname(name)) != claim_counter.FOLDER
        ):
            yield name
    target = conf.UPLOAD_TO
    if callable(target) or target.split("/")[0] == OWN_FOLDER:
        return
    parts = [part for part in target.split("/") if part]
    fixed = next((n for n, part in enumerate(parts) if "%" in part), len(parts))
    dated = [re.compile(_dated(part)) for part in parts[fixed:]]
    for name in _below(storage, "/".join(parts[:fixed]), [*dated, re.compile("inputs|posters|films")]):
        if _OUR_NAME.fullmatch(posixpath.basename(name)):
            yield name


def _dated(part: str) -> str:
    """Return the expression for what ``strftime`` makes of one part of a path."""
    return "[^/]+".join(re.escape(piece) for piece in re.split(r"%-?.", part))


def _below(storage: Storage, folder: str, inner: list[re.Pattern[str] | None]) -> Iterator[str]:
    """Yield the files in ``folder`` and in the folders that ``inner`` names, a pattern for each level, ``None`` for any."""
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    except Exception as error:
        raise NotListed(files.brief(error)) from error
    for name in names:
        # Object stores list a folder as a file without a name.
        if name:
            yield posixpath.join(folder, name)
    for name in folders if inner else []:
        pattern = inner[0]
        if name and (pattern is None or pattern.fullmatch(name)):
            yield from _below(storage, posixpath.join(folder, name), inner[1:])
