"""``manage.py wanvideo_prune``: delete what is old and done with."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error
from django.utils import timezone

from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import ledger
from django_wanvideo.services import retention
from django_wanvideo.services.storing import orphans

#: What ``--finished`` may name; completed tasks have a flag of their own, because they hold the videos.
_ENDS = (TaskStatus.CANCELLED.value, TaskStatus.DRAFT.value, TaskStatus.FAILED.value)
#: Files that are named before they are only counted.
_NAMED = 50


def _whole(text: str, most: int, what: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"give {what} from 1 to {most}, not {text!r}")
    return int(text)


def days(text: str) -> dt.timedelta:
    return dt.timedelta(days=_whole(text, 36500, "whole days"))


def statuses(text: str) -> frozenset[str]:
    given = frozenset(word.strip().lower() for word in text.split(",") if word.strip())
    wrong = given - set(_ENDS)
    if TaskStatus.COMPLETED in wrong:
        raise argparse.ArgumentTypeError("completed tasks hold the videos; to delete them too, say --completed")
    if wrong or not given:
        raise argparse.ArgumentTypeError(f"give some of {', '.join(_ENDS)}, with commas between, not {text!r}")
    return given


class Command(BaseCommand):
    help = (
        "Deletes callbacks that have been read and, only where asked for, old progress lines and old tasks with their "
        "files. Never deletes a task that is on its way, an event whose signal is still to be delivered, or a failed "
        "task whose video can still be fetched, or what the ledger of credits says. With --orphans lists files that no row "
        "refers to. Safe to run while the site works."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--older-than", type=days, metavar="DAYS", help="what is younger stays")
        parser.add_argument(
            "--receipts-older-than", type=days, metavar="DAYS", help="for callbacks instead of --older-than"
        )
        parser.add_argument(
            "--events", action="store_true", help="delete lines of progress and waiting of tasks that have ended"
        )
        parser.add_argument(
            "--finished",
            type=statuses,
            default=frozenset(),
            metavar="STATUS,...",
            help=f"delete tasks with these statuses, with their files: {', '.join(_ENDS)}",
        )
        parser.add_argument("--completed", action="store_true", help="delete completed tasks too, with their videos")
        parser.add_argument(
            "--forget-user",
            metavar="USERNAME",
            help="blank this person's name in the ledger of credits, also of a deleted account; what was spent stays",
        )
        parser.add_argument(
            "--orphans",
            action="store_true",
            help="list files in the storage that no row refers to, at least two days old; deletes none by itself",
        )
        parser.add_argument("--delete", action="store_true", help="with --orphans: delete these files")
        parser.add_argument("--dry-run", action="store_true", help="delete nothing, say what would be")
        parser.add_argument(
            "--batch",
            type=lambda text: _whole(text, 5000, "a number of rows"),
            default=retention.DEFAULT_BATCH,
            metavar="ROWS",
            help="rows looked at in one go (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["delete"] and not options["orphans"]:
            raise CommandError("--delete belongs to --orphans; everything else is deleted without it.")
        if options["forget_user"]:
            count = ledger.forget_user(options["forget_user"], dry_run=options["dry_run"])
            verb = "Would blank" if options["dry_run"] else "Blanked"
            self.stdout.write(f"{verb} the name in {count} entries of the ledger.")
        if options["older_than"] is not None:
            self._rows(**options)
        elif not (options["orphans"] or options["forget_user"]):
            raise CommandError("Say what is old: --older-than DAYS.")
        if options["orphans"]:
            self._orphans(options["older_than"] or dt.timedelta(0), delete=options["delete"] and not options["dry_run"])

    def _rows(self, **options: Any) -> None:
        now = timezone.now()
        before = now - options["older_than"]
        how = {"batch": options["batch"], "dry_run": options["dry_run"]}
        receipts = retention.prune_receipts(now - (options["receipts_older_than"] or options["older_than"]), **how)
        verb = "Would delete" if options["dry_run"] else "Deleted"
        self.stdout.write(f"{verb} {receipts} read callbacks.")
        if keys := retention.prune_deleted(**how):
            self.stdout.write(f"{verb} {keys} keys of tasks that were deleted more than 30 days ago.")
        if approvals := retention.prune_approvals(before, **how):
            self.stdout.write(f"{verb} {approvals} approvals that nothing waits for.")
        if options["events"]:
            self.stdout.write(f"{verb} {retention.prune_events(before, **how)} lines of progress and waiting.")
        ends = options["finished"] | ({TaskStatus.COMPLETED.value} if options["completed"] else set())
        if not ends:
            return
        pruned = retention.prune_tasks(before, ends, **how)
        for status in sorted(ends):
            self.stdout.write(f"{verb} {pruned.tasks.get(status, 0)} {status} tasks.")
        if pruned.kept:
            self.stdout.write(self.style.WARNING(f"Kept {pruned.kept} tasks that something else still refers to."))

    def _orphans(self, age: dt.timedelta, *, delete: bool) -> None:
        try:
            found = orphans.find(timezone.now() - age)
            if delete:
                orphans.delete(found)
        except orphans.NotListed as error:
            raise CommandError(
                f"The storage does not list its files ({error}), so nobody can say which of them have no row. Allow "
                "listing, or compare the store's own list with the columns video, file and thumbnail."
            ) from error
        except Error as error:
            raise CommandError(
                f"A table with files could not be asked ({type(error).__name__}); files may have been left. "
                "Run: python manage.py migrate"
            ) from error
        for name in found.names[:_NAMED]:
            self.stdout.write(f"  {name}")
        if len(found.names) > _NAMED:
            self.stdout.write(f"  … and {len(found.names) - _NAMED} more")
        if delete:
            self.stdout.write(f"Deleted {found.deleted} files that no row refers to.")
        else:
            hint = " Add --delete to delete them." if found.names else ""
            self.stdout.write(f"Would delete {len(found.names)} files that no row refers to.{hint}")
        if found.young:
            self.stdout.write(f"Left {found.young} that are younger; they may be on their way.")
        if found.ageless:
            self.stdout.write(self.style.WARNING(f"Left {found.ageless} whose age the storage does not tell."))
