"""What the shop does when a video is done, or cannot be made."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from django_wanvideo.signals import video_completed, video_failed

if TYPE_CHECKING:
    from django_wanvideo.models import TaskEvent, VideoTask

logger = logging.getLogger(__name__)


def connect() -> None:
    """Hook the receivers; called when the app is ready. Calling it twice changes nothing."""
    video_completed.connect(attach_video)
    video_failed.connect(report_failure)


def product_id(task: VideoTask) -> int | None:
    """Read the product that a task is for from ``metadata["product"]``; None when it names none that can exist."""
    metadata = task.metadata if isinstance(task.metadata, dict) else {}
    try:
        return int(metadata["product"])
    except (KeyError, TypeError, ValueError):
        return None


def attach_video(sender: type[VideoTask], task: VideoTask, event: TaskEvent, **kwargs: Any) -> None:
    """Show the finished video on its product. A repeated signal, or one of an older video, changes nothing."""
    from .models import Product

    pk = product_id(task)
    if pk is None:
        return
    # A retried or slower task may end after a newer one; the product keeps the video that was finished last.
    replaceable = Q(video=None) | Q(video__finished_at=None) | Q(video__finished_at__lt=task.finished_at)
    if Product.objects.filter(replaceable, pk=pk).update(video=task):
        logger.info("Product %s shows video %s.", pk, task.pk)


def report_failure(sender: type[VideoTask], task: VideoTask, event: TaskEvent, **kwargs: Any) -> None:
    """Say in the shop's log that a product stays without its video, and why."""
    pk = product_id(task)
    if pk is not None:
        logger.warning("Product %s gets no video from task %s: %s", pk, task.pk, task.error_message)
