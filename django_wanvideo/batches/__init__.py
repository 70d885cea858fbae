"""Many tasks from one plan: rows that are checked first, made in chunks, sent and followed as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django_wanvideo.batches.planning import Plan, plan

__all__ = ["Plan", "plan"]


def __getattr__(name: str) -> Any:
    # Rows cannot be imported before Django has loaded the models, but this room may be.
    if name in __all__:
        from django_wanvideo.batches import planning

        return getattr(planning, name)
    raise AttributeError(name)
