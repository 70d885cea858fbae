"""System checks: what is missing or malformed in the settings is said before it costs anything."""

from __future__ import annotations

from django.core.checks import Tags, register

from django_wanvideo.checks.settings import check_settings, check_sqlite

__all__ = ["check_settings", "check_sqlite", "register_all"]


def register_all() -> None:
    """Bind the checks; called once when Django is ready."""
    register(check_settings)
    register(check_sqlite, Tags.compatibility)
