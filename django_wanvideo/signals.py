"""What host projects hook.

Every signal is sent with ``sender=VideoTask`` and the keyword arguments ``task`` (a fresh
:class:`~django_wanvideo.models.VideoTask`) and ``event`` (the committed
:class:`~django_wanvideo.models.TaskEvent` it is delivered from). Delivery is by a worker, after commit, once;
only if a worker dies inside a receiver is the event delivered again, with the same ``event.pk``.
"""

from __future__ import annotations

from django.dispatch import Signal

#: EvoLink has accepted the task.
video_submitted = Signal()
#: The file is in the site's own storage.
video_completed = Signal()
#: The task failed; see ``task.error_code``, ``task.error_message`` and ``task.charge``.
video_failed = Signal()
#: The task was withdrawn before it was sent, or EvoLink says it was cancelled.
video_cancelled = Signal()
#: A person should look: it is not known whether EvoLink accepted the task, or the task is overdue.
video_needs_decision = Signal()
#: Beside each of completed, failed and cancelled.
video_finished = Signal()
