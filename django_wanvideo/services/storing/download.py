"""Copying a paid video into the site's own storage; a failed copy never causes another generation."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import downloads
from django_wanvideo.choices import RETRYABLE_STATUSES, EventKind, EventSource, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.downloads import Downloaded, DownloadError
from django_wanvideo.evolink.exceptions import EvoLinkError
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask, lifecycle
from django_wanvideo.services import leases, schedule
from django_wanvideo.services.installation import installation
from django_wanvideo.services.provider import provider
from django_wanvideo.services.storing import posters, result_urls, staging

if TYPE_CHECKING:
    import uuid

    from django.contrib.auth.models import AbstractBaseUser
    from django.db.models import FileField

    from django_wanvideo.services.leases import Lease
    from django_wanvideo.services.storing.staging import StagedFile

logger = logging.getLogger(__name__)

#: HTTP answers that say that a link is dead.
_GONE = frozenset({401, 403, 404, 410})
#: What this site refuses by rules of its own, which asking again does not change.
_REFUSED = frozenset({"too_large", "forbidden_host", "bad_scheme"})
#: What was odd to the end, and is said so.
_ODD = frozenset({"not_a_video", "truncated", "encoded", "bad_redirect", "forbidden_address"})
#: How often another link is tried at once.
GONE_TRIES = 5
#: How long after a link's end EvoLink is asked for another one, as long as it cannot be asked.
ASK_FOR = dt.timedelta(days=1)


class LeaseLost(Exception):  # noqa: N818 - not an error: another worker copies the file now
    """This worker was taken for dead and its task given to another."""


def store(task_id: uuid.UUID) -> None:
    """Copy the video of a task that stands at ``storing``, unless another worker does so already."""
    if installation.is_foreign():
        return
    lease = leases.acquire(task_id, TaskStatus.STORING)
    if lease is None:
        return
    task = VideoTask.objects.get(pk=task_id)
    try:
        with staging.staged_file(_field().storage, str(task.pk)) as copy:
            _save(task, copy, _download(task, copy, lease), lease)
    except LeaseLost:
        logger.warning("Another worker copies the video of task %s.", task_id)
    except DownloadError as error:
        _handle_download_error(task, error, lease)
    except Exception as error:
        # Whatever the storage raises, the video is paid for: say so and come back.
        logger.exception("The video of task %s could not be stored; it is tried again.", task_id)
        _try_later(task, type(error).__name__, lease)


def is_fetchable(task: VideoTask) -> bool:
    """Tell whether a failed task's video was made and its link still lives."""
    alive = task.result_expires_at is not None and task.result_expires_at > timezone.now()
    return task.status in RETRYABLE_STATUSES and bool(task.result_url) and alive


def fetch_again(task: VideoTask, *, by: AbstractBaseUser | None = None) -> None:
    """Do what ``VideoTask.fetch_result`` does."""
    moved = None
    if is_fetchable(task):
        moved = lifecycle.advance(
            task,
            TaskStatus.STORING,
            allowed=RETRYABLE_STATUSES,
            kind=EventKind.RETRIED,
            actor=by,
            condition=Q(result_url=task.result_url, result_expires_at__gt=timezone.now()),
            error_code="",
            error_message="",
            finished_at=None,
            result_refreshed_at=None,
        )
    if moved is None:
        message = _("There is no video at EvoLink any more that could be fetched.")
        raise TransitionNotAllowed(message, status=task.status, action="fetch_result")


def _download(task: VideoTask, copy: StagedFile, lease: Lease) -> Downloaded:
    def still_ours(_done: int, _total: int | None) -> None:
        if lease.lost:
            raise LeaseLost

    with lease.keep_alive():
        return downloads.fetch(
            task.result_url,
            copy.file,
            max_bytes=conf.MAX_VIDEO_BYTES,
            deadline_seconds=conf.DOWNLOAD_DEADLINE,
            connect_timeout=conf.CONNECT_TIMEOUT,
            read_timeout=conf.READ_TIMEOUT,
            allowed_hosts=tuple(conf.RESULT_HOSTS),
            allow_private=conf.ALLOW_PRIVATE_HOSTS,
            on_progress=still_ours,
        )


def _save(task: VideoTask, copy: StagedFile, got: Downloaded, lease: Lease) -> None:
    """Put a whole, checked copy into storage and complete the task with one row update."""
    field = _field()
    storage = field.storage
    wanted = field.generate_filename(task, staging.file_name(task))
    # On a storage that overwrites, a worker taken for dead must not touch what its successor may have stored.
    if not lease.renew():
        raise LeaseLost
    with lease.keep_alive():
        wanted = staging.available_name(storage, wanted, task.pk)
        name = storage.save(wanted, copy.content(wanted), max_length=field.max_length)
    moved = lifecycle.advance(
        task,
        TaskStatus.COMPLETED,
        kind=EventKind.STORED,
        source=EventSource.WORKER,
        condition=lease.is_current,
        detail={"size": got.size, "sha256": got.sha256},
        video=name,
        video_size=got.size,
        video_sha256=got.sha256,
        next_action_at=posters.due_at(),
    )
    if moved is None:
        staging.delete_if_superseded(storage, name, task.pk)
        raise LeaseLost


def _field() -> FileField:
    return VideoTask._meta.get_field("video")  # noqa: SLF001 - Django's documented model API


def _handle_download_error(task: VideoTask, error: DownloadError, lease: Lease) -> None:
    """Come back later, with a fresh link where EvoLink has one: only its own word, or the time, ends a paid video."""
    logger.warning("The video of task %s could not be copied: %s", task.pk, error)
    now, ends = timezone.now(), task.result_expires_at
    passing = error.retryable and error.http_status not in _GONE and (ends is None or ends > now)
    if error.reason == "disk" or (passing and task.retry_count == 0):
        _try_later(task, error.reason, lease)
        return
    late = result_urls.is_late(task)
    try:
        answer = result_urls.refresh_result_url(task, lease)
    except (provider.ProviderUnavailable, EvoLinkError) as unasked:
        logger.warning("EvoLink could not be asked for a new link of task %s: %s", task.pk, unasked)
        if passing or not late or now < (ends or task.created_at) + ASK_FOR:
            _try_later(task, error.reason, lease, not_before=None if passing else provider.backoff_until())
        else:
            _expired(task, lease)
        return
    if answer.ended is not None:
        _give_up(task, *answer.ended, lease, result_url="", result_expires_at=None)
    elif answer.fresh and not (late and task.retry_count):
        # A link that is another one each time must not be run after without pause.
        _try_later(task, error.reason, lease, now=task.retry_count < GONE_TRIES)
    elif error.reason in _REFUSED:
        _give_up(task, f"result_{error.reason}", str(error), lease)
    elif late and error.reason in _ODD:
        _give_up(task, f"result_{error.reason}", str(error), lease, result_expires_at=min(now, ends or now))
    elif late:
        _expired(task, lease)
    else:
        _try_later(task, error.reason, lease)


def _expired(task: VideoTask, lease: Lease) -> None:
    # A link that was another one each time may have an end of its own, by which it would seem to live.
    ends_at = min(task.result_expires_at or timezone.now(), timezone.now())
    message = _("The video's link at EvoLink ended before it could be copied.")
    _give_up(task, "result_expired", message, lease, result_expires_at=ends_at)


def _try_later(
    task: VideoTask, reason: str, lease: Lease, *, now: bool = False, not_before: dt.datetime | None = None
) -> None:
    """Give the task back for a while; ``not_before`` counts unless a link that may still work would end by then."""
    at, ends = timezone.now(), task.result_expires_at
    due = at + schedule.next_download(0 if now else task.retry_count, ends - at if ends is not None else None)
    if not_before is not None and (ends is None or ends <= at or not_before < ends):
        due = max(due, not_before)
    held = VideoTask.objects.filter(lease.is_current, pk=task.pk, status=TaskStatus.STORING)
    rows = held.update(retry_count=F("retry_count") + 1, next_action_at=due, lease_expires_at=None)
    # The first failure and then every tenth: a history that people can read.
    if rows and task.retry_count % 10 == 0:
        detail = {"reason": reason, "tries": task.retry_count + 1}
        lifecycle.record(task, EventKind.STORE_FAILED, EventSource.WORKER, detail=detail)


def _give_up(task: VideoTask, code: str, message: str, lease: Lease, **columns: Any) -> None:
    held: dict[str, Any] = {"allowed": frozenset({TaskStatus.STORING}), "condition": lease.is_current}
    lifecycle.fail(task, code, message, source=EventSource.WORKER, **held, **columns)
