"""Tasks, the POSTs made for them, their inputs and their history."""

from __future__ import annotations

from django_wanvideo.models.attempt import Attempt, CallbackReceipt
from django_wanvideo.models.credit_entry import CreditEntry, DeletedTask
from django_wanvideo.models.event import TaskEvent
from django_wanvideo.models.input import MediaInput
from django_wanvideo.models.shared_state import Installation, SiteState
from django_wanvideo.models.task import VideoTask

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
