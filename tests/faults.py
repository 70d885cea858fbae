"""Every fault of the create call: how EvoLink says it, and what must come of it at each level.

The client is told over a raw socket (``says``) and raises ``kind``; the simulator does it by ``name``; a task on the
whole road comes to ``status`` after ``posts`` requests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django_wanvideo.choices import AttemptState, EventKind, TaskStatus
from django_wanvideo.evolink.exceptions import EvoLinkError, OutcomeUnknownError, RejectedError, RetryLater
from tests.evolink.server import answer, close, hang, raw, reset

if TYPE_CHECKING:
    from tests.evolink.server import Behaviour

HTML = b"<html><body>Forbidden</body></html>"


def error(code: object, message: str = "So it is", **more: object) -> dict[str, object]:
    """The envelope of EvoLink's own errors."""
    return {"error": {"code": code, "message": message, "type": "invalid_request_error", **more}}


@dataclass
class Fault:
    """One fault and what must come of it.

    ``advice`` is what people are told: the heading and the next step of a failure, else why it waits or what is known of
    the money. ``held`` is the least and most seconds until the next try.
    """

    name: str
    kind: type[EvoLinkError]
    status: TaskStatus
    code: str
    advice: tuple[str, str] | str
    posts: int = 1
    accepted: int = 0
    http_status: int | None = None
    held: tuple[float, float] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    wire: Behaviour | None = None

    def __str__(self) -> str:
        return "-".join([self.name, *(str(value) for value in self.options.values())])

    @property
    def says(self) -> Behaviour:
        """What a server does that says it; a proxy's page where EvoLink gives no code of its own."""
        return self.wire or answer(self.http_status or 0, error(self.code) if self.code else HTML)

    @property
    def attempt_state(self) -> AttemptState:
        return AttemptState.UNCONFIRMED if self.status == TaskStatus.UNCONFIRMED else AttemptState.NOT_ACCEPTED

    @property
    def event_kind(self) -> EventKind:
        return {
            TaskStatus.UNCONFIRMED: EventKind.UNCONFIRMED,
            TaskStatus.FAILED: EventKind.FAILED,
            TaskStatus.QUEUED: EventKind.WAITING,
        }[self.status]


def _unknown(
    name: str,
    code: str,
    http_status: int | None = None,
    wire: Behaviour | None = None,
    *,
    accepted: int = 1,
    **options: Any,
) -> Fault:
    return Fault(
        name,
        OutcomeUnknownError,
        TaskStatus.UNCONFIRMED,
        code,
        "May have been charged.",
        accepted=accepted,
        http_status=http_status,
        options=options,
        wire=wire,
    )


def _rejected(status: int, code: str, *advice: str) -> Fault:
    return Fault(str(status), RejectedError, TaskStatus.FAILED, code, (advice[0], advice[1]), http_status=status)


def _of_account(status: int, code: str, advice: str, /, **options: Any) -> Fault:
    return Fault(
        str(status), RejectedError, TaskStatus.QUEUED, code, advice, http_status=status, held=(12, 20), options=options
    )


def _busy(name: str, status: int, code: str, held: tuple[float, float], **options: Any) -> Fault:
    advice = "EvoLink asked us to wait"
    return Fault(name, RetryLater, TaskStatus.QUEUED, code, advice, http_status=status, held=held, options=options)


ACCEPTED_BUT_LOST = [
    _unknown("accept_then_close", "connection_lost", wire=close),
    _unknown("accept_then_reset", "connection_lost", wire=reset),
    _unknown("accept_then_500", "internal_error", 500),
    _unknown("accept_then_502", "", 502),
    _unknown("accept_then_503", "service_unavailable", 503),
    _unknown("accept_then_504", "", 504),
    _unknown("accept_then_hang", "no_answer", wire=hang, seconds=3),
    _unknown("accept_then_garbage", "unreadable_answer", 200, answer(200, HTML)),
    _unknown(
        "accept_then_truncated",
        "unreadable_answer",
        200,
        raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"id": "task-unif'),
    ),
    _unknown("accept_without_id", "unreadable_answer", 200, answer(200, {"status": "pending"})),
]
#: EvoLink did not accept these, but nothing in what we saw proves it. To the client most are the same as those above.
NOT_ACCEPTED_BUT_WHO_KNOWS = [
    _unknown("500", "internal_error", 500, accepted=0),
    _unknown("502", "", 502, accepted=0),
    _unknown("503", "service_unavailable", 503, accepted=0),
    _unknown("504", "", 504, accepted=0),
    _unknown("409", "idempotency_conflict", 409, accepted=0),
    _unknown("garbage", "unreadable_answer", 200, answer(200, HTML), accepted=0),
    _unknown("refuse", "connection_lost", wire=close, accepted=0),
    _unknown("reset", "connection_lost", wire=reset, accepted=0),
    _unknown("redirect", "redirected", 302, answer(302, Location="/v1/videos/generations"), accepted=0),
]
REJECTED = [
    _rejected(400, "invalid_request", "Settings refused", "edit_copy"),
    _rejected(403, "model_access_denied", "This site’s key may not use this model", "edit_copy"),
    _rejected(404, "model_not_found", "EvoLink does not know this model", "edit_copy"),
    _rejected(413, "request_too_large", "Settings refused", "edit_copy"),
    _rejected(415, "unsupported_media_type", "Settings refused", "edit_copy"),
    _rejected(422, "unsupported_parameters", "Settings refused", "edit_copy"),
]
_KEY, _CREDITS = "EvoLink rejects this site’s key", "Waiting for credits"
#: It is the account that is refused here, not the task.
ACCOUNT = [
    _of_account(401, "unauthorized", _KEY),
    _of_account(402, "insufficient_quota", _CREDITS),
    *(
        _of_account(403, code, _KEY, code=code)
        for code in ("key_disabled", "key_expired", "user_disabled", "ip_restricted", "invalid_token")
    ),
    _of_account(403, "insufficient_user_quota", _CREDITS, code="insufficient_user_quota"),
]
WAIT = [
    _busy("429", 429, "rate_limit_exceeded", (6, 7.1), retry_after=7),
    _busy("429", 429, "rate_limit_exceeded", (57, 60.1), retry_after="date:60"),
    _busy("429", 429, "rate_limit_exceeded", (29, 30.1)),
    _busy("no_available_channel", 400, "no_available_channel", (12, 40)),
]
FAULTS = [*ACCEPTED_BUT_LOST, *NOT_ACCEPTED_BUT_WHO_KNOWS, *REJECTED, *ACCOUNT, *WAIT]
#: Those that differ on the wire.
ON_THE_WIRE = {(fault.http_status, fault.code, fault.wire): fault for fault in reversed(FAULTS)}.values()
