"""What is kept of a callback: the few fields that may matter, bounded in size."""

from __future__ import annotations

from typing import Any

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
_DEEPEST = 6
_LONGEST_TEXT = 4096
_MOST_ITEMS = 50


def kept_of(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return EvoLink's task id (empty when the body names none) and what is kept of the body."""
    if "id" not in body and isinstance(body.get("data"), dict):
        body = body["data"]
    kept = {name: _bounded(body[name]) for name in KEPT if name in body}
    return task_id(body), kept


def _bounded(value: Any, depth: int = 0) -> Any:
    """Cut what no answer of EvoLink's holds, and characters that databases refuse."""
    if isinstance(value, str):
        text = value[:_LONGEST_TEXT].replace("\x00", "")
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, float):
        return value if value == value and abs(value) < 1e15 else None
    if depth >= _DEEPEST:
        return None
    if isinstance(value, dict):
        items = list(value.items())[:_MOST_ITEMS]
        return {_bounded(str(name), depth): _bounded(item, depth + 1) for name, item in items}
    if isinstance(value, list):
        return [_bounded(item, depth + 1) for item in value[:_MOST_ITEMS]]
    return None
