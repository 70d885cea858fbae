"""`manage.py evolink_simulator`: EvoLink on this machine."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.management.base import BaseCommand, CommandError

from django_wanvideo.management.waiting import until_told
from django_wanvideo.simulator import DEFAULT_API_KEY, Fault, Progression, Simulator
from django_wanvideo.simulator.provider.faults import check_name

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from django_wanvideo.simulator import JournalEntry

T = TypeVar("T")

#: Faults that `--random-faults` makes when it is given no list, each with this chance.
RANDOM_FAULTS = (
    "create:accept_then_close",
    "create:accept_then_502",
    "create:accept_then_garbage",
    "create:no_available_channel",
    "create:429",
    "get:500",
    "get:429",
    "result:truncated",
    "result:503",
    "callback:lost",
    "callback:duplicate",
)


def told(parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return ``parse`` as a type of an argument that says itself what is wrong."""

    def read(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None

    return read


def chances(text: str) -> dict[str, float]:
    """`--random-faults`: `0.05`, or `create:reset=0.1,get:429=0.05`."""
    try:
        if "=" not in text:
            return dict.fromkeys(RANDOM_FAULTS, float(text))
        pairs = [pair.partition("=") for pair in text.split(",")]
        found = {name.strip(): float(value) for name, _, value in pairs}
        for name in found:
            point, _, word = name.rpartition(":")
            check_name(point or "create", word)
    except ValueError as error:
        raise ArgumentTypeError(f"{error} Write a chance such as 0.05, or create:reset=0.1,get:429=0.05.") from None
    return found


class Command(BaseCommand):
    help = "Run an EvoLink on this machine: real HTTP, real MP4 files, nothing is charged. Ctrl-C stops it."
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, default=8899, help="TCP port, 0 for any (default: %(default)s)")
        parser.add_argument("--api-key", default=DEFAULT_API_KEY, help="the key it knows (default: %(default)s)")
        parser.add_argument("--credits", default="1000", help="credits on the account (default: %(default)s)")
        parser.add_argument(
            "--progression",
            type=told(Progression.parse),
            default="seconds:8",
            help="when tasks end: immediate, polls:3, seconds:8, seconds:3..8 or manual (default: %(default)s)",
        )
        parser.add_argument("--no-callbacks", action="store_true", help="never call a callback_url")
        parser.add_argument(
            "--fault",
            action="append",
            type=told(Fault.parse),
            default=[],
            metavar="POINT:NAME[:TIMES[:OPTION=VALUE,...]]",
            help="something that goes wrong, such as create:accept_then_close:1 or get:429:3:retry_after=5; repeatable",
        )
        parser.add_argument(
            "--random-faults",
            type=chances,
            metavar="CHANCE",
            help="faults at random: a chance for a mixture of them (0.05), or create:reset=0.1,get:429=0.05",
        )
        parser.add_argument("--seed", type=int, default=0, help="makes random faults repeatable (default: %(default)s)")
        parser.add_argument("--rate-limit", type=int, metavar="N", help="accept N creations per minute, then 429")
        parser.add_argument("--media-dir", help="keep uploads and videos in this folder")
        parser.add_argument("--small-videos", action="store_true", help="draw videos at a quarter of their size")
        parser.add_argument("--quiet", action="store_true", help="print no line per request")
        parser.add_argument(
            "--allow-remote",
            action="store_true",
            help="let other machines in, and send https callbacks beyond this one",
        )

    def handle(self, **options: Any) -> None:
        try:
            sim = Simulator(
                api_key=options["api_key"],
                host=options["host"],
                port=options["port"],
                credits=options["credits"],
                progression=options["progression"],
                callbacks=not options["no_callbacks"],
                seed=options["seed"],
                rate_limit_per_minute=options["rate_limit"],
                media_dir=options["media_dir"],
                small_videos=options["small_videos"],
                allow_remote=options["allow_remote"],
                on_request=None if options["quiet"] else self._print,
            )
            for one in options["fault"]:
                sim.faults.put(one)
            if options["random_faults"]:
                sim.faults.random(options["seed"], options["random_faults"])
        except (ValueError, ImportError) as error:
            raise CommandError(str(error).replace("allow_remote=True", "--allow-remote")) from None
        with until_told() as stop:
            try:
                sim.start()
            except OSError as error:
                raise CommandError(
                    f"Cannot listen on {options['host']}:{options['port']}: {error.strerror or error}. "
                    "Choose another --port (0 for any)."
                ) from None
            try:
                self._welcome(sim, default_key=options["api_key"] == DEFAULT_API_KEY)
                stop.wait()
            finally:
                sim.stop()
        self.stdout.write(f"Stopped. {len(sim.ledger)} accepted, {sim.ledger.total} credits billed.")

    def _welcome(self, sim: Simulator, *, default_key: bool) -> None:
        from django_wanvideo.simulator.media.video import MISSING_AV, available

        key = f'"{sim.api_key}"' if default_key else "the key you have given"
        self.stdout.write(self.style.SUCCESS(f"EvoLink simulator on {sim.url}/") + "  (Ctrl-C stops it)")
        self.stdout.write(f"In WANVIDEO, with API_KEY {key}:")
        self.stdout.write(f'    "BASE_URL": "{sim.api_url}", "FILES_URL": "{sim.files_url}",')
        self.stdout.write('    "ALLOW_PRIVATE_HOSTS": True,')
        if not available():
            self.stdout.write(self.style.WARNING(MISSING_AV))
        self.stdout.flush()

    def _print(self, entry: JournalEntry) -> None:
        if entry.fault:
            style = self.style.NOTICE
        elif 200 <= entry.status < 400:
            style = self.style.SUCCESS
        else:
            style = self.style.WARNING
        self.stdout.write(style(str(entry)))
        self.stdout.flush()
