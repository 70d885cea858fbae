"""EvoLink's documented error bodies (Wan model pages, get-task-detail, get-credits, file service)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a creation request is told, by HTTP status: code, message, type. 404, 413, 415, 422, 502 and 503 are not in the
#: creation pages; their codes are the ones EvoLink's own client knows.
CREATE_ERRORS: Mapping[int, tuple[str, str, str]] = {
    400: ("invalid_request", "Invalid request parameters", "invalid_request_error"),
    401: ("unauthorized", "Invalid or expired token", "authentication_error"),
    402: ("insufficient_quota", "Insufficient quota. Please top up your account.", "insufficient_quota"),
    403: ("model_access_denied", "Token does not have access to model: {model}", "invalid_request_error"),
    404: ("model_not_found", "The requested model could not be found", "invalid_request_error"),
    409: ("idempotency_conflict", "Idempotency-Key was used with another request body", "invalid_request_error"),
    413: ("request_too_large", "Request body is too large", "invalid_request_error"),
    415: ("unsupported_media_type", "Unsupported media type", "invalid_request_error"),
    422: ("unsupported_parameters", "The request contains unsupported parameters", "invalid_request_error"),
    429: ("rate_limit_exceeded", "Too many requests, please try again later", "rate_limit_error"),
    500: ("internal_error", "Internal server error", "api_error"),
    503: ("service_unavailable", "Service temporarily unavailable", "api_error"),
}

#: What a reader of one task is told (get-task-detail).
TASK_ERRORS: Mapping[int, tuple[str, str, str]] = {
    400: ("invalid_task_id", "Invalid task ID format, must start with 'task-unified-'", "invalid_request_error"),
    401: ("unauthorized", "Authentication required", "authentication_error"),
    402: ("quota_exceeded", "Insufficient quota. Please top up your account.", "insufficient_quota"),
    403: ("permission_denied", "You don't have permission to access this task", "invalid_request_error"),
    404: ("task_not_found", "The requested task could not be found", "invalid_request_error"),
    429: ("rate_limit_exceeded", "Rate limit exceeded", "evo_api_error"),
    500: ("internal_error", "Failed to retrieve task status", "api_error"),
    503: ("service_unavailable", "Service temporarily unavailable", "api_error"),
}

#: What a reader of the balance is told (get-credits): integer codes.
CREDITS_ERRORS: Mapping[int, tuple[int, str, str]] = {
    400: (400, "Invalid request", "invalid_request_error"),
    401: (401, "Invalid or expired token", "authentication_error"),
    403: (403, "Access denied", "permission_error"),
    429: (429, "Rate limit exceeded", "rate_limit_error"),
    500: (500, "Internal server error", "internal_server_error"),
    502: (502, "Upstream service error", "upstream_error"),
    503: (503, "Service temporarily unavailable", "service_unavailable_error"),
}

#: What the file service says, by HTTP status: code, msg.
FILE_ERRORS: Mapping[int, tuple[int, str]] = {
    400: (400, "Invalid request"),
    401: (401, "Invalid or expired token"),
    403: (403, "Access denied"),
    404: (404, "File not found"),
    413: (40001, "File is too large"),
    429: (429, "Too many requests, please try again later"),
    500: (50001, "File storage failed"),
    503: (503, "Service temporarily unavailable"),
}

#: `error.message` of a failed task when a script names only the code (error-codes page).
TASK_FAILURES: Mapping[str, str] = {
    "content_policy_violation": "Content policy violation.\nYour request was blocked by safety filters.",
    "invalid_parameters": "Invalid parameters.",
    "image_processing_error": "Failed to process the image. Please check that its URL can be downloaded.",
    "image_dimension_mismatch": "Image dimensions do not match the requested aspect ratio.",
    "request_cancelled": "The request was cancelled.",
    "generation_failed_no_content": "Generation finished without content. Please try a different prompt.",
    "service_error": "Upstream service error. Please try again in 30 to 60 seconds.",
    "generation_timeout": "Generation timed out. Please try again later.",
    "resource_exhausted": "Upstream resources are exhausted. Please try again in a few minutes.",
    "quota_exceeded": "Quota exceeded. Please reduce the request frequency.",
    "service_unavailable": "Service temporarily unavailable.",
    "resource_not_found": "The requested resource could not be found or has expired.",
    "unknown_error": "Unknown error.",
}


class ApiError(Exception):
    """An error answer: `status`, a ready `body`, and extra `headers`."""

    def __init__(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


def envelope(code: object, message: str, kind: str, **extra: object) -> dict[str, Any]:
    """The `{"error": {...}}` body of the API; `extra` holds such members as `param`."""
    return {"error": {"code": code, "message": message, "type": kind} | extra}


def create_error(
    status: int, message: str | None = None, *, code: str | None = None, model: str = "", **extra: object
) -> ApiError:
    """A documented error of the creation call; `code` and `message` replace the documented ones."""
    documented, text, kind = CREATE_ERRORS.get(status, CREATE_ERRORS[500])
    return ApiError(status, envelope(code or documented, message or text.format(model=model), kind, **extra))


def task_error(status: int, **extra: object) -> ApiError:
    code, message, kind = TASK_ERRORS.get(status, TASK_ERRORS[500])
    return ApiError(status, envelope(code, message, kind, **extra))


def credits_error(status: int) -> ApiError:
    return ApiError(status, envelope(*CREDITS_ERRORS.get(status, CREDITS_ERRORS[500])))


def file_error(status: int, *, code: int | None = None, message: str | None = None) -> ApiError:
    """An error of the file service: `{"success": false, "code": ..., "msg": ...}`."""
    documented, text = FILE_ERRORS.get(status, FILE_ERRORS[500])
    return ApiError(status, {"success": False, "code": code or documented, "msg": message or text})


def rate_limited(wait: float, form: str) -> ApiError:
    """A 429 of the creation call; `wait` in seconds; form: `seconds`, `date`, or `none` for no header."""
    seconds = max(1, int(wait + 0.999))
    error = create_error(429)
    error.headers |= retry_after({"seconds": seconds, "date": f"date:{seconds}"}.get(form))
    return error


def retry_after(value: object) -> dict[str, str]:
    """Nothing, seconds, or with `date:30` an HTTP date in that many seconds (of real time: HTTP knows no other)."""
    if value is None:
        return {}
    text = str(value)
    if text.startswith("date"):
        seconds = float(text.partition(":")[2] or 30)
        text = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
    return {"Retry-After": text}
