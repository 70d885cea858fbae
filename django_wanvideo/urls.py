"""The one address, the callback: ``path("wanvideo/", include("django_wanvideo.urls"))``."""

from __future__ import annotations

from django.urls import path

from django_wanvideo.callbacks.views import CallbackView

app_name = "wanvideo"

urlpatterns = [
    path("callbacks/<uuid:attempt_id>/<str:token>/", CallbackView.as_view(), name="callback"),
]
