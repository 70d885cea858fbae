"""What is known about the money of a task, from its row alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django_wanvideo.choices import Charge, TaskStatus

if TYPE_CHECKING:
    from django_wanvideo.models.tasks import VideoTask

#: Ends that EvoLink has not reported itself: it may have made the video, and charged for it.
GIVEN_UP = frozenset({"resource_not_found", "never_answered", "never_finished", "lookup_failed"})


def charge_of(task: VideoTask) -> Charge:
    """Return what is known, never more: EvoLink's reported use first, then what the status implies.

    A failed generation is refunded by EvoLink (evolink-api.md §4.5), but only a report of it is proof.
    """
    if task.credits_used is not None:
        return Charge.CHARGED if task.credits_used > 0 else Charge.NONE
    if task.status == TaskStatus.COMPLETED:
        return Charge.CHARGED
    if task.status in {TaskStatus.SUBMITTING, TaskStatus.UNCONFIRMED}:
        return Charge.MAYBE
    if task.accepted_at is None:
        return Charge.NONE
    if task.status == TaskStatus.QUEUED:
        # Tried again, and EvoLink has not been asked yet about the attempt that it had accepted.
        return Charge.MAYBE
    if task.status == TaskStatus.FAILED:
        # With or without a link: EvoLink has called it done, and that is what it charges for.
        if task.result_url or task.result_expires_at:
            return Charge.CHARGED
        return Charge.MAYBE if task.error_code in GIVEN_UP else Charge.NOT_EXPECTED
    if task.status == TaskStatus.CANCELLED:
        return Charge.MAYBE
    return Charge.NONE if task.status == TaskStatus.DRAFT else Charge.EXPECTED
