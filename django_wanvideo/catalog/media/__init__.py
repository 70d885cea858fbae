"""What clips, sounds and documents are, as far as their headers say, and whether a model takes them."""

from __future__ import annotations

from django_wanvideo.catalog.media.cutting import can_cut, cut
from django_wanvideo.catalog.media.limits import Unchecked, check
from django_wanvideo.catalog.media.measuring import measure

__all__ = ["Unchecked", "can_cut", "check", "cut", "measure"]
