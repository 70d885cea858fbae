"""The number of claims, kept outside of the database that it counts: in Redis and in the task storage.

What is missing, unreadable or no number says nothing; nobody waits for either place.
"""

from __future__ import annotations

import hashlib
import logging
import posixpath
import re
import time
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from redis.exceptions import ResponseError

from django_wanvideo import queue
from django_wanvideo.conf import conf
from django_wanvideo.db import database
from django_wanvideo.models.storage import task_storage

if TYPE_CHECKING:
    import uuid

    from redis import Redis

logger = logging.getLogger(__name__)

#: The folder of the two files, beside those of tasks.
FOLDER = "installation"
#: Seconds that the storage is given; it goes on by itself.
PATIENCE = 2.0
#: Seconds that one reading of the storage stands for all those that follow it.
READ_EVERY = 60
_FAILURE = "The task storage does not take the number of claims; that is only kept in Redis."
#: More digits are no number of claims.
_NUMBER = re.compile(r"[0-9]{1,18}")
_NOTHING = "-"
#: One command, so that of several workers the highest number stays; what is no number is replaced.
_RAISE = """
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' and #kept < 19 and string.find(kept, '^%d+$') and tonumber(kept) >= tonumber(ARGV[1]) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
"""

#: What was read in the storage, by database, for processes that no Redis answers: when, and what.
_read: dict[uuid.UUID, tuple[float, int | None]] = {}


def highest(database_id: uuid.UUID) -> int | None:
    """Return the highest number of claims that was noted outside; ``None`` when none can be read."""
    answer = queue.answer(lambda redis: redis.mget(_key(database_id), _stored_key(database_id)))
    in_redis, seen = map(_text, answer or ("", ""))
    if seen:
        stored = _number(seen)
    else:
        stored = _in_storage(database_id, fresh=answer is not None)
        if answer is not None:
            _remember_stored(database_id, _NOTHING if stored is None else str(stored))
    return max((value for value in (_number(in_redis), stored) if value is not None), default=None)


def note(database_id: uuid.UUID, claims: int) -> None:
    """Raise the number in Redis; a higher one stays."""

    def keep(redis: Redis) -> None:
        try:
            redis.eval(_RAISE, 1, _key(database_id), claims)
        except ResponseError:
            # Some sites forbid scripts; without one the highest number may be written a moment late.
            redis.set(_key(database_id), claims)

    queue.ask(keep)


def store(database_id: uuid.UUID, claims: int) -> None:
    """Raise the number in the storage, under the name of two that holds the lower one: a torn write spoils only that."""

    def write() -> bool:
        found = [_content(database_id, name) for name in names(database_id)]
        numbers = [-1 if number is None else number for number in found]
        if claims <= max(numbers):
            return False
        _put(names(database_id)[numbers.index(min(numbers))], _line(database_id, claims))
        return True

    if database.within(PATIENCE, _FAILURE, write)[0]:
        _read[database_id] = (time.monotonic(), claims)
        _remember_stored(database_id, str(claims))


def names(database_id: uuid.UUID) -> tuple[str, str]:
    """Return the two names in the task storage."""
    target = conf.UPLOAD_TO
    pattern = "wanvideo/" if callable(target) else target
    stem = posixpath.join(pattern.split("%", 1)[0].rpartition("/")[0], FOLDER, str(database_id))
    return f"{stem}-1.txt", f"{stem}-2.txt"


def _remember_stored(database_id: uuid.UUID, text: str) -> None:
    queue.ask(lambda redis: redis.set(_stored_key(database_id), text, ex=READ_EVERY))


def _in_storage(database_id: uuid.UUID, *, fresh: bool) -> int | None:
    at, number = _read.get(database_id, (0.0, None))
    if not fresh and at and time.monotonic() - at < READ_EVERY:
        return number
    (found,) = database.within(PATIENCE, _FAILURE, lambda: [_content(database_id, name) for name in names(database_id)])
    number = max((value for value in found or () if value is not None), default=None)
    _read[database_id] = (time.monotonic(), number)
    return number


def _content(database_id: uuid.UUID, name: str) -> int | None:
    try:
        with task_storage().open(name) as stored:
            text = stored.read(200)
    except Exception:
        # Every storage has errors of its own, for a name that is not there too.
        logger.debug("The number of claims cannot be read at %s.", name, exc_info=True)
        return None
    words = _text(text).split()
    number = _number(words[1]) if len(words) == 3 else None
    return number if number is not None and words == _line(database_id, number).split() else None


def _put(name: str, line: str) -> None:
    storage = task_storage()
    try:
        storage.delete(name)
    except Exception:
        # Some storages overwrite, some sites may only write.
        logger.debug("The file %s could not be deleted.", name, exc_info=True)
    kept = storage.save(name, ContentFile(line.encode(), name=posixpath.basename(name)))
    if kept != name:
        # Somebody else wrote it meanwhile, or it cannot be replaced.
        storage.delete(kept)


def _line(database_id: uuid.UUID, claims: int) -> str:
    words = f"{database_id} {claims}"
    return f"{words} {hashlib.sha256(words.encode()).hexdigest()[:16]}\n"


def _number(text: str) -> int | None:
    return int(text) if _NUMBER.fullmatch(text) else None


def _text(value: object) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")


def _key(database_id: uuid.UUID) -> str:
    return f"wanvideo:claims:{{{database_id}}}"


def _stored_key(database_id: uuid.UUID) -> str:
    return f"wanvideo:claims:{{{database_id}}}:stored"
