"""``manage.py wanvideo_sweep``: make every stage converge, once or in a loop."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections
from django.utils import timezone

from django_wanvideo import jobs, queue
from django_wanvideo.management import arguments, waiting
from django_wanvideo.services.sweep import FULL_EVERY, SweepResult, sweep

if TYPE_CHECKING:
    from argparse import ArgumentParser

logger = logging.getLogger(__name__)


def _do_here(job: str, *ids: str) -> bool:
    """Do a job in this process; one that fails keeps no other from being done, and its rows come up again later."""
    try:
        return jobs.run_here(job, *ids)
    except Error:
        raise
    except Exception:
        logger.exception("The job %s of %s failed.", job, ", ".join(ids) or "all that are due")
        return True


class Command(BaseCommand):
    help = (
        "Finds every task, callback and signal that is due and hands it to the RQ workers. Needs no RQ scheduler; "
        "run it from cron, or with --loop as a service. Safe to run in several places at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--loop",
            type=arguments.number(0.1, 86400, "seconds from 0.1 to 86400"),
            metavar="SECONDS",
            help="go on for ever, this long apart",
        )
        parser.add_argument("--inline", action="store_true", help="do the work in this process instead of through RQ")

    def handle(self, *args: Any, **options: Any) -> None:
        dispatch = _do_here if options["inline"] else queue.enqueue
        if options["loop"] is None:
            self._say(sweep(dispatch), options["verbosity"], always=True)
            return
        full_at = 0.0
        with waiting.until_told() as stop:
            while not stop.is_set():
                close_old_connections()
                if is_full := time.monotonic() >= full_at:
                    full_at = time.monotonic() + FULL_EVERY
                try:
                    self._say(sweep(dispatch, is_full=is_full), options["verbosity"])
                except Error:
                    # The database may be restarting; a service must outlive that.
                    logger.exception("The database did not answer; the sweep goes on in %s s.", options["loop"])
                stop.wait(options["loop"])

    def _say(self, swept: SweepResult, verbosity: int, *, always: bool = False) -> None:
        if not swept.queue_reachable:
            self.stderr.write(self.style.WARNING("Redis did not answer: due work stays due until it does."))
        if always or swept.counts or verbosity > 1:
            self.stdout.write(f"{timezone.localtime():%H:%M:%S} {swept}")
