"""Checks of the site's own parts: settings, database, pictures, sweep."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import checks
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import queue
from django_wanvideo.db import timestamps
from django_wanvideo.health.results import CheckResult, Level, error, ok, warning
from django_wanvideo.models import Notification, SiteState, VideoTask
from django_wanvideo.services.attempts import spool
from django_wanvideo.services.installation import installation
from django_wanvideo.services.sweep import SWEEP

if TYPE_CHECKING:
    from collections.abc import Iterator


#: A sweep runs every minute or oftener; one that is this old has stopped, or is about to.
SWEEP_LATE = dt.timedelta(minutes=5)
SWEEP_GONE = dt.timedelta(minutes=30)
#: How long it is said that e-mails were given up.
MAIL_REMEMBERED = dt.timedelta(days=2)


def check_settings() -> Iterator[CheckResult]:
    """What Django's system checks say about the app."""
    found = [message for message in checks.run_checks() if str(message.id).startswith("wanvideo.")]
    for message in found:
        level = Level.ERROR if message.level >= checks.ERROR else Level.WARNING
        yield CheckResult(level, f"{message.id}: {message.msg}", str(message.hint or ""))
    if not settings.USE_TZ:
        yield error(_("USE_TZ is off."), _("Set USE_TZ to True: times are compared with EvoLink’s."))
    elif not found:
        yield ok(_("WANVIDEO is in order."))


def check_database() -> Iterator[CheckResult]:
    """Whether the tables are there, and whether SQLite is set up for several processes."""
    connection = connections[router.db_for_write(VideoTask)]
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "wanvideo"]
    if executor.migration_plan(targets):
        yield error(_("Its tables are not up to date."), _("Run: python manage.py migrate"))
        return
    if connection.vendor != "sqlite":
        yield ok(_("%(engine)s, tables up to date.") % {"engine": connection.display_name})
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0]).lower()
    immediate = str(connection.settings_dict["OPTIONS"].get("transaction_mode", "")).upper() == "IMMEDIATE"
    if mode in {"wal", "memory"} and immediate:
        yield ok(_("SQLite with WAL and IMMEDIATE transactions, tables up to date."))
    else:
        yield warning(
            _("SQLite is not set up for a site, workers and a sweep beside each other (journal mode %(mode)s).")
            % {"mode": mode},
            _('Set "transaction_mode": "IMMEDIATE" and WAL in OPTIONS; the check wanvideo.W003 shows the lines.'),
        )


def check_installation() -> Iterator[CheckResult]:
    """Whether the database is this installation's own, and has not gone back."""
    guard = installation.look_before_sending()
    row, hint = guard.row, _("Run: python manage.py wanvideo_adopt")
    if guard.is_foreign:
        message = _("The database belongs to %(name)s; nothing is sent, followed, stored or told.")
        yield error(message % {"name": row.name}, hint)
        return
    if guard.is_rolled_back:
        message = _(
            "The database has gone back: it knows of %(here)d claims, and there were %(there)d. Nothing is sent."
        )
        yield error(message % {"here": row.claims, "there": row.claims_elsewhere or 0}, hint)
    if waiting := installation.under_another_host(guard).count():
        message = _("%(n)d tasks were queued under %(host)s and are not sent.")
        yield warning(message % {"n": waiting, "host": row.host}, hint)
    elif not guard.is_rolled_back and (row.name or row.host):
        yield ok(_("The database belongs to %(name)s.") % {"name": row.name or row.host})
    elif not guard.is_rolled_back:
        message = _("The database belongs to nobody: a copy of it would send what is queued.")
        yield warning(message, _("Set WANVIDEO['INSTALLATION'] to a name, such as \"production\"."))


def check_pictures() -> Iterator[CheckResult]:
    """Whether Pillow is there and reads every format that models take."""
    try:
        from PIL import __version__, features
    except ImportError:
        yield error(_("Pillow cannot be imported."), _("Run: python -m pip install pillow"))
        return
    missing = [
        word for word, codec in (("JPEG", "jpg"), ("PNG", "zlib"), ("WebP", "webp")) if not features.check(codec)
    ]
    if missing:
        yield warning(
            _("Pillow cannot read %(formats)s.") % {"formats": ", ".join(missing)},
            _("Install Pillow from its wheel, which reads all of them."),
        )
    else:
        yield ok(_("Pillow %(version)s.") % {"version": __version__})


def listening_workers() -> int | None:
    """Return how many workers listen, or ``None`` when Redis does not answer at once."""
    return queue.workers()


def check_sweep() -> Iterator[CheckResult]:
    """When the sweep last passed."""
    last = SiteState.objects.filter(name=SWEEP).values_list("updated_at", flat=True).first()
    hint = _("Run: python manage.py wanvideo_sweep --loop 15, as a service; or wanvideo_sweep from cron every minute.")
    if last is None:
        yield error(_("It has never run; what gets lost is not found again."), hint)
        return
    age = timezone.now() - last
    message = _("Last pass %(n)d seconds ago.") % {"n": max(age.total_seconds(), 0)}
    if age < -timestamps.SKEW:
        yield warning(_("Its last pass lies ahead: the clock of a machine is or was wrong."), hint)
    elif age > SWEEP_GONE:
        yield error(message, hint)
    elif age > SWEEP_LATE:
        yield warning(message, hint)
    else:
        yield ok(message)


def check_kept_ids() -> Iterator[CheckResult]:
    """Whether ids that EvoLink gave still wait for the database, and those that belong to no attempt of it."""
    left = spool.in_redis() | spool.in_storage()
    if left:
        yield warning(
            ngettext(
                "%(n)d id of EvoLink’s is kept outside of the database: attempt %(attempts)s.",
                "%(n)d ids of EvoLink’s are kept outside of the database: attempts %(attempts)s.",
                len(left),
            )
            % {"n": len(left), "attempts": ", ".join(sorted(map(str, left))[:5])},
            _("The next sweep binds them. One that stays belongs to an attempt that this database does not know."),
        )
    else:
        yield ok(_("No id of EvoLink’s waits outside of the database."))


def check_mail() -> Iterator[CheckResult]:
    """Whether e-mails leave that people want."""
    lost = Notification.objects.filter(gave_up_at__gt=timezone.now() - MAIL_REMEMBERED).count()
    failing = Notification.objects.filter(due_at__isnull=False).exclude(error="").order_by("-pk").first()
    hint = _("Look at Django’s e-mail settings; python manage.py sendtestemail tries them.")
    if lost:
        words = ngettext("%(n)s e-mail was given up lately.", "%(n)s e-mails were given up lately.", lost)
        yield error(words % {"n": lost}, hint)
    elif failing is not None:
        yield warning(
            _("The last e-mail did not leave (%(error)s); it is tried again.") % {"error": failing.error}, hint
        )
    else:
        yield ok(_("No e-mail waits longer than it should."))
