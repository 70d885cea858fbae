"""Tasks, the POSTs made for them, their inputs and their history."""

from __future__ import annotations

from django_wanvideo.models.approvals.approval import Approval
from django_wanvideo.models.attempt import Attempt, CallbackReceipt
from django_wanvideo.models.batches.batch import Batch
from django_wanvideo.models.batches.item import BatchEvent, BatchFile, BatchItem
from django_wanvideo.models.batches.preset import Preset
from django_wanvideo.models.chains.film import Film
from django_wanvideo.models.credit_entry import CreditEntry, DeletedTask
from django_wanvideo.models.credits.day import CreditDay
from django_wanvideo.models.event import TaskEvent
from django_wanvideo.models.input import MediaInput
from django_wanvideo.models.mail.notification import Notification, NotificationChoice
from django_wanvideo.models.shared_state import Installation, SiteState
from django_wanvideo.models.task import VideoTask

__all__ = [
    "Approval",
    "Attempt",
    "Batch",
    "BatchEvent",
    "BatchFile",
    "BatchItem",
    "CallbackReceipt",
    "CreditDay",
    "CreditEntry",
    "DeletedTask",
    "Film",
    "Installation",
    "MediaInput",
    "Notification",
    "NotificationChoice",
    "Preset",
    "SiteState",
    "TaskEvent",
    "VideoTask",
]
