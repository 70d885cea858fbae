"""The view that EvoLink calls when a task ends: check the token, keep the hint, answer."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, transaction
from django.http import Http404
from django.utils.decorators import method_decorator
from rest_framework import status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from django_wanvideo.callbacks.serializers import kept_of
from django_wanvideo.services import callback_urls, tracking

if TYPE_CHECKING:
    import uuid

    from rest_framework.parsers import BaseParser
    from rest_framework.request import Request

logger = logging.getLogger(__name__)

#: Bytes; a task's body is a few KiB.
MAX_BODY = 1024 * 1024


class _AlwaysJSON(DefaultContentNegotiation):
    """A provider's ``Accept`` header is no reason to refuse what it says."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


@method_decorator(transaction.non_atomic_requests, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class CallbackView(APIView):
    """Takes EvoLink's callback in; needs neither Redis nor EvoLink to answer.

    Every policy is pinned, so that a project's defaults cannot close or open this door. The body is read by the view
    itself, whatever its content type says, after the token has been checked.
    """

    authentication_classes = ()
    permission_classes = ()
    parser_classes: tuple[type[BaseParser], ...] = ()
    renderer_classes = (JSONRenderer,)
    throttle_classes = ()
    content_negotiation_class = _AlwaysJSON
    versioning_class = None
    schema = None
    http_method_names = ["post", "options"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before anything else, and before any database access.
        if not callback_urls.verify(kwargs["attempt_id"], kwargs["token"]):
            raise Http404
        super().initial(request, *args, **kwargs)

    def post(self, request: Request, attempt_id: uuid.UUID, token: str) -> Response:
        """Answer 200 once the hint is kept; 400, 413 or 503 otherwise."""
        body = _read(request)
        if body is None:
            return Response({"detail": "too large"}, status=status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
        try:
            message = json.loads(body, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            return Response({"detail": "not JSON"}, status=status.HTTP_400_BAD_REQUEST)
        if not isinstance(message, dict):
            return Response({"detail": "not a JSON object"}, status=status.HTTP_400_BAD_REQUEST)
        provider_task_id, kept = kept_of(message)
        try:
            tracking.receive_callback(attempt_id, provider_task_id, kept)
        except DatabaseError:
            logger.exception("A callback could not be kept; EvoLink is asked to send it again.")
            return Response({"detail": "try again"}, status=status.HTTP_503_SERVICE_UNAVAILABLE)
        return Response({"detail": "received"})

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say which methods there are, and nothing more."""
        return Response(headers={"Allow": "POST, OPTIONS"})


def _read(request: Request) -> bytes | None:
    """Return the body, or ``None`` when it is over the limit; never reads more than the limit and one byte."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if declared.isdigit() and int(declared) > MAX_BODY:
        return None
    body = request._request.read(MAX_BODY + 1)  # noqa: SLF001 - the stream itself, not a parser's view of it
    return None if len(body) > MAX_BODY else body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
