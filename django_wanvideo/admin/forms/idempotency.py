"""The key that a page carries: what is sent again from the same page is the same wish, and makes nothing twice."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The hidden field.
FIELD = "idempotency_key"
_ANOTHER = "another-"
#: Buttons whose value may be the key under which another one is made.
_BUTTONS = ("_generate", "_save", "_another")


def new() -> str:
    """Return the key for a page."""
    return f"form-{secrets.token_hex(16)}"


def another(than: Any, wanted: Any) -> str:
    """Return the key for one more task beside ``than`` (an id): the same each time for the same ``wanted``."""
    return _ANOTHER + hashlib.sha256(f"{than}:{wanted}".encode()).hexdigest()[:40]


def is_another(data: Mapping[str, Any]) -> bool:
    """Tell whether the person has seen what is there already, and wants another one."""
    return posted(data).startswith(_ANOTHER)


def posted(data: Mapping[str, Any]) -> str:
    """Return the key that came with a request, the pressed button's first; an empty text when there is none."""
    pressed = [str(data.get(name) or "") for name in _BUTTONS]
    return next((key for key in pressed if key.startswith(_ANOTHER)), str(data.get(FIELD) or ""))


def part(key: str, number: int) -> str:
    """Return the key of one of several tasks that a page makes together."""
    return f"{hashlib.sha256(key.encode()).hexdigest()[:40]}-{number}"
