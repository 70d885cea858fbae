"""Several videos of one wish: they are made together, and one of them is picked."""

from __future__ import annotations

from django_wanvideo.takes.groups import group, hold, make, takes_of
from django_wanvideo.takes.picking import pick, unpick

__all__ = ["group", "hold", "make", "pick", "takes_of", "unpick"]
