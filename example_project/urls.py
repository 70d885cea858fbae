"""Addresses of the example site."""

from __future__ import annotations

from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("wanvideo/", include("django_wanvideo.urls")),
    # Empty unless DEBUG: a real site lets its web server or its object store deliver the videos.
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
