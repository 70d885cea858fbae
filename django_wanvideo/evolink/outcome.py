"""What an answer means. The one place that decides whether EvoLink can have accepted a request.

Not accepted is concluded from EvoLink's own error body only, because a proxy's page may replace the answer to a request
that went through. Four statuses need no body, whoever answers: 401 and 413 refuse before anything is processed, 407 is
the proxy's own, 429 is a refusal by definition. Everything else that is no 2xx with an id is unknown, redirects
included: after a POST they may just as well point to what has been made.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django_wanvideo.evolink import parsing
from django_wanvideo.evolink.error_bodies import ErrorBody, decode, read_error
from django_wanvideo.evolink.exceptions import (
    EvoLinkError,
    InvalidResponse,
    NotFoundError,
    OutcomeUnknownError,
    ReadError,
    RejectedError,
    RetryLater,
)
from django_wanvideo.evolink.transport import HttpResult, TransportFailure
from django_wanvideo.evolink.types import CreateResult, TaskSnapshot

if TYPE_CHECKING:
    from django_wanvideo.http.text import Secret

REFUSALS = frozenset({400, 401, 402, 403, 404, 413, 415, 422})
#: Documented as part of 400 since EvoLink merged its 503 into it: no capacity now, nothing wrong with the request.
CAPACITY_CODES = frozenset(
    {
        "no_available_channel",
        "channel_selection_failed",
        "model_unavailable",
        "service_unavailable",
        "resource_exhausted",
    }
)
CAPACITY_WORDS = "no available channel"
#: Said about a request that may well have been accepted earlier, whatever the status.
UNSETTLED_CODES = frozenset({"idempotency_conflict", "paid_outcome_unknown"})
UNKNOWN_ID_CODES = frozenset({"task_not_found", "resource_not_found", "invalid_task_id"})
#: After these, asking again later can help.
PASSING = frozenset({402, 404, 407, 408, 409, 410, 425, 429})

#: Of the file service: too large, type not allowed.
UPLOAD_REFUSAL_CODES = frozenset({"40001", "40002"})
#: EvoLink keeps as many files of the account as it takes.
FILES_FULL = "40003"
UPLOAD_WAIT_CODES = frozenset({FILES_FULL, "40004", "50001"})


def created(answer: HttpResult | TransportFailure, secret: Secret) -> CreateResult:
    """Return what EvoLink accepted.

    Raises RejectedError, RetryLater (both: certainly not accepted) or OutcomeUnknownError.
    """
    if isinstance(answer, TransportFailure):
        if answer.sent:
            raise OutcomeUnknownError(_no_answer(answer, secret), code=answer.code)
        raise RetryLater(_no_answer(answer, secret), code=answer.code)
    if 200 <= answer.status < 300:
        return _accepted(answer, secret)
    error = read_error(answer.body, secret)
    kind: type[EvoLinkError] = OutcomeUnknownError
    if error.code not in UNSETTLED_CODES:
        if answer.status in {407, 429}:
            kind = RetryLater
        elif answer.status in {401, 413} or (answer.status in REFUSALS and error.recognised):
            kind = RetryLater if _lacks_capacity(error) else RejectedError
    raise kind(_said(answer, error), **_facts(answer, error, secret))


def _accepted(answer: HttpResult, secret: Secret) -> CreateResult:
    problem = answer.broken
    try:
        snapshot = TaskSnapshot.parse(decode(answer.body), secret=secret)
    except (ValueError, InvalidResponse):
        problem = problem or "the answer is no JSON object"
    else:
        if snapshot.id:
            # Even if the connection broke afterwards: the id is what counts.
            return CreateResult(snapshot, answer.status, secret.redact_all(answer.request_id))
        problem = problem or "the answer has no task id"
    raise OutcomeUnknownError(f"EvoLink answered, but {secret.redact_all(problem)}.", **_unreadable(answer, secret))


def _lacks_capacity(error: ErrorBody) -> bool:
    return error.code in CAPACITY_CODES or CAPACITY_WORDS in error.message.lower()


def content(answer: HttpResult | TransportFailure, secret: Secret) -> Any:
    """Return the decoded JSON object of a read. Raises ReadError, NotFoundError or InvalidResponse.

    NotFoundError is EvoLink's own word with a code of its own, never the page or the text of something in between.
    """
    if isinstance(answer, TransportFailure):
        raise ReadError(_no_answer(answer, secret), code=answer.code)
    if not 200 <= answer.status < 300:
        raise _read_error(answer, secret)
    problem = answer.broken
    if not problem:
        try:
            body = decode(answer.body)
        except ValueError:
            problem = "it is no JSON"
        else:
            if isinstance(body, Mapping) and body.get("success") is not False:
                return body
            if isinstance(body, Mapping):
                error = read_error(answer.body, secret)
                raise ReadError(_said(answer, error), **_facts(answer, error, secret))
            problem = "it is no JSON object"
    message = f"EvoLink's answer cannot be read: {secret.redact_all(problem)}."
    raise InvalidResponse(message, **_unreadable(answer, secret))


def _read_error(answer: HttpResult, secret: Secret) -> ReadError:
    error = read_error(answer.body, secret)
    facts = _facts(answer, error, secret)
    status = answer.status
    named = status in {404, 410} or (400 <= status < 500 and error.code in UNKNOWN_ID_CODES)
    if named and error.recognised and error.code:
        return NotFoundError(_said(answer, error), **facts)
    # A 404 or 410 that comes down to here is somebody else's, such as a gateway's that has lost its way to EvoLink.
    transient = status in PASSING or status >= 500 or _lacks_capacity(error)
    return ReadError(_said(answer, error), transient=transient, **facts)


def uploaded(answer: HttpResult | TransportFailure, secret: Secret) -> Mapping[str, Any]:
    """Return the ``data`` of an upload's answer. Raises RejectedError, or RetryLater: sending a file again costs nothing."""
    if isinstance(answer, TransportFailure):
        raise RetryLater(_no_answer(answer, secret), code=answer.code)
    with suppress(ReadError):
        data = parsing.mapping(content(answer, secret).get("data"))
        if parsing.parse_url(data.get("file_url")):
            return data
    error = read_error(answer.body, secret)
    is_final = 300 <= answer.status < 500 and answer.status not in {402, 407, 408, 409, 425, 429}
    can_pass = error.code in UPLOAD_WAIT_CODES or _lacks_capacity(error)
    is_refused = error.code in UPLOAD_REFUSAL_CODES or (is_final and not can_pass)
    kind = RejectedError if is_refused else RetryLater
    raise kind(_said(answer, error), **_facts(answer, error, secret))


def _unreadable(answer: HttpResult, secret: Secret) -> dict[str, Any]:
    request_id = secret.redact_all(answer.request_id)
    return {"http_status": answer.status, "code": "unreadable_answer", "request_id": request_id}


def _facts(answer: HttpResult, error: ErrorBody, secret: Secret) -> dict[str, Any]:
    code = error.code
    if not error.recognised and not code:
        code = "redirected" if 300 <= answer.status < 400 else "unreadable_answer" if answer.status < 300 else ""
    return {
        "http_status": answer.status,
        "code": code,
        "request_id": secret.redact_all(answer.request_id) or error.request_id,
        "retry_after": parsing.wait_seconds(answer.headers.get("retry-after")),
        "reset_timezone": error.reset_timezone,
    }


def _said(answer: HttpResult, error: ErrorBody) -> str:
    if 300 <= answer.status < 400:
        return "EvoLink's address answered with a redirect, which is not followed. Check the base URL."
    if error.recognised:
        return error.message
    return f"The answer is not in EvoLink's form: {error.message[:200] or 'it is empty'}"


def _no_answer(answer: TransportFailure, secret: Secret) -> str:
    lead = "The request was sent, but no answer came" if answer.sent else "No connection to EvoLink"
    return f"{lead} ({secret.redact_all(answer.reason)})"
