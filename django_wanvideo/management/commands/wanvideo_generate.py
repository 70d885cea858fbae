"""``manage.py wanvideo_generate``: one video from the command line."""

from __future__ import annotations

import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import Error

from django_wanvideo import catalog
from django_wanvideo.choices import IN_FLIGHT_STATUSES, InputRole, TaskStatus
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import ApprovalRequired, BudgetExceeded, TransitionNotAllowed
from django_wanvideo.failures import advice_for, charge_words
from django_wanvideo.management import arguments
from django_wanvideo.management.waiting import ProgressLine, wait_for_task
from django_wanvideo.models import VideoTask
from django_wanvideo.models.creation import files
from django_wanvideo.services.installation import installation
from django_wanvideo.spending.money import money

if TYPE_CHECKING:
    from argparse import ArgumentParser

FAILED, STILL_GOING, WAITS, INTERRUPTED = 1, 3, 4, 130


class Command(BaseCommand):
    help = (
        "Makes one video: shows the price and asks, sends it through the site's workers, waits, and says where the "
        "file is. Exit codes: 0 it is stored (with --no-wait: queued), 1 it failed or was cancelled, 2 the input is "
        "wrong and nothing was sent, 3 it is still going when the time is up, 4 it waits until somebody has approved it, "
        "130 Ctrl-C (it goes on)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--image", metavar="FILE_OR_URL", help="the first frame")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--prompt", metavar="TEXT", help="what the video shows")
        what.add_argument("--follow", type=uuid.UUID, metavar="ID", help="make nothing; wait for a task that is there")
        parser.add_argument("--preset", metavar="NAME", help="the short name of a preset, for what is not given here")
        parser.add_argument("--model", help="its id in the catalogue (default: the setting DEFAULT_MODEL)")
        parser.add_argument(
            "--param",
            type=arguments.name_value,
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a parameter of the model, such as duration=5 or quality=1080p; repeatable",
        )
        parser.add_argument(
            "--input",
            type=arguments.name_value,
            action="append",
            default=[],
            metavar="ROLE=FILE_OR_URL",
            help=f"a further input: {', '.join(role.value for role in InputRole)}; repeatable",
        )
        parser.add_argument(
            "--fix-inputs",
            action="store_true",
            help="send a picture that does not fit smaller, as JPEG, and of a clip or a sound that is too long the "
            "beginning, instead of refusing it",
        )
        parser.add_argument("--owner", metavar="USERNAME", help="whose video it is")
        parser.add_argument("--output", type=Path, metavar="FILE", help="copy the stored video to this file too")
        parser.add_argument("--yes", action="store_true", help="do not ask before spending credits")
        parser.add_argument("--no-wait", action="store_true", help="queue it and return")
        parser.add_argument(
            "--timeout",
            type=arguments.number(sys.float_info.min, 7 * 86400, "seconds, more than 0 and at most a week"),
            default=1800.0,
            metavar="SECONDS",
            help="how long to wait (default: 1800)",
        )
        parser.add_argument(
            "--inline", action="store_true", help="do the work in this process, for sites without workers"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["prompt"] is None and options["follow"] is None and options["preset"] is None:
            raise CommandError("Give --prompt, --preset or --follow.", returncode=arguments.BAD_INPUT)
        self._check_output(options)
        if options["follow"] is not None:
            task_id = options["follow"]
            status = VideoTask.objects.filter(pk=task_id).values_list("status", flat=True).first()
            if status is None:
                raise CommandError(f"There is no task {task_id}.", returncode=arguments.BAD_INPUT)
            if status == TaskStatus.DRAFT:
                raise CommandError(f"Task {task_id} is a draft; submit it first.", returncode=arguments.BAD_INPUT)
        else:
            task_id = self._send(options).pk
            if options["no_wait"]:
                self.stdout.write(f"Queued. To wait for it: {self._follow_command(task_id)}")
                return
        self._end(self._wait(task_id, options), options)

    def _check_output(self, options: dict[str, Any]) -> None:
        target: Path | None = options["output"]
        problem = ""
        if target is None:
            return
        if options["no_wait"]:
            problem = "--output needs the finished video; leave --no-wait out."
        elif target.exists():
            problem = f"{target} exists already; name another file."
        elif not target.absolute().parent.is_dir():
            problem = f"There is no folder {target.absolute().parent}."
        if problem:
            raise CommandError(problem, returncode=arguments.BAD_INPUT)

    def _send(self, options: dict[str, Any]) -> VideoTask:
        if not options["yes"] and not sys.stdin.isatty():
            words = "This spends credits and nobody can be asked here. Add --yes if that is what you want."
            raise CommandError(words, returncode=arguments.BAD_INPUT)
        try:
            installation.check_not_foreign()
        except TransitionNotAllowed as error:
            raise CommandError(str(error), returncode=arguments.BAD_INPUT) from error
        owner = arguments.owner(options["owner"])
        task = arguments.create_task_from_options(options, owner)
        self.stdout.write(self._price(task))
        if not options["yes"] and not arguments.confirmed("Send it?"):
            # Only made to be checked and priced; nobody else has seen it.
            task.delete()
            raise CommandError("Nothing was sent.", returncode=arguments.BAD_INPUT)
        try:
            task.submit(by=owner)
        except BudgetExceeded as error:
            task.delete()
            raise CommandError(str(error), returncode=arguments.BAD_INPUT) from error
        except ApprovalRequired as error:
            raise CommandError(f"Task {task.pk}\n{error}", returncode=WAITS) from error
        self.stdout.write(f"Task {task.pk}")
        return task

    def _price(self, task: VideoTask) -> str:
        price = catalog.get(task.model).price
        amount = task.credits_estimated
        if amount is None:
            return "There is no price for this model here; EvoLink's bill is what counts."
        worth, currency = money(amount)
        return (
            f"{catalog.get(task.model).label}: about {amount.normalize():f} credits "
            f"({worth:.2f} {currency}, prices of {price.as_of:%Y-%m-%d}); EvoLink's bill is what counts."
        )

    def _wait(self, task_id: uuid.UUID, options: dict[str, Any]) -> VideoTask:
        progress = ProgressLine(self.stdout)
        try:
            return wait_for_task(task_id, progress, timeout=options["timeout"], inline=options["inline"])
        except VideoTask.DoesNotExist:
            raise CommandError(f"Task {task_id} has been deleted.", returncode=FAILED) from None
        except TimeoutError:
            progress.close()
            self.stderr.write(self.style.WARNING("The database did not answer until the time was up."))
            self._goes_on(task_id, options, STILL_GOING)
        except KeyboardInterrupt:
            progress.close()
            self._goes_on(task_id, options, INTERRUPTED)
        finally:
            progress.close()

    def _end(self, task: VideoTask, options: dict[str, Any]) -> None:
        if not task.is_finished:
            self.stderr.write(self.style.WARNING(f"Still {task.status} after {options['timeout']:g} seconds."))
            if task.status == TaskStatus.UNCONFIRMED:
                self.stderr.write("If no callback settles it, a person decides in the admin what became of it.")
            self._goes_on(task.pk, options, STILL_GOING)
        verdict = charge_words(task)
        if task.status == TaskStatus.COMPLETED:
            self._say_where(task)
            self.stdout.write(str(verdict.verdict))
            if options["output"] is not None:
                self._copy(task, options["output"])
            return
        told = advice_for(task.error_code)
        if task.status == TaskStatus.CANCELLED and not task.error_code:
            self.stderr.write(self.style.ERROR("Cancelled before it was sent."))
        else:
            said = f" ({task.error_code}: {task.error_message})" if task.error_message else f" ({task.error_code})"
            self.stderr.write(self.style.ERROR(f"{told.heading}{said}"))
            self.stderr.write(f"{told.explanation} {told.whose_move}")
        self.stderr.write(f"{verdict.verdict} {verdict.sentence}".strip())
        sys.exit(FAILED)

    def _say_where(self, task: VideoTask) -> None:
        try:
            where = task.video.path
        except Exception:
            # Only files on this machine have a path, and each storage says so in its own way.
            where = f"{task.video.name} (storage {conf.STORAGE!r})"
        self.stdout.write(self.style.SUCCESS(f"Stored: {where}"))
        self.stdout.write(f"{task.video_size} bytes, sha256 {task.video_sha256}")

    def _copy(self, task: VideoTask, target: Path) -> None:
        partial = target.with_name(f"{target.name}.part")
        try:
            with task.video.open("rb") as stored, partial.open("wb") as copy:
                shutil.copyfileobj(stored, copy, 64 * 1024)
            partial.replace(target)
        except Exception as error:
            # The storage's own errors are no OSError.
            partial.unlink(missing_ok=True)
            reason = (isinstance(error, OSError) and error.strerror) or files.brief(error)
            self.stderr.write(self.style.ERROR(f"It is stored, but could not be copied to {target}: {reason}"))
            sys.exit(FAILED)
        self.stdout.write(f"Copied: {target}")

    def _goes_on(self, task_id: uuid.UUID, options: dict[str, Any], code: int) -> NoReturn:
        inline = " as soon as a worker or a sweep takes it up" if options["inline"] else ""
        self.stderr.write(f"Task {task_id} goes on{inline}{self._what_stops_it(task_id)}")
        self.stderr.write(f"To wait for it: {self._follow_command(task_id)}")
        sys.exit(code)

    def _what_stops_it(self, task_id: uuid.UUID) -> str:
        """Say whether it can still be stopped, which only what was not sent can."""
        try:
            status = VideoTask.objects.filter(pk=task_id).values_list("status", flat=True).first()
        except Error:
            return "; EvoLink cannot stop what it has accepted, if it was sent."
        if status == TaskStatus.QUEUED:
            return "; nothing has been sent yet, so it can still be cancelled: in the admin, or with task.cancel()."
        return "; EvoLink cannot stop what it has accepted." if status in IN_FLIGHT_STATUSES else "."

    def _follow_command(self, task_id: uuid.UUID) -> str:
        return f"python manage.py wanvideo_generate --follow {task_id}"
