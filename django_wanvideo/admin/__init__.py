"""The admin of video tasks and of batches. ``VideoTaskAdminMixin`` is for sites that register their own."""

from __future__ import annotations

from django.contrib import admin

from django_wanvideo.admin.batches.options import BatchAdmin
from django_wanvideo.admin.options import VideoTaskAdmin, VideoTaskAdminMixin
from django_wanvideo.admin.people.mail import NotificationAdmin, NotificationChoiceAdmin
from django_wanvideo.admin.people.options import PresetAdmin
from django_wanvideo.models import Batch, Notification, NotificationChoice, Preset, VideoTask

__all__ = ["BatchAdmin", "VideoTaskAdmin", "VideoTaskAdminMixin"]

admin.site.register(VideoTask, VideoTaskAdmin)
admin.site.register(Batch, BatchAdmin)
admin.site.register(Preset, PresetAdmin)
admin.site.register(Notification, NotificationAdmin)
admin.site.register(NotificationChoice, NotificationChoiceAdmin)
