"""Films in parts: each part begins where the one before it ends, and can be remade by itself."""

from __future__ import annotations

from django_wanvideo.chains.continuing import can_continue, continue_with, get_or_continue
from django_wanvideo.chains.films import digest_of, films_of, join, remake, shown, why_not
from django_wanvideo.chains.parts import Part, parts_of

__all__ = [
    "Part",
    "can_continue",
    "continue_with",
    "digest_of",
    "films_of",
    "get_or_continue",
    "join",
    "parts_of",
    "remake",
    "shown",
    "why_not",
]
