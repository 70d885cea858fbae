"""The soaked site's own app: hears every signal and writes it down."""

from __future__ import annotations

from django.apps import AppConfig


class WatchConfig(AppConfig):
    """Keeps what it hears in a file, which no restored database takes back."""

    name = "benchmarks.soak.watch"
    label = "soak_watch"

    def ready(self) -> None:
        """Listen, and make this process's waits short and its commits break."""
        from benchmarks.soak.haste import hasten
        from benchmarks.soak.seams import break_commits
        from benchmarks.soak.watch.receivers import listen

        hasten()
        break_commits()
        listen()
