"""``manage.py wanvideo_resume``: go on sending after ``wanvideo_pause``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from django_wanvideo.health import holds
from django_wanvideo.services.holds import pause


class Command(BaseCommand):
    help = (
        "Ends a person's pause. Where EvoLink's account or lost answers hold sending back, one task is sent to see "
        "whether that is over; the hold itself ends when it is."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        pause.resume()
        reports = holds.reports()
        if not reports:
            self.stdout.write("Sending goes on.")
        for report in reports:
            self.stdout.write(f"{report.heading} {report.text}")
        if reports:
            self.stdout.write("One task is tried now; the rest waits.")
