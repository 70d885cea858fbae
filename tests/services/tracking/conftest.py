"""Fixtures of the road from wish to video."""

from __future__ import annotations

import pytest

from tests.services.tracking.helpers import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The site's clock."""
    return Clock(monkeypatch)
