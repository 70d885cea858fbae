"""A backup that is restored in the middle of the run, beside a Redis and a storage that have gone on."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING

from benchmarks.soak.site import forget_connections

if TYPE_CHECKING:
    from benchmarks.soak.site import Site

#: Seconds in which the site must notice that its database has gone back; its processes have to start first.
NOTICE = 60.0


class Restoring:
    """What was backed up and restored, and what only the lost rows knew."""

    def __init__(self, site: Site) -> None:
        #: How many times the database has been restored.
        self.age = 0
        self.unnoticed = 0
        #: Ids of what EvoLink accepted between a backup and the end of its restoring.
        self.between: set[str] = set()
        self._site = site
        self._file = site.folder / "backup.sql"
        self._known: set[str] = set()
        self._hold = False

    def back_up(self, *, hold: bool) -> None:
        """Back the app's rows up. ``hold``: whoever takes the restored database over wants nothing sent."""
        self._known = self._accepted()
        self._hold = hold
        self._site.database.back_up(self._file)

    def restore(self) -> None:
        """Kill all that works, put the rows back, and let everything start again."""
        from django_wanvideo.services.installation import claim_counter, installation

        for service in self._site.services.values():
            service.strike("both")
        self._site.database.restore(self._file)
        forget_connections()
        self.age += 1
        row = installation.current()
        # What is noted nowhere outside cannot be noticed: the documentation says so.
        forgotten = (claim_counter.highest(row.database_id) or 0) > row.claims
        deadline = time.monotonic() + NOTICE
        while forgotten and not installation.look().is_rolled_back:
            self._site.keep_alive()
            if time.monotonic() > deadline:
                self.unnoticed += 1
                return
            time.sleep(0.1)

    def adopt(self) -> None:
        """Stop what works, as the documentation says, and take the database over; EvoLink may have to be asked again."""
        from django.core.management import CommandError, call_command

        for name in ("worker-1", "worker-2", "sweep"):
            self._site.services[name].strike("both")
        deadline = time.monotonic() + NOTICE
        while True:
            try:
                call_command("wanvideo_adopt", "--hold" if self._hold else "--yes", stdout=io.StringIO())
            except CommandError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
            else:
                break
        self.between |= self._accepted() - self._known

    def _accepted(self) -> set[str]:
        return {entry["task_id"] for entry in self._site.remote.ledger()}
