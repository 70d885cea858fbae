"""``manage.py wanvideo_adopt``: take a copied or restored database over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from django_wanvideo.management import arguments
from django_wanvideo.services import adoption
from django_wanvideo.services.installation import installation

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from decimal import Decimal

    from django_wanvideo.models import VideoTask
    from django_wanvideo.services.adoption import Plan

#: So many tasks of each kind are listed.
MOST_LISTED = 50


class Command(BaseCommand):
    help = (
        "Lets this installation work on a database that was copied from another one, or that has gone back to a backup. "
        "Looks each queued task up at EvoLink first, which is free, and lists what would be sent and at what price. "
        "Stop the workers before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--hold", action="store_true", help="turn queued tasks into drafts, so that nothing is sent"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask before something is sent")

    def handle(self, *args: Any, **options: Any) -> None:
        hold = options["hold"]
        plan = adoption.plan()
        self._show(plan, hold=hold)
        if plan.not_looked_up and not hold:
            raise CommandError(
                f"EvoLink could not be asked what it has: {plan.not_looked_up}. Nothing was changed. Try again, or add "
                "--hold: queued tasks become drafts and nothing is sent."
            )
        if plan.unsent and not hold and not options["yes"] and not arguments.confirmed("Take it over and send them?"):
            raise CommandError(
                "Nothing was changed. Add --yes to send them, or --hold to make them drafts.",
                returncode=arguments.BAD_INPUT,
            )
        adoption.carry_out(plan, hold=hold)
        row = installation.current()
        self.stdout.write(self.style.SUCCESS(f"Done. This database belongs to {row.name or row.host or 'this site'}."))

    def _show(self, plan: Plan, *, hold: bool) -> None:
        row = plan.guard.row
        if plan.is_copy:
            self.stdout.write(f"This database belongs to {row.name or row.host}.")
        if row.rolled_back_at is not None:
            self.stdout.write(
                f"This database has gone back: it knows of {row.claims} claims, and there were {row.claims_elsewhere}."
            )
        if not plan.is_copy and row.rolled_back_at is None:
            self.stdout.write("Nothing is held: this database is this installation's own.")
        if plan.doubtful and not plan.not_looked_up:
            self.stdout.write(
                f"May have been sent already, {len(plan.doubtful)}: EvoLink has videos from then that no task here knows. "
                + ("They become drafts." if hold else "They become unconfirmed, and a person decides.")
            )
            self._list([task for task, _number in plan.doubtful])
        if hold:
            waiting = len(plan.unsent) + (len(plan.doubtful) if plan.not_looked_up else 0)
            self.stdout.write(f"Queued, would become drafts: {waiting}.")
        elif not plan.not_looked_up:
            self.stdout.write(f"Would be sent: {len(plan.unsent)}, about {_amount(plan.credits)} credits.")
            self._list(plan.unsent)
        self.stdout.write(
            f"At EvoLink, would be followed: {plan.followed}. Would be copied: {plan.storing}. "
            f"Signals that would be delivered: {plan.untold}."
        )

    def _list(self, tasks: list[VideoTask]) -> None:
        for task in tasks[:MOST_LISTED]:
            queued = timezone.localtime(task.queued_at or task.created_at)
            price = _amount(task.credits_estimated) if task.credits_estimated is not None else "?"
            self.stdout.write(f"  {task.pk}  {queued:%Y-%m-%d %H:%M}  {price:>8}  {task}")
        if len(tasks) > MOST_LISTED:
            self.stdout.write(f"  and {len(tasks) - MOST_LISTED} more")


def _amount(number: Decimal) -> str:
    return f"{number.normalize():f}"
