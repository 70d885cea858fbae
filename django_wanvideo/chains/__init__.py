"""Films in parts: each part begins where the one before it ends, and can be remade by itself."""

from __future__ import annotations

from django_wanvideo.chains.continuing import can_continue, continue_with, get_or_continue

__all__ = ["can_continue", "continue_with", "get_or_continue"]
