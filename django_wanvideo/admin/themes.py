"""Which admin the pages stand in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib import admin
from django.template.loader import get_template


def is_stock() -> bool:
    """Tell whether the pages stand in Django's own admin rather than in a theme with parts of its own."""
    template: Any = get_template("admin/base.html")
    return Path(admin.__file__).parent in Path(template.origin.name).parents
