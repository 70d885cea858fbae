"""Fixtures of the road from wish to video."""

from __future__ import annotations

import pytest

from tests.promises.fixtures import evo, open_road, road, wide_road
from tests.services.tracking.looks import Clock

__all__ = ["evo", "open_road", "road", "wide_road"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The site's clock."""
    return Clock(monkeypatch)
