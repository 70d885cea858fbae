"""Everything about a simulator that can be chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from .clock import Clock, SystemClock
from .script import Progression

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .journal import JournalEntry

#: The key that a simulator knows when it is given no other. It opens nothing else.
DEFAULT_API_KEY = "sk-simulator"

DAY = 86_400.0


@dataclass
class Options:
    """The choices of one simulator; `Simulator` takes each of them as a keyword argument.

    progression: when tasks end: `immediate`, `polls:3`, `seconds:8`, `seconds:3..8`, `manual`.
    credits: what the account owns; token_credits: the limit of one key (None: no limit of its own).
    idempotency: `supported` (replay, conflict) or `ignored` (each POST is a new task, all that EvoLink documents).
    callbacks: off means that no `callback_url` is ever called.
    callback_timeout, callback_retry_delays: seconds, as documented; callback_time_scale multiplies the delays.
    allow_loopback: plain http and loopback addresses as callback, image and upload sources.
    allow_remote: bind other addresses than loopback, and deliver https callbacks beyond this machine.
    unknown_fields: what a creation request's undocumented field does: `rejected` (400) or `ignored`.
    batch: whether `POST /v1/tasks/batch` exists (otherwise 404).
    rate_limit_per_minute, max_concurrent: per account; over it, 429. rate_limit_retry_after: `seconds`, `date`, `none`.
    read_limit_per_second: reads of one account; over it, 429, and all reads get one for `read_limit_wait` seconds. What comes
    later than `read_limit_grace` seconds after the first of them is a violation, which the ledger counts.
    answer_seconds: how long each answer of the task API takes.
    estimated_time: seconds told at submission (None: what the progression suggests).
    small_videos: draw at a quarter of the size, for tests; video_scale: the same as a free factor; video_fps: frames/s.
    captions: draw the prompt's first words; without them one file serves all prompts of a picture.
    fresh_links: a task that is read after its link has expired hands out a new one.
    link_seconds, file_seconds: life of result links and uploaded files; max_files: uploaded files per account.
    media_dir: where files are kept (None: a temporary folder that goes away with the simulator).
    public_url: the base of the links handed out, when it is not the bound address.
    journal_size: entries kept; body_limit: bytes of a request that are kept in one.
    on_request: called with each new `JournalEntry`.
    """

    api_key: str | tuple[str, ...] | list[str] = DEFAULT_API_KEY
    host: str = "127.0.0.1"
    port: int = 0
    progression: Progression | str = "immediate"
    clock: Clock = field(default_factory=SystemClock)
    seed: int | None = None
    credits: Decimal | int | str = Decimal(1000)
    token_credits: Decimal | int | str | None = None
    user_group: str = "default"
    idempotency: Literal["supported", "ignored"] = "supported"
    callbacks: bool = True
    callback_timeout: float = 10.0
    callback_retry_delays: tuple[float, ...] = (1.0, 2.0, 4.0)
    callback_time_scale: float = 1.0
    allow_loopback: bool = True
    allow_remote: bool = False
    unknown_fields: Literal["rejected", "ignored"] = "rejected"
    batch: bool = True
    rate_limit_per_minute: int | None = None
    rate_limit_retry_after: Literal["seconds", "date", "none"] = "seconds"
    max_concurrent: int | None = None
    read_limit_per_second: int | None = None
    read_limit_wait: float = 1.0
    read_limit_grace: float = 0.1
    answer_seconds: float = 0.0
    estimated_time: int | None = None
    small_videos: bool = False
    video_scale: float | None = None
    video_fps: int = 12
    captions: bool = True
    fresh_links: bool = False
    link_seconds: float = DAY
    file_seconds: float = 3 * DAY
    max_files: int = 2000
    media_dir: str | Path | None = None
    public_url: str | None = None
    journal_size: int = 2000
    body_limit: int = 16_384
    on_request: Callable[[JournalEntry], None] | None = None

    def __post_init__(self) -> None:
        self.progression = Progression.parse(self.progression)
        try:
            self.credits = Decimal(self.credits)
            self.token_credits = None if self.token_credits is None else Decimal(self.token_credits)
        except ArithmeticError:
            raise ValueError("credits and token_credits are numbers of credits.") from None
        if self.idempotency not in ("supported", "ignored"):
            raise ValueError(f"idempotency is 'supported' or 'ignored', not {self.idempotency!r}.")
        if self.unknown_fields not in ("rejected", "ignored"):
            raise ValueError(f"unknown_fields is 'rejected' or 'ignored', not {self.unknown_fields!r}.")
        if self.video_fps < 1:
            raise ValueError("video_fps is at least 1 frame per second.")

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the first account."""
        return (self.api_key,) if isinstance(self.api_key, str) else tuple(self.api_key)

    @property
    def scale(self) -> float:
        """Width and height of the drawn videos, as a factor of what EvoLink would draw."""
        if self.video_scale is not None:
            return self.video_scale
        return 0.25 if self.small_videos else 1.0
