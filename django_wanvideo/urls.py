"""The callback, and lasting addresses of videos: ``path("wanvideo/", include("django_wanvideo.urls"))``."""

from __future__ import annotations

from django.urls import path

from django_wanvideo import views
from django_wanvideo.callbacks.views import CallbackView

app_name = "wanvideo"

urlpatterns = [
    path("callbacks/<uuid:attempt_id>/<str:token>/", CallbackView.as_view(), name="callback"),
    path("videos/<uuid:task_id>/", views.video, name="video"),
    path("posters/<uuid:task_id>/", views.poster, name="poster"),
]
