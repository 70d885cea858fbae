"""The caller's key: the same call again gives the task that is there, whatever was lost, repeated or raced.

What a call asked for is remembered by field, as a hash of what was given and as a hash of what that meant then, defaults
included. A field is the same when either is: the same call stays the same call when a default of the catalogue or of the
site changes, and saying a default aloud changes nothing.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import catalog
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import IdempotencyConflict
from django_wanvideo.models import DeletedTask, MediaInput, VideoTask
from django_wanvideo.models.creation import sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.contrib.auth.models import AbstractBaseUser

#: How long a deleted task's key makes no second one.
REMEMBERED = dt.timedelta(days=30)
#: Characters.
LONGEST_KEY = 200
_LONGEST_SCOPE = 64
_CHUNK = 64 * 1024
_PRESET = "preset"


@dataclass(frozen=True)
class CreateCall:
    """What one call asks for. ``sources`` are inputs by role, as they were given.

    ``of_preset`` are the fields whose values are those of ``preset`` (its short name), which may change between two calls.
    """

    key: str | None
    owner: AbstractBaseUser | None
    model: str | None
    prompt: Any
    parameters: Mapping[str, Any]
    sources: Mapping[str, list[Any]]
    of_preset: frozenset[str] = frozenset()
    preset: str = ""

    @cached_property
    def content(self) -> dict[str, dict[str, str]]:
        """Hashes by field, of what was ``given`` and of what is ``used``. Raises ValidationError, keyed by role."""
        given = {name: _hash(value) for name, value in self.parameters.items() if value is not None}
        given["prompt"] = _hash(str(self.prompt))
        given |= {role: _hash([_digest_at(role, item) for item in items]) for role, items in self.sources.items()}
        model = self.model or conf.DEFAULT_MODEL
        spec = catalog.find(model)
        defaults = {item.name: _hash(item.default) for item in spec.parameters} if spec is not None else {}
        used = {"model": _hash(str(model))} | defaults | given
        given |= {"model": used["model"]} if self.model else {}
        if self.preset:
            given = {name: value for name, value in given.items() if name not in self.of_preset}
            given[_PRESET] = _hash(self.preset)
        return {"given": given, "used": used}

    @property
    def columns(self) -> dict[str, Any]:
        """What the task's row says of its key."""
        if self.key is None:
            return {}
        return _of(self.key, self.owner) | {"idempotency_content": self.content}

    def earlier(self) -> VideoTask | None:
        """Return the task that this very call has made, or ``None`` where the key is unused.

        Raises IdempotencyConflict, and ValidationError where a file cannot be read to be compared.
        """
        # In this order: a deletion commits the row's end and its memory together.
        task = task_of(self.key, self.owner)
        if task is None:
            self.refuse_deleted()
            return None
        if different := self._differing(task):
            raise IdempotencyConflict(
                _("This key has made another task already; other than there: %(names)s. Give each wish its own key.")
                % {"names": ", ".join(different)},
                task=task,
                fields=different,
                task_id=task.pk,
                created_at=task.created_at,
            )
        return task

    def refuse_deleted(self) -> None:
        """Keep the key of a deleted task from making a second one: raise IdempotencyConflict with no task."""
        rows = DeletedTask.objects.filter(**_of(self.key, self.owner), deleted_at__gt=timezone.now() - REMEMBERED)
        gone = rows.order_by("-deleted_at").first()
        if gone is None:
            return
        moments = {"created": gone.created_at, "deleted": gone.deleted_at}
        words = {name: f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" for name, moment in moments.items()}
        raise IdempotencyConflict(
            _("This key made a task at %(created)s, which was deleted at %(deleted)s. Give a new wish a new key.")
            % words,
            task_id=gone.task_id,
            created_at=gone.created_at,
            deleted_at=gone.deleted_at,
        )

    def _differing(self, task: VideoTask) -> list[str]:
        if task.idempotency_key != self.key:
            # A database that does not tell upper from lower case takes one key for the other.
            return ["idempotency_key"]
        stored, now = task.idempotency_content or {}, self.content
        then_given, then_used = stored.get("given", {}), stored.get("used", {})
        return [
            name
            for name in dict.fromkeys([*now["used"], *then_used])
            if _given(then_given, name) != _given(now["given"], name) and then_used.get(name) != now["used"].get(name)
        ]


def _given(content: dict[str, str], name: str) -> str | None:
    """Return what was given for a field; what was not is as the preset says."""
    return content.get(name) or content.get(_PRESET)


def _of(key: str | None, owner: AbstractBaseUser | None) -> dict[str, Any]:
    """Return what a row says of a key: each owner, by its primary key as text, has keys of its own."""
    scope = "" if owner is None or owner.pk is None else str(owner.pk)
    if len(scope) > _LONGEST_SCOPE:
        scope = hashlib.sha256(scope.encode()).hexdigest()
    return {"idempotency_scope": scope, "idempotency_key": key}


def task_of(key: str | None, owner: AbstractBaseUser | None) -> VideoTask | None:
    """Return the task that a key has made, whatever it was asked for."""
    return VideoTask.objects.filter(**_of(key, owner)).first()


def key_problem(key: Any) -> ValidationError | None:
    """Return what is wrong with a caller's key, or ``None``."""
    if key is None:
        return None
    if not isinstance(key, str) or not key:
        return ValidationError(_("Give the key as a text, such as “order-17”, or leave it out."), code="invalid")
    if len(key) > LONGEST_KEY:
        message = _("The key has %(length)s characters; at most %(limit)s are kept. Shorten or hash it.")
        return ValidationError(message, code="max_length", params={"length": len(key), "limit": LONGEST_KEY})
    if not key.isprintable() or key != key.strip():
        message = _("The key has blanks at its ends, or characters that cannot be seen. Take them out.")
        return ValidationError(message, code="invalid_characters")
    return None


def digest_of(source: Any) -> str:
    """Return a hash of an input as it was given: of a link, or of the bytes of a file, which is put back to its start.

    Raises whatever the file or its storage raises.
    """
    if isinstance(source, MediaInput):
        # A stored input is the same for as long as it is there; of one task many are made.
        known = vars(source).get("_wanvideo_digest")
        if known is None:
            known = vars(source)["_wanvideo_digest"] = digest_of(source.url or source.file)
        return str(known)
    if isinstance(source, str):
        return _hash(source)
    digest = hashlib.sha256()
    with contextlib.ExitStack() as stack:
        if isinstance(source, Path):
            stream: Any = stack.enter_context(source.open("rb"))
        elif isinstance(source, FieldFile) and getattr(source, "_committed", False):
            stream = stack.enter_context(source.storage.open(str(source.name), "rb"))
        else:
            stream = source
            stream.seek(0)
            stack.callback(stream.seek, 0)
        left = sources.most_bytes()
        while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()


def _digest_at(role: str, source: Any) -> str:
    try:
        return digest_of(source)
    except Exception as error:
        # Every storage has errors of its own.
        message = _("This file cannot be read to see whether it is the one that the key came with. Open it again.")
        raise ValidationError({role: ValidationError(message, code="unreadable")}) from error


def _hash(value: Any) -> str:
    try:
        text = json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError):
        text = repr(value)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
