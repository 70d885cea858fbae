"""One task as EvoLink has it, and the bodies in which it is told."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django_wanvideo.simulator.media.video import Scene, first_words

if TYPE_CHECKING:
    from django_wanvideo.simulator.options import Options
    from django_wanvideo.simulator.script import Progression, Script

    from .accounts import Account

FINAL = frozenset({"completed", "failed", "cancelled"})
#: 68 credits are about one US dollar, 10 credits one yuan (evolink-api, billing units).
CREDITS_PER_USD = Decimal(68)
CREDITS_PER_CNY = Decimal(10)
_KIND = {"object": "video.generation.task", "type": "video"}


@dataclass(frozen=True)
class Link:
    """A result link's path and the time (seconds since 1970) at which it dies."""

    path: str
    expires_at: float


@dataclass
class Task:
    """A task's state. Times are seconds since 1970, `seconds` is the video's length, credits are Decimal."""

    id: str
    account: Account
    api_key: str = field(repr=False)
    model: str
    body: dict[str, Any] = field(repr=False)
    created: float
    base_url: str
    reserved: Decimal
    final_price: Decimal
    billing_rule: str
    estimated_time: int
    seconds: int
    reserved_seconds: int
    quality: str
    audio: bool
    progression: Progression
    script: Script
    callback_url: str | None = field(default=None, repr=False)
    status: str = "pending"
    progress: int = 0
    polls: int = 0
    error: dict[str, Any] | None = None
    finished_at: float | None = None
    links: list[Link] = field(default_factory=list)
    results: list[str] | None = None
    used: Decimal = Decimal(0)
    picture_digest: str | None = None
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def prompt(self) -> str:
        prompt = self.body.get("prompt")
        return prompt if isinstance(prompt, str) else ""

    def submitted(self) -> dict[str, Any]:
        """The body that answers the creation request; wan3.0 adds the video's length."""
        info = {"can_cancel": True, "estimated_time": self.estimated_time}
        if self.model.startswith("wan3.0"):
            info["video_duration"] = self.reserved_seconds
        return self._base() | {"progress": 0, "status": "pending", "task_info": info, "usage": self._reservation()}

    def as_body(self) -> dict[str, Any]:
        """The body of `GET /v1/tasks/{id}`, of batch items, and of callbacks."""
        body = self._base() | {"progress": self.progress, "status": self.status}
        body["task_info"] = {"can_cancel": not self.final}
        if self.status == "completed":
            urls = self.results if self.results is not None else [self.base_url + link.path for link in self.links[-1:]]
            body["results"] = urls
            body["result_data"] = [{"url": url} for url in urls]
            body["duration"] = int((self.finished_at or self.created) - self.created)
            cost = {
                "credits": float(self.used),
                "usd": round(float(self.used / CREDITS_PER_USD), 6),
                "cny": float(self.used / CREDITS_PER_CNY),
            }
            body["usage"] = {"cost": cost, "credits_used": float(self.used)}
        elif self.error is not None:
            body["error"] = dict(self.error)
        else:
            body["usage"] = self._reservation()
        return body

    def as_summary(self) -> dict[str, Any]:
        """One row of `GET /v1/tasks`: no result links."""
        links = len(self.results) if self.results is not None else len(self.links[-1:])
        row: dict[str, Any] = {
            "id": self.id,
            "model": self.model,
            "type": "video",
            "status": self.status,
            "progress": self.progress,
            "created_at": int(self.created),
            "has_results": self.status == "completed" and links > 0,
            "result_count": links if self.status == "completed" else 0,
            "has_error": self.error is not None,
            "credits_used": float(self.used),
        }
        if self.finished_at is not None:
            row["duration"] = int(self.finished_at - self.created)
        return row

    def scene(self, options: Options) -> Scene:
        wide, _, high = str(self.body.get("aspect_ratio", "")).partition(":")
        # Without a picture, what is drawn instead depends on the prompt, as the video then does.
        placeholder = self.prompt if options.captions else self.model
        return Scene(
            seconds=self.seconds,
            quality=self.quality,
            audio=self.audio,
            caption=first_words(self.prompt) if options.captions else "",
            ratio=int(wide) / int(high) if wide.isdigit() and high.isdigit() else 16 / 9,
            scale=options.scale,
            fps=options.video_fps,
            picture_digest=self.picture_digest or hashlib.sha256(placeholder.encode("utf-8", "replace")).hexdigest(),
        )

    def _base(self) -> dict[str, Any]:
        return _KIND | {"created": int(self.created), "id": self.id, "model": self.model}

    def _reservation(self) -> dict[str, Any]:
        reserved, group = float(self.reserved), self.account.group
        return {"billing_rule": self.billing_rule, "credits_reserved": reserved, "user_group": group}


class TaskStore(Mapping[str, Task]):
    """All tasks by id, oldest first, and the result links that were handed out. Iterates over a snapshot."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        #: What is behind the path of a result link, dead or alive.
        self.links: dict[str, tuple[Task, Link]] = {}

    def add(self, task: Task) -> None:
        self._tasks[task.id] = task

    def forget(self, task_id: str) -> None:
        """Drop a task, as EvoLink does after some time: it can no longer be read, but its links live on."""
        del self._tasks[task_id]

    def __getitem__(self, task_id: str) -> Task:
        return self._tasks[task_id]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._tasks))

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def latest(self) -> Task:
        """The task that was accepted last; IndexError when there is none."""
        return list(self._tasks.values())[-1]

    def of(self, account: Account) -> list[Task]:
        """An account's tasks, newest first."""
        return [task for task in list(self._tasks.values())[::-1] if task.account is account]
