"""Choosing a video for the site's own models: form fields with their widgets, and a mixin for ModelAdmins and inlines."""

from __future__ import annotations

from django_wanvideo.chooser.admin import VideoChooserMixin
from django_wanvideo.chooser.fields import VideoField, VideoFileField
from django_wanvideo.chooser.widgets import VideoChooser

__all__ = ["VideoChooser", "VideoChooserMixin", "VideoField", "VideoFileField"]
