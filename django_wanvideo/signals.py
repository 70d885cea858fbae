"""What host projects hook.

Every signal of a task is sent with ``sender=VideoTask`` and the keyword arguments ``task`` (a fresh
:class:`~django_wanvideo.models.VideoTask`) and ``event`` (the committed
:class:`~django_wanvideo.models.TaskEvent` it is delivered from). Delivery is by a worker, after commit, once;
only if a worker dies inside a receiver is the event delivered again, with the same ``event.pk``.
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal


class TaskSignal(Signal):
    """A signal that a raising receiver cannot stop, whatever kind of callable it is.

    Django's way of logging it fails for a receiver without a qualified name, such as a ``functools.partial``, and the
    receivers behind it are not called then. ``services.notifications`` logs it instead.
    """

    def _log_robust_failure(self, receiver: Any, err: Exception) -> None:
        pass


#: EvoLink has accepted the task.
video_submitted = TaskSignal()
#: The file is in the site's own storage.
video_completed = TaskSignal()
#: The task failed; see ``task.error_code``, ``task.error_message`` and ``task.charge``.
video_failed = TaskSignal()
#: The task was cancelled before it was sent, or EvoLink says it was cancelled.
video_cancelled = TaskSignal()
#: A person should look: it is not known whether EvoLink accepted the task, or the task is overdue,
#: or it is done at EvoLink without a file.
video_needs_attention = TaskSignal()
#: A person, or the site's code, chose this one of several takes; ``VideoTask.objects.filter(take_group=task.take_group)``
#: are all of them.
video_picked = TaskSignal()
#: Beside each of completed, failed and cancelled.
video_finished = TaskSignal()
#: No task of a batch can move any more by itself: each is completed, failed, cancelled, or waits for a person. Sent with
#: ``sender=Batch``, ``batch`` and ``event`` (a ``BatchEvent``, whose ``detail`` has the counts), once for each time that
#: the batch was submitted or tried again as a whole.
batch_finished = TaskSignal()
