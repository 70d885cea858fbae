"""What can go wrong in a call to EvoLink. Each class says what the caller may do next."""

from __future__ import annotations

from typing import Any

from django_wanvideo.exceptions import WanVideoError


class EvoLinkError(WanVideoError):
    """A call to EvoLink did not do what was asked.

    ``http_status`` is None when there was no answer. ``code`` is EvoLink's own code, or one of ours: ``connection_failed``
    (nothing was sent), ``no_answer`` (time ran out), ``connection_lost``, ``unreadable_answer``, ``redirected``.
    ``retry_after`` is in seconds. ``reset_timezone`` is the one whose midnight ends a key's limit for the day.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        reset_timezone: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http_status = http_status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        self.reset_timezone = reset_timezone

    def __str__(self) -> str:
        head = " ".join(part for part in (f"HTTP {self.http_status}" if self.http_status else "", self.code) if part)
        return f"{head}: {self.message}" if head and self.message else head or self.message


class RejectedError(EvoLinkError):
    """Certainly not accepted, and the same request would be refused again: something has to be changed first."""


class RetryLater(EvoLinkError):  # noqa: N818 - says what to do
    """Certainly not accepted; the same request may be sent later (``retry_after`` seconds, when EvoLink says so)."""


class OutcomeUnknownError(EvoLinkError):
    """The request may have been accepted and may be billed. Never send it again by itself."""


class ReadError(EvoLinkError):
    """A question to EvoLink was not answered. ``transient`` says whether asking again later can help."""

    transient = True

    def __init__(self, message: str, *, transient: bool | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        if transient is not None:
            self.transient = transient


class NotFoundError(ReadError):
    """EvoLink itself says that it does not know what was asked for, or no longer. A gateway's 404 is a ReadError."""

    transient = False


class InvalidResponse(ReadError):  # noqa: N818 - says what it is
    """The answer is not what EvoLink documents and nothing can be concluded from it."""
