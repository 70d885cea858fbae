"""The one address that EvoLink calls."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("wanvideo/", include("django_wanvideo.urls"))]
