"""The least that keeps a JSON message with Django REST framework: parse it, one INSERT, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks.floor.models import BareReceipt

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request


class BareView(APIView):
    """No authentication, no permissions, no throttles, no token, no wake-up: faster is not possible with an INSERT."""

    authentication_classes = ()
    permission_classes = ()
    parser_classes = (JSONParser,)
    renderer_classes = (JSONRenderer,)

    def post(self, request: Request, attempt_id: uuid.UUID) -> Response:
        """Keep the message."""
        BareReceipt.objects.create(attempt_id=attempt_id, provider_task_id=request.data["id"], payload=request.data)
        return Response({"detail": "received"})
