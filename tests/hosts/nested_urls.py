"""The include inside another one that has a namespace."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("api/", include(([path("wanvideo/", include("django_wanvideo.urls"))], "api")))]
