"""Addresses of the measured lists: our admin, and the two that stand beside it."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from benchmarks.changelist_sites import bare_site, usual_site

urlpatterns = [
    path("admin/", admin.site.urls),
    path("bare/", bare_site.urls),
    path("usual/", usual_site.urls),
    path("wanvideo/", include("django_wanvideo.urls")),
]
