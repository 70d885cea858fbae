"""The view that EvoLink calls when a task ends: check the token, keep the hint, answer."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, transaction
from django.http import Http404, UnreadablePostError
from django.utils.decorators import method_decorator
from rest_framework import status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from django_wanvideo import callback_tokens
from django_wanvideo.evolink import parsing
from django_wanvideo.evolink.types import task_id
from django_wanvideo.services.tracking import receipts

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from rest_framework.parsers import BaseParser
    from rest_framework.request import Request

logger = logging.getLogger(__name__)

#: Bytes; a task's body is a few KiB.
MAX_BODY = 1024 * 1024
#: Fields of EvoLink's task body that are read when callbacks are not verified.
KEPT = (
    "id",
    "status",
    "progress",
    "model",
    "created",
    "duration",
    "results",
    "result_data",
    "error",
    "usage",
    "task_info",
)


def _never_in_a_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ``ATOMIC_REQUESTS`` away, whichever database asks for it: the receipt's may not be the default one."""
    for alias in settings.DATABASES:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


class _AlwaysJSON(DefaultContentNegotiation):
    """A provider's ``Accept`` header is no reason to refuse what it says."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


@method_decorator(_never_in_a_transaction, name="dispatch")
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
        if not callback_tokens.verify(kwargs["attempt_id"], kwargs["token"]):
            raise Http404
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[..., Response | None]:
        """Pinned too: a project's own handler may ask the database, or turn a refusal into something else."""
        return exception_handler

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Response:
        """Log a refusal without its path, which Django would write into its log together with the token."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        if answer.status_code >= 400:
            answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - how Django marks it
            logger.warning("A callback for attempt %s was answered %d.", kwargs["attempt_id"], answer.status_code)
        return answer

    def post(self, request: Request, attempt_id: uuid.UUID, token: str) -> Response:
        """Answer 200 once the hint is kept; 400, 413 or 503 otherwise."""
        try:
            body = _read(request)
        except UnreadablePostError:
            return Response({"detail": "cut off"}, status=status.HTTP_400_BAD_REQUEST)
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
            receipts.receive(attempt_id, provider_task_id, kept)
        except Error:
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
    stream = request._request  # noqa: SLF001 - the stream itself, not a parser's view of it
    if not declared and request.META.get("wsgi.input_terminated"):
        # A chunked body whose end the server marks; Django takes a body without a length for an empty one.
        stream = request.META["wsgi.input"]
    body: bytes = stream.read(MAX_BODY + 1)
    return None if len(body) > MAX_BODY else body


def kept_of(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return EvoLink's task id (empty when the body names none) and what is kept of the body."""
    if "id" not in body and isinstance(body.get("data"), dict):
        body = body["data"]
    kept = {name: parsing.scrub(body[name], depth=6, items=50) for name in KEPT if name in body}
    return task_id(body), kept


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
