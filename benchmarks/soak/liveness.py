"""What is still going on, and whether that has a reason which is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.models import VideoTask

#: Minutes of the site's after which, once nothing fails any more, nothing may stand without a true reason.
VIRTUAL_MINUTES = 10


def seconds() -> float:
    """Return those minutes in seconds of the run."""
    from benchmarks.soak.haste import FACTOR

    return VIRTUAL_MINUTES * 60 / FACTOR


def moving() -> Any:
    """Return the tasks that go on by themselves."""
    from django_wanvideo.choices import ACTIVE_STATUSES, TaskStatus
    from django_wanvideo.models import VideoTask

    return VideoTask.objects.filter(status__in=ACTIVE_STATUSES - {TaskStatus.UNCONFIRMED})


def under_way() -> dict[str, int]:
    """Return what is still going on by itself, or waits to be told, by what it is."""
    from django_wanvideo.choices import TaskStatus
    from django_wanvideo.models import CallbackReceipt, TaskEvent, VideoTask

    # An unconfirmed task rests once a person has been asked.
    waiting = VideoTask.objects.filter(status=TaskStatus.UNCONFIRMED, next_action_at__isnull=False)
    numbers = {
        "moving": moving().count(),
        "to be asked about": waiting.count(),
        "callbacks to be read": CallbackReceipt.objects.filter(process_at__isnull=False).count(),
        "events to be told": TaskEvent.objects.filter(notify_at__isnull=False).count(),
    }
    return {name: number for name, number in numbers.items() if number}


def stuck() -> list[str]:
    """Return, with what is known of each, the tasks that neither ended nor wait for a true reason nor for a person."""
    from django_wanvideo.services.holds import holds

    kinds = {hold.kind for hold in holds.standing()}
    return [_words(task, kinds) for task in _without_reason(kinds)] + list(_unheard())


def _without_reason(kinds: set[str]) -> Iterator[VideoTask]:
    from django.utils import timezone

    from django_wanvideo.choices import TaskStatus
    from django_wanvideo.models import VideoTask

    now = timezone.now()
    yield from VideoTask.objects.filter(status=TaskStatus.UNCONFIRMED, next_action_at__isnull=False)
    for task in moving():
        ahead = task.next_action_at is not None and task.next_action_at > now
        if task.status == TaskStatus.QUEUED:
            if not _is_true(task, kinds) or not ahead:
                yield task
        elif task.status == TaskStatus.SUBMITTING or not ahead or not (task.failed_looks or task.retry_count):
            # EvoLink works again and is done with everything: only a wait that its trouble has set may still stand.
            yield task


def _is_true(task: VideoTask, kinds: set[str]) -> bool:
    """Tell whether what a queued task says that it waits for is so."""
    from django.utils import timezone

    from django_wanvideo.services.holds import holds

    if task.delay_reason in holds.REASONS:
        return bool(kinds)
    return bool(task.delay_reason) and task.delayed_until is not None and task.delayed_until > timezone.now()


def _unheard() -> Iterator[str]:
    from django_wanvideo.models import TaskEvent

    for event in TaskEvent.objects.filter(notify_at__isnull=False)[:20]:
        yield f"event {event.pk} ({event.kind}) of {event.task_id} is not told"


def _words(task: VideoTask, kinds: set[str]) -> str:
    return (
        f"{task.pk} {task.prompt!r}: {task.status}, reason {task.delay_reason!r} until {task.delayed_until}, next "
        f"{task.next_action_at}, tries {task.retry_count}, failed looks {task.failed_looks}; standing: {sorted(kinds)}"
    )
