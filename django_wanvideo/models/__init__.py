"""Tasks, the POSTs made for them, their inputs and their history."""

from __future__ import annotations

from django_wanvideo.models.attempts import Attempt, CallbackReceipt
from django_wanvideo.models.events import TaskEvent
from django_wanvideo.models.inputs import MediaInput
from django_wanvideo.models.ledger import CreditEntry, DeletedTask
from django_wanvideo.models.site import Installation, SiteState
from django_wanvideo.models.tasks import VideoTask

__all__ = [
    "Attempt",
    "CallbackReceipt",
    "CreditEntry",
    "DeletedTask",
    "Installation",
    "MediaInput",
    "SiteState",
    "TaskEvent",
    "VideoTask",
]
