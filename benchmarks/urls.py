"""Addresses of the measured views."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

from benchmarks.floor.views import BareView

urlpatterns = [
    path("wanvideo/", include("django_wanvideo.urls")),
    path("bare/<uuid:attempt_id>/", BareView.as_view(), name="bare"),
    *([path("stripe/", include("djstripe.urls"))] if settings.HAS_DJSTRIPE else []),
]
