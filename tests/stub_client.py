"""EvoLink behind the interface of its client, for tests in which nothing passes through sockets."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from django_wanvideo.evolink.types import CreateResult, ProviderStatus, TaskSnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def _pending(provider_task_id: str) -> TaskSnapshot:
    return TaskSnapshot(provider_task_id, ProviderStatus.PENDING)


class StubClient:
    """Takes every request and says of a task what ``read`` says; remembers bodies, keys and the number of reads."""

    def __init__(self, read: Callable[[str], TaskSnapshot] = _pending) -> None:
        self.read = read
        self.bodies: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.gets: Counter[str] = Counter()
        self.batches = 0
        self._lock = threading.Lock()

    def create(
        self, body: dict[str, Any], *, idempotency_key: str, before_send: Callable[[], Any] | None = None
    ) -> CreateResult:
        if before_send is not None:
            before_send()
        with self._lock:
            self.bodies.append(body)
            self.sent.append(idempotency_key)
            return CreateResult(_pending(f"task-unified-{len(self.sent)}"), 200)

    def get_task(self, provider_task_id: str) -> TaskSnapshot:
        with self._lock:
            self.gets[provider_task_id] += 1
        return self.read(provider_task_id)

    def get_tasks(self, ids: Iterable[str]) -> dict[str, TaskSnapshot]:
        wanted = list(ids)
        assert len(wanted) <= 50, "EvoLink takes no more"
        self.batches += 1
        return {one: self.get_task(one) for one in wanted}
