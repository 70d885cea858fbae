"""The include under a namespace of the site's choice."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("wanvideo/", include("django_wanvideo.urls", namespace="films"))]
