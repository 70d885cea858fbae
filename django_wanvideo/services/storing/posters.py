"""The still picture of a stored video: one frame of it, taken by a worker where the extra ``posters`` is installed.

Nothing waits for it and nothing fails with it, and it waits for everything else. A completed task that one is to be made of is due like one on its way.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import logging
from decimal import Decimal, InvalidOperation
from typing import IO, TYPE_CHECKING

from django.core.files.base import ContentFile
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from rq.timeouts import BaseTimeoutException

from django_wanvideo import queue
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import files
from django_wanvideo.models.lifecycle import WAKE_GRACE
from django_wanvideo.services import leases
from django_wanvideo.services.installation import installation
from django_wanvideo.services.storing import decoding, frames

if TYPE_CHECKING:
    import uuid

    from django.db.models import FileField

    from django_wanvideo.services.leases import Lease

logger = logging.getLogger(__name__)

#: Bytes of a video that is looked into.
MAX_BYTES = 1024**3
#: Seconds of a video, as far as a moment of one can be kept.
LONGEST = 10_000
#: Seconds that decoding may take.
DECODING = 60.0
#: How long after each try the next one comes; as many tries as these, and one more.
DELAYS = (dt.timedelta(minutes=1), dt.timedelta(minutes=15))


def is_installed() -> bool:
    """Tell whether this process could make posters; decoders are not loaded for that."""
    return importlib.util.find_spec("av") is not None


def due_at() -> dt.datetime | None:
    """Return when a video that is stored now is due for its poster; ``None`` where none is made.

    No worker is woken for it: other videos come first, and the sweep sees when workers have time.
    """
    return timezone.now() if is_installed() else None


def can_choose(task: VideoTask) -> bool:
    """Tell whether another picture of a task could be asked for here."""
    return bool(task.video) and task.status == TaskStatus.COMPLETED and is_installed()


def choose(task: VideoTask, seconds: Decimal | float | str | None = None) -> None:
    """Do what ``VideoTask.make_poster`` does."""
    moment = _moment(seconds)
    # Somebody waits to see the moment that was chosen; the middle bears to wait like that of other videos.
    due = timezone.now() if moment is None else timezone.now() + WAKE_GRACE
    if not is_installed():
        raise ConfigurationError(_("Taking pictures of videos needs: pip install 'django-wanvideo[posters]'"))
    values = {"poster_seconds": moment, "next_action_at": due, "retry_count": 0}
    rows = VideoTask.objects.filter(pk=task.pk, status=TaskStatus.COMPLETED).exclude(video="").update(**values)
    if not rows:
        message = _("There is no stored video that a picture could be taken of.")
        raise TransitionNotAllowed(message, status=task.status, action="make_poster")
    task.poster_seconds, task.next_action_at, task.retry_count = moment, due, 0
    if moment is not None:
        queue.enqueue_on_commit("poster", task.pk)


def _moment(seconds: Decimal | float | str | None) -> Decimal | None:
    if seconds is None:
        return None
    try:
        moment = Decimal(str(seconds)).quantize(Decimal("0.001"))
        if 0 <= moment < LONGEST:
            return moment
    except InvalidOperation:
        pass
    raise ValueError(_("Give the moment in seconds from the beginning, such as 2.5."))


def make(task_id: uuid.UUID) -> None:
    """Make the poster of a completed task that is due for one, unless another worker does so already."""
    if installation.is_foreign():
        return
    lease = leases.acquire(task_id, TaskStatus.COMPLETED, Q(next_action_at__isnull=False))
    if lease is None:
        return
    task = VideoTask.objects.filter(pk=task_id).first()
    if task is None or not _count_try(task, lease):
        lease.release()
        return
    name = ""
    try:
        with lease.keep_alive():
            name = _save(task, _frame(task))
    except BaseTimeoutException:
        raise
    except Exception as error:
        # Whatever the storage or the system raises: nothing depends on a picture.
        logger.warning("There is no poster of the video of task %s. (%s)", task_id, files.brief(error))
    if not name or not _show(task, name, lease):
        lease.release()


def _count_try(task: VideoTask, lease: Lease) -> bool:
    """Write down that a try begins, before it does: what kills its worker is not tried for ever. ``False``: not now."""
    at = None
    if is_installed() and task.retry_count < len(DELAYS):
        at = timezone.now() + DELAYS[task.retry_count]
    rows = VideoTask.objects.filter(lease.is_current, _asked_for(task), pk=task.pk, next_action_at=task.next_action_at)
    return bool(rows.update(retry_count=F("retry_count") + 1, next_action_at=at)) and is_installed()


def _asked_for(task: VideoTask) -> Q:
    """A condition: nobody has asked for another moment since the task was read."""
    return Q(poster_seconds=task.poster_seconds)


def _frame(task: VideoTask) -> bytes:
    with decoding.copy_of(task.video, MAX_BYTES) as copy:
        return _decode(copy, task.poster_seconds)


def _decode(video: IO[bytes], seconds: Decimal | None) -> bytes:
    """Return a frame as JPEG, decoded by another process. Raises Undecodable."""
    return decoding.run(frames.__file__, *([] if seconds is None else [str(seconds)]), video=video, timeout=DECODING)


def last_frame(task: VideoTask) -> bytes:
    """Return the last frame of a stored video as JPEG, as large as the video.

    Raises Undecodable, and whatever the storage raises.
    """
    with decoding.copy_of(task.video, MAX_BYTES) as copy:
        return decoding.run(frames.__file__, "inf", "0", video=copy, timeout=DECODING)


def _save(task: VideoTask, picture: bytes) -> str:
    field = _field()
    wanted = field.generate_filename(task, files.unique_name(str(task.pk), ".jpg"))
    return field.storage.save(wanted, ContentFile(picture, name=wanted), max_length=field.max_length)


def _show(task: VideoTask, name: str, lease: Lease) -> bool:
    """Let the task have its poster; where it is deleted, or another moment was asked for meanwhile, nothing is left."""
    storage, earlier = _field().storage, task.poster.name
    rows = VideoTask.objects.filter(lease.is_current, _asked_for(task), pk=task.pk)
    shown = rows.update(poster=name, next_action_at=None, retry_count=0, lease_expires_at=None)
    files.delete_unreferenced(storage, earlier if shown else name)
    if not shown:
        queue.enqueue_on_commit("poster", task.pk)
    return bool(shown)


def _field() -> FileField:
    return VideoTask._meta.get_field("poster")  # noqa: SLF001 - Django's documented model API
