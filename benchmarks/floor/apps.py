"""The app that holds the table of the bare view."""

from __future__ import annotations

from django.apps import AppConfig


class FloorConfig(AppConfig):
    """Has no migrations; its table is made directly."""

    name = "benchmarks.floor"
    label = "benchmarks_floor"
