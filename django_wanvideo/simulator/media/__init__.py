"""Pictures and videos: kept, checked, drawn."""

from __future__ import annotations
