"""What differs between the Django versions that are supported."""

from __future__ import annotations

from typing import Any

import django


def plural(text: Any) -> dict[str, Any]:
    """Return the plural wording of an action as arguments for ``@admin.action``, where Django knows it (6.1)."""
    return {"description_plural": text} if django.VERSION >= (6, 1) else {}
