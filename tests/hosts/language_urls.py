"""The include among what is translated."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(path("wanvideo/", include("django_wanvideo.urls")), prefix_default_language=False)
