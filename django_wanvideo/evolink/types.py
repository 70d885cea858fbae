"""What EvoLink says, as plain immutable objects. Bodies may miss fields or hold odd types; parsing bears with them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from django_wanvideo.evolink import parsing
from django_wanvideo.evolink.exceptions import InvalidResponse
from django_wanvideo.http.text import NO_SECRET, Secret, clean_text, one_line

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger(__name__)


class ProviderStatus(StrEnum):
    """EvoLink's word for where a task is."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        return self in {ProviderStatus.COMPLETED, ProviderStatus.FAILED, ProviderStatus.CANCELLED}

    @classmethod
    def read(cls, raw: str) -> ProviderStatus:
        """Return the status that the word ``raw`` stands for; UNKNOWN for a word nobody has seen."""
        word = raw.strip().lower()
        if word in cls._value2member_map_:
            return cls(word)
        _report_once(word)
        return next((status for status, words in _OTHER_WORDS.items() if word in words), cls.UNKNOWN)


#: Not documented and never seen in a body, but other clients expect them.
_OTHER_WORDS = {
    ProviderStatus.PENDING: ("queued",),
    ProviderStatus.PROCESSING: ("running",),
    ProviderStatus.COMPLETED: ("complete", "done", "finished", "succeed", "succeeded", "success"),
    ProviderStatus.FAILED: ("error", "failure"),
    ProviderStatus.CANCELLED: ("canceled",),
}
_reported: set[str] = set()


def _report_once(word: str) -> None:
    if word not in _reported and len(_reported) < 100:
        _reported.add(word)
        logger.warning("EvoLink used a status that its documentation does not know: %r", word[:64])


@dataclass(frozen=True, slots=True)
class ProviderError:
    """Why EvoLink could not make the video."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TaskSnapshot:
    """A task as EvoLink described it once, a line of its list included; ``raw`` is the body, cleaned for storing."""

    id: str
    status: ProviderStatus
    raw_status: str = ""
    progress: int | None = None
    model: str = ""
    created: datetime | None = None
    result_urls: tuple[str, ...] = ()
    error: ProviderError | None = None
    credits_reserved: Decimal | None = None
    credits_used: Decimal | None = None
    estimated_seconds: int | None = None
    elapsed_seconds: int | None = None
    #: The words it is made from; EvoLink documents no field for them, so mostly there are none.
    prompt: str = ""
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, body: object, *, secret: Secret = NO_SECRET) -> Self:
        """Read the body of a task, of a line of the list, or of a callback. Raises InvalidResponse if it is no JSON object.

        ``secret`` is taken out of every text, should EvoLink have echoed it.
        """
        if not isinstance(body, Mapping):
            raise InvalidResponse("A task is expected to be a JSON object.", code="unreadable_answer")
        inner = body.get("data")
        inner = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
        if "id" not in body and isinstance(inner, Mapping):
            body = inner
        task: dict[str, Any] = parsing.scrub(body, secret)
        raw_status = one_line(task.get("status"), 64)
        links = parsing.result_urls(body, secret)
        usage = parsing.mapping(task.get("usage"))
        cost = parsing.mapping(usage.get("cost"))
        # A line of the list of tasks has what was used beside its id.
        charges = (usage.get("credits_used"), cost.get("credits"), task.get("credits_used"))
        used = (amount for charge in charges if (amount := parsing.credits_amount(charge)) is not None)
        return cls(
            id=task_id(task),
            status=_status(raw_status, links, task),
            raw_status=raw_status,
            progress=_progress(task.get("progress")),
            model=one_line(task.get("model"), 100),
            created=parsing.parse_datetime(task.get("created", task.get("created_at"))),
            result_urls=links,
            error=_error(task.get("error")),
            credits_reserved=parsing.credits_amount(usage.get("credits_reserved")),
            credits_used=next(used, None),
            estimated_seconds=parsing.integer(parsing.mapping(task.get("task_info")).get("estimated_time"), 0, 10**7),
            elapsed_seconds=parsing.integer(task.get("duration"), 0, 10**7),
            prompt=_prompt(task),
            raw=task,
        )


@dataclass(frozen=True, slots=True)
class CreateResult:
    """EvoLink has accepted a request, perhaps when the same key was sent before."""

    snapshot: TaskSnapshot
    http_status: int
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Credits:
    """The account's balance and what is left of this key's own limit, in credits; None where EvoLink did not say."""

    user_remaining: Decimal | None
    token_remaining: Decimal | None
    unlimited: bool
    #: What is left of the key's limit for a day, where it has one, and the time zone whose midnight ends that day.
    daily_remaining: Decimal | None = None
    reset_timezone: str = ""

    @property
    def spendable(self) -> Decimal | None:
        """Credits that this key can spend now: the smallest of all, or the balance if the key has no limit."""
        limits = [self.user_remaining, self.daily_remaining]
        if not self.unlimited:
            limits.append(self.token_remaining)
        return min((limit for limit in limits if limit is not None), default=None)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that EvoLink's models can read at ``url`` until ``expires_at``."""

    url: str = field(repr=False)
    expires_at: datetime


def task_id(body: Mapping[str, Any]) -> str:
    """Return the task's id, or "" if there is none that can be used."""
    for name in ("id", "task_id"):
        value = body.get(name)
        if isinstance(value, str) and 0 < len(value.strip()) <= parsing.MAX_ID:
            found = one_line(value)
            # With a piece missing it is another id.
            return "" if "\ufffd" in found else found
    return ""


def _status(word: str, links: tuple[str, ...], body: Mapping[str, Any]) -> ProviderStatus:
    """Return where a task is; one without a word for it that EvoLink gives a link of is done."""
    status = ProviderStatus.read(word) if word else ProviderStatus.UNKNOWN
    if status is not ProviderStatus.UNKNOWN or not links or _error(body.get("error")) is not None:
        return status
    return ProviderStatus.COMPLETED if not word or _progress(body.get("progress")) == 100 else status


def _prompt(body: Mapping[str, Any]) -> str:
    for inner in (body, *(parsing.mapping(body.get(name)) for name in ("input", "request", "params"))):
        if isinstance(inner.get("prompt"), str):
            return str(inner["prompt"])
    return ""


def _progress(value: object) -> int | None:
    number = parsing.decimal(value)
    return None if number is None else int(min(max(number, Decimal(0)), Decimal(100)))


def _error(value: object) -> ProviderError | None:
    if isinstance(value, Mapping):
        error = ProviderError(one_line(value.get("code"), 100), clean_text(value.get("message")))
        return error if error.code or error.message else None
    message = clean_text(value)
    return ProviderError(code="", message=message) if message else None
