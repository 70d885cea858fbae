"""What the tests of limits share: an EvoLink that takes everything, and limits that are set for a test."""

from __future__ import annotations

import pytest

from django_wanvideo.services.provider import provider
from tests.stub_client import StubClient


@pytest.fixture
def stub_client(monkeypatch, wanvideo_wakeups):
    accepting = StubClient()
    monkeypatch.setattr(provider, "client", lambda: accepting)
    return accepting


@pytest.fixture
def limit(settings):
    def set_to(**values):
        settings.WANVIDEO = {**settings.WANVIDEO, **values}

    return set_to
