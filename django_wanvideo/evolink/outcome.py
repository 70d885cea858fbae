"""What an answer means. The one place that decides whether EvoLink can have accepted a request.

Not accepted is concluded from EvoLink's own error body only, because a proxy's page may replace the answer to a request
that went through. Four statuses need no body, whoever answers: 401 and 413 refuse before anything is processed, 407 is
the proxy's own, 429 is a refusal by definition. Everything else that is no 2xx with an id is unknown, redirects
included: after a POST they may just as well point to what has been made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from django_wanvideo.evolink import parsing
from django_wanvideo.evolink.error_bodies import ErrorBody, decode, read_error
from django_wanvideo.evolink.exceptions import (
    NotFoundError,
    OutcomeUnknownError,
    ReadError,
    RejectedError,
    UnreadableAnswer,
    WaitError,
)
from django_wanvideo.evolink.transport import Answer, NoAnswer
from django_wanvideo.evolink.types import Created, TaskSnapshot

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
UPLOAD_WAIT_CODES = frozenset({"40003", "40004", "50001"})


def created(answer: Answer | NoAnswer, secret: Secret) -> Created:
    """Return what EvoLink accepted.

    Raises RejectedError, WaitError (both: certainly not accepted) or OutcomeUnknownError.
    """
    if isinstance(answer, NoAnswer):
        if answer.sent:
            raise OutcomeUnknownError(_no_answer(answer, secret), code=answer.code)
        raise WaitError(_no_answer(answer, secret), code=answer.code)
    if 200 <= answer.status < 300:
        return _accepted(answer, secret)
    error = read_error(answer.body, secret)
    facts = _facts(answer, error, secret)
    if error.code in UNSETTLED_CODES:
        raise OutcomeUnknownError(_said(answer, error), **facts)
    if answer.status in {407, 429}:
        raise WaitError(_said(answer, error), **facts)
    if answer.status in {401, 413} or (answer.status in REFUSALS and error.recognised):
        kind = WaitError if _lacks_capacity(error) else RejectedError
        raise kind(_said(answer, error), **facts)
    raise OutcomeUnknownError(_said(answer, error), **facts)


def _accepted(answer: Answer, secret: Secret) -> Created:
    problem = answer.broken
    try:
        snapshot = TaskSnapshot.parse(decode(answer.body), secret=secret)
    except (ValueError, UnreadableAnswer):
        problem = problem or "the answer is no JSON object"
    else:
        if snapshot.id:
            # Even if the connection broke afterwards: the id is what counts.
            return Created(snapshot, answer.status, secret.hide_all(answer.request_id))
        problem = problem or "the answer has no task id"
    raise OutcomeUnknownError(
        f"EvoLink answered, but {secret.hide_all(problem)}.",
        http_status=answer.status,
        code="unreadable_answer",
        request_id=secret.hide_all(answer.request_id),
    )


def _lacks_capacity(error: ErrorBody) -> bool:
    return error.code in CAPACITY_CODES or CAPACITY_WORDS in error.message.lower()


def content(answer: Answer | NoAnswer, secret: Secret) -> Any:
    """Return the decoded JSON object of a read. Raises ReadError, NotFoundError or UnreadableAnswer.

    NotFoundError is EvoLink's own word with a code of its own, never the page or the text of something in between.
    """
    if isinstance(answer, NoAnswer):
        raise ReadError(_no_answer(answer, secret), code=answer.code)
    if not 200 <= answer.status < 300:
        _raise_read_error(answer, secret)
    request_id = secret.hide_all(answer.request_id)
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
    raise UnreadableAnswer(
        f"EvoLink's answer cannot be read: {secret.hide_all(problem)}.",
        http_status=answer.status,
        code="unreadable_answer",
        request_id=request_id,
    )


def _raise_read_error(answer: Answer, secret: Secret) -> NoReturn:
    error = read_error(answer.body, secret)
    facts = _facts(answer, error, secret)
    status = answer.status
    named = status in {404, 410} or (400 <= status < 500 and error.code in UNKNOWN_ID_CODES)
    if named and error.recognised and error.code:
        raise NotFoundError(_said(answer, error), **facts)
    # A 404 or 410 that comes down to here is somebody else's, such as a gateway's that has lost its way to EvoLink.
    transient = status in PASSING or status >= 500 or _lacks_capacity(error)
    raise ReadError(_said(answer, error), transient=transient, **facts)


def uploaded(answer: Answer | NoAnswer, secret: Secret) -> Mapping[str, Any]:
    """Return the ``data`` of an upload's answer. Raises RejectedError, or WaitError: sending a file again costs nothing."""
    if isinstance(answer, NoAnswer):
        raise WaitError(_no_answer(answer, secret), code=answer.code)
    error = read_error(answer.body, secret)
    facts = _facts(answer, error, secret)
    if 200 <= answer.status < 300 and not answer.broken:
        data = _upload_data(answer.body)
        if data is not None:
            return data
    if error.code in UPLOAD_REFUSAL_CODES:
        raise RejectedError(_said(answer, error), **facts)
    final = 300 <= answer.status < 500 and answer.status not in {402, 407, 408, 409, 425, 429}
    if final and error.code not in UPLOAD_WAIT_CODES and not _lacks_capacity(error):
        raise RejectedError(_said(answer, error), **facts)
    raise WaitError(_said(answer, error), **facts)


def _upload_data(body: bytes) -> Mapping[str, Any] | None:
    try:
        whole = decode(body)
    except ValueError:
        return None
    if not isinstance(whole, Mapping) or whole.get("success") is False:
        return None
    data = whole.get("data")
    return data if isinstance(data, Mapping) and parsing.web_link(data.get("file_url")) else None


def _facts(answer: Answer, error: ErrorBody, secret: Secret) -> dict[str, Any]:
    code = error.code
    if not error.recognised and not code:
        code = "redirected" if 300 <= answer.status < 400 else "unreadable_answer" if answer.status < 300 else ""
    return {
        "http_status": answer.status,
        "code": code,
        "request_id": secret.hide_all(answer.request_id) or error.request_id,
        "retry_after": parsing.wait_seconds(answer.headers.get("retry-after")),
        "reset_timezone": error.reset_timezone,
    }


def _said(answer: Answer, error: ErrorBody) -> str:
    if 300 <= answer.status < 400:
        return "EvoLink's address answered with a redirect, which is not followed. Check the base URL."
    if error.recognised:
        return error.message
    return f"The answer is not in EvoLink's form: {error.message[:200] or 'it is empty'}"


def _no_answer(answer: NoAnswer, secret: Secret) -> str:
    lead = "The request was sent, but no answer came" if answer.sent else "No connection to EvoLink"
    return f"{lead} ({secret.hide_all(answer.reason)})"
