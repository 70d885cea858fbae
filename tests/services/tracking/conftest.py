"""The site's clock, for tests in which time passes."""

from __future__ import annotations

import pytest

from tests.services.tracking.helpers import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The site's clock."""
    return Clock(monkeypatch)
