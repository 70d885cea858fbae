"""``manage.py wanvideo_batch``: a video for each row of a table."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from django_wanvideo import batches
from django_wanvideo.batches import making, operations, tables
from django_wanvideo.choices import BatchOperation, BatchState
from django_wanvideo.exceptions import ApprovalRequired, TransitionNotAllowed
from django_wanvideo.management import arguments
from django_wanvideo.management.waiting import ProgressLine
from django_wanvideo.models import Batch, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.models.batches import placeholders
from django_wanvideo.services.installation import installation

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from django.contrib.auth.models import AbstractBaseUser

    from django_wanvideo.batches import Plan
    from django_wanvideo.batches.given import GivenRow

BAD_ROWS = 1
#: The exit code where what was made waits until somebody has approved it.
WAITS = 4
#: Problems that are printed; ``--json`` has more.
SHOWN = 20
#: Rows between two looks at the progress.
STEP = 10


@dataclass(frozen=True)
class WatchedRows(tables.Rows):
    """The rows of a table; how far each reading is, is shown."""

    progress: ProgressLine
    readings: Iterator[str]

    def __iter__(self) -> Iterator[GivenRow]:
        words = next(self.readings, "reading rows")
        for done, row in enumerate(super().__iter__()):
            if done % STEP == 0:
                self.progress.show(100 * done // len(self), words)
            yield row
        self.progress.show(100, words)


class Command(BaseCommand):
    """Check a table of videos, make drafts of its rows, or send them."""

    help = (
        "Makes a video for each row of a table (CSV or .xlsx): checks all rows first, and makes each once, however often "
        "it is run. Rows that were made before are known by what they ask for and left out. Exit codes: 0 done, 1 rows "
        "have problems, 2 it could not be done, 4 it waits until somebody has approved it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", type=Path, metavar="TABLE", help="the file; names of columns in its first row")
        parser.add_argument("--media", type=Path, metavar="DIR", help="where the pictures are that the table names")
        parser.add_argument("--name", help="of the batch (default: the file's name and the date)")
        parser.add_argument("--owner", metavar="USERNAME", help="whose videos they are")
        parser.add_argument("--preset", metavar="NAME", help="short name of a preset: the owner's own, or one for all")
        parser.add_argument(
            "--prompt", default="", metavar="TEXT", help="for rows that have none; {name} stands for a column"
        )
        parser.add_argument(
            "--max-credits",
            type=arguments.number(0, 1e9, "credits, 0 or more"),
            metavar="N",
            help="make and send nothing where all together would cost more",
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="only say what is wrong and what it would cost")
        what.add_argument("--drafts", action="store_true", help="make drafts; nothing is sent or charged")
        what.add_argument("--submit", action="store_true", help="make them and send them; this spends credits")
        parser.add_argument(
            "--skip-problems", action="store_true", help="leave rows with problems out instead of refusing them all"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        owner = arguments.owner(options["owner"])
        progress = ProgressLine(self.stdout)
        try:
            report = self._run(options, owner, progress)
        except ValidationError as error:
            progress.close()
            raise CommandError("\n".join(error.messages), returncode=arguments.BAD_INPUT) from None
        except ApprovalRequired as error:
            progress.close()
            raise CommandError(str(error), returncode=WAITS) from None
        except (TransitionNotAllowed, PermissionDenied) as error:
            progress.close()
            raise CommandError(str(error), returncode=arguments.BAD_INPUT) from None
        except KeyboardInterrupt:
            progress.close()
            message = "Stopped. Run it again to go on; nothing is made twice."
            raise CommandError(message, returncode=arguments.BAD_INPUT) from None
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
        if report["bad"]:
            sys.exit(BAD_ROWS)

    def _run(self, options: dict[str, Any], owner: AbstractBaseUser | None, progress: ProgressLine) -> dict[str, Any]:
        if options["media"] is not None and not options["media"].is_dir():
            raise CommandError(f"There is no folder {options['media']}.", returncode=arguments.BAD_INPUT)
        if options["submit"]:
            people.check_permission(owner, operations.MAY_SPEND, _("You may not spend credits."))
            installation.check_not_foreign()
        table = tables.read(options["table"], asked=placeholders.names(options["prompt"]))
        same = Batch.objects.filter(source_sha256=table.sha256, owner_id=owner.pk if owner is not None else None)
        if options["name"]:
            same = same.filter(name=options["name"])
        if not options["check"]:
            # Of a run that was interrupted: what it makes is not planned once more.
            for batch in same.filter(state=BatchState.CREATING).exclude(operation=BatchOperation.CANCEL):
                making.make_all(batch)
        shown = self.stdout.isatty() and not options["json"]
        rows = WatchedRows(table, progress, iter(["checking", "storing"])) if shown else table.rows
        plan = batches.plan(
            rows,
            name=options["name"] or f"{table.name} {timezone.localdate():%Y-%m-%d}",
            owner=owner,
            preset=options["preset"],
            prompt=options["prompt"],
            media=options["media"],
        )
        progress.close()
        made, sent = self._make(plan, list(same), options, owner, progress)
        report = {
            "rows": plan.count,
            "good": plan.good,
            "bad": plan.bad,
            "made_before": len(plan.repeats),
            "credits_estimated": str(plan.credits_estimated),
            "warnings": plan.warnings,
            "problems": [problem._asdict() for problem in plan.problems],
            "batch": str(made.pk) if made is not None else None,
            "drafts": made.tasks.count() if made is not None else 0,
            "submitted": [str(batch.pk) for batch in sent],
        }
        if not options["json"]:
            self._print(plan, made, sent)
        return report

    def _make(
        self,
        plan: Plan,
        same: list[Batch],
        options: dict[str, Any],
        owner: AbstractBaseUser | None,
        progress: ProgressLine,
    ) -> tuple[Batch | None, list[Batch]]:
        """Make what is new, and send it with what an earlier run has made and not sent; return both."""
        if options["check"] or (plan.bad and not options["skip_problems"]):
            return None, []
        waiting = [batch for batch in same if _is_unsent(batch, plan)] if options["submit"] else []
        drafts = VideoTask.objects.filter(batch__in=waiting).aggregate(credits=Sum("credits_estimated"))
        price = plan.credits_of_new + (drafts["credits"] or 0)
        most = options["max_credits"]
        if most is not None and price > Decimal(str(most)):
            raise CommandError(
                f"This would cost about {price.normalize():f} credits, more than {most:g}. Nothing was made.",
                returncode=arguments.BAD_INPUT,
            )
        made = None
        if plan.good > len(plan.repeats):
            made = plan.create(by=owner, skip_problems=options["skip_problems"])
            progress.close()
        sent = [*waiting, *([made] if made is not None else [])] if options["submit"] else []
        # What one run of the command sends is one submission, from however many runs its rows are.
        operations.ask_together(sent, by=owner)
        for batch in sent:
            batch.submit(by=owner)
        return made, sent

    def _print(self, plan: Plan, made: Batch | None, sent: list[Batch]) -> None:
        for warning in plan.warnings:
            self.stdout.write(self.style.WARNING(warning))
        for problem in plan.problems[:SHOWN]:
            where = f"row {problem.row}, {problem.field}" if problem.field else f"row {problem.row}"
            self.stdout.write(self.style.ERROR(f"{where}: {problem.message}"))
        if plan.problem_count > SHOWN:
            self.stdout.write(f"… and {plan.problem_count - SHOWN} more problems")
        self.stdout.write(
            f"{plan.count} rows: {plan.good} can be made, {plan.bad} cannot, {len(plan.repeats)} were made before. "
            f"Those that are new cost about {plan.credits_of_new.normalize():f} credits; EvoLink's bill is what counts."
        )
        if made is not None:
            self.stdout.write(f"{made.tasks.count()} drafts made: batch {made.pk}")
        for batch in sent:
            self.stdout.write(f"Handed to the workers: batch {batch.pk}, {batch.name}")


def _is_unsent(batch: Batch, plan: Plan) -> bool:
    """Tell whether a batch was made, never sent, and is nothing but what the table asks for now."""
    batch.refresh_from_db()
    if batch.state != BatchState.READY or batch.operation or batch.cancelled_at is not None:
        return False
    contents = set(batch.tasks.values_list("content_sha256", flat=True))
    return bool(contents) and contents <= plan.contents
