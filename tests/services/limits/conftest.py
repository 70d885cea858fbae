"""What the tests of limits share: an EvoLink that takes everything, and limits that are set for a test."""

from __future__ import annotations

import itertools
import threading

import pytest

from django_wanvideo.evolink.types import CreateResult, TaskSnapshot
from django_wanvideo.services.provider import provider


class Accepting:
    """EvoLink that takes everything; it counts the calls that are under way."""

    def __init__(self):
        self.sent = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def create(self, body, *, idempotency_key, before_send):
        before_send()
        with self._lock:
            self.sent.append(idempotency_key)
            number = next(self._numbers)
        return CreateResult(TaskSnapshot.parse({"id": f"task-unified-{number}", "status": "pending"}), 200)


@pytest.fixture
def evolink(monkeypatch, wanvideo_wakeups):
    accepting = Accepting()
    monkeypatch.setattr(provider, "client", lambda: accepting)
    return accepting


@pytest.fixture
def limit(settings):
    def set_to(**values):
        settings.WANVIDEO = {**settings.WANVIDEO, **values}

    return set_to
