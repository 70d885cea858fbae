"""The callback view beside views of a site that is strict about everything."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView


class OrdinaryView(APIView):
    """A view that follows the project's defaults."""

    def post(self, request):
        return Response({"got": request.data})


def page(request):
    return HttpResponse("a page")


urlpatterns = [
    path("wanvideo/", include("django_wanvideo.urls")),
    path("ordinary/", OrdinaryView.as_view()),
    path("page/", page),
]
