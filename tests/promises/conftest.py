"""Fixtures of the road from wish to video."""

from __future__ import annotations

from tests.promises.fixtures import evo, open_road, road, wide_road

__all__ = ["evo", "open_road", "road", "wide_road"]
