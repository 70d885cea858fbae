"""The soaked site's own app: hears every signal and writes it down."""

from __future__ import annotations

from django.apps import AppConfig


class WatchConfig(AppConfig):
    """Has no migrations; its table is made directly."""

    name = "benchmarks.soak.watch"
    label = "soak_watch"

    def ready(self) -> None:
        """Listen, and make this process's waits short."""
        from benchmarks.soak.haste import hasten
        from benchmarks.soak.watch.receivers import listen

        hasten()
        listen()
