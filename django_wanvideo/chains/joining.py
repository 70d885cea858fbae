"""The worker's part of joining a film: the parts are copied here, put together, and the whole file is stored."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from rq.timeouts import BaseTimeoutException

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Film, VideoTask
from django_wanvideo.models.creation import files
from django_wanvideo.services import due
from django_wanvideo.services.installation import installation
from django_wanvideo.services.storing import decoding, encoding, posters, remux, staging

if TYPE_CHECKING:
    import uuid

    from django.db.models import FileField

logger = logging.getLogger(__name__)

#: How often a film is tried, and how long after a storage that failed.
TRIES, WAIT = 3, dt.timedelta(minutes=1)
#: Bytes of all parts together.
MAX_BYTES = 4 * 1024**3
#: Seconds that putting them together may take, as they are and where they have to be encoded.
JOINING, ENCODING = 120.0, 600.0


class NotJoined(Exception):  # noqa: N818 - not an error: the person is told
    """The parts are not joined, and trying again would not help; ``problem`` is what the row keeps."""

    def __init__(self, reason: str, **detail: Any) -> None:
        super().__init__(reason)
        self.problem = {"reason": reason, **detail}


def make(film_id: uuid.UUID) -> None:
    """Join a film that is due, unless another worker does so already."""
    if installation.is_foreign():
        return
    film = due.films().filter(pk=film_id, video="").first()
    mark = _claim(film) if film is not None else None
    if film is None or mark is None:
        return
    problem: dict[str, Any] = {}
    again: dt.datetime | None = None
    name, size = "", None
    try:
        with staging.staged_file(_field().storage, str(film.pk)) as copy:
            size, problem = _join(_parts(film), copy.file)
            name = _save(film, copy)
    except BaseTimeoutException:
        raise
    except NotJoined as error:
        problem = error.problem
    except decoding.Undecodable as error:
        logger.warning("The parts of film %s cannot be joined. (%s)", film_id, error)
        problem = {"reason": "unreadable"}
    except Exception as error:
        # Every storage has errors of its own; the parts stay what they are.
        logger.warning("Film %s could not be joined. (%s)", film_id, files.brief(error))
        problem = {"reason": "storage"}
        again = timezone.now() + WAIT if film.tries + 1 < TRIES else None
    rows = Film.objects.filter(pk=film.pk, next_action_at=mark)
    if not rows.update(video=name, size=size if name else None, problem=problem, next_action_at=again):
        # It was deleted, or another worker was given it: nothing is left of this one's.
        files.delete_unreferenced(_field().storage, name)


def _claim(film: Film) -> dt.datetime | None:
    """Take a film for as long as a worker may need; return until when, or ``None`` where another one has it.

    It counts before it begins: what kills its worker is not tried for ever.
    """
    rows = Film.objects.filter(pk=film.pk, next_action_at=film.next_action_at, video="")
    if film.tries >= TRIES or not posters.is_installed():
        rows.update(next_action_at=None, problem=film.problem or {"reason": "tries"})
        return None
    until = timezone.now() + due.LONGEST_FILM
    return until if rows.update(next_action_at=until, tries=F("tries") + 1) else None


def _parts(film: Film) -> list[VideoTask]:
    found = {str(task.pk): task for task in VideoTask.objects.filter(pk__in=film.parts)}
    for number, pk in enumerate(film.parts, start=1):
        task = found.get(pk)
        if task is None or task.status != TaskStatus.COMPLETED or not task.video:
            raise NotJoined("gone", part=number)
    return [found[pk] for pk in film.parts]


def _join(parts: list[VideoTask], target: IO[bytes]) -> tuple[int, dict[str, Any]]:
    """Write the joined video into ``target``; return its size in bytes, and why it had to be encoded if it had."""
    with ExitStack() as stack:
        left, copies = MAX_BYTES, []
        for task in parts:
            copy = stack.enter_context(decoding.copy_of(task.video, left))
            left -= Path(copy.name).stat().st_size
            copies.append(copy.name)
        # A file of its own: what is written first is moved to the end when all is known.
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR))
        whole = Path(folder) / "film.mp4"
        told = json.loads(decoding.run(remux.__file__, str(whole), *copies, timeout=JOINING))
        note = {"reason": "differs", **told} if "what" in told else {}
        if note:
            try:
                decoding.run(encoding.__file__, str(whole), *copies, timeout=ENCODING)
            except decoding.Undecodable as error:
                logger.warning("The parts of a film cannot be encoded. (%s)", error)
                raise NotJoined(**note) from error
        with whole.open("rb") as content:
            shutil.copyfileobj(content, target, files.CHUNK)
        return whole.stat().st_size, note


def _save(film: Film, copy: staging.StagedFile) -> str:
    field = _field()
    wanted = field.generate_filename(film, files.unique_name(str(film.task_id), ".mp4"))
    return field.storage.save(wanted, copy.content(wanted), max_length=field.max_length)


def _field() -> FileField:
    return Film._meta.get_field("video")  # noqa: SLF001 - Django's documented model API
