"""What is kept of a callback: the few fields that may matter, bounded in size."""

from __future__ import annotations

from typing import Any

from django_wanvideo.evolink import parsing
from django_wanvideo.evolink.types import task_id

#: Fields of EvoLink's task body that are read when callbacks are not verified.
KEPT = (
    "id",
    "status",
    "progress",
    "model",
    "created",
    "duration",
    "results",
    "result_data",
    "error",
    "usage",
    "task_info",
)


def kept_of(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return EvoLink's task id (empty when the body names none) and what is kept of the body."""
    if "id" not in body and isinstance(body.get("data"), dict):
        body = body["data"]
    kept = {name: parsing.scrub(body[name], depth=6, items=50) for name in KEPT if name in body}
    return task_id(body), kept
