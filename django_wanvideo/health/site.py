"""Probes of the site's own parts: settings, database, pictures, storage, queue, sweep."""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import tempfile
import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import checks
from django.core.files.base import ContentFile
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_wanvideo import queue
from django_wanvideo.conf import conf
from django_wanvideo.db import timestamps
from django_wanvideo.health import media_root
from django_wanvideo.health.results import Finding, Level, fail, ok, warn
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.models.storage import task_storage, upload_to
from django_wanvideo.services.attempts import spool
from django_wanvideo.services.installation import installation
from django_wanvideo.services.sweep import SWEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.files.storage import Storage

#: A sweep runs every minute or oftener; one that is this old has stopped, or is about to.
SWEEP_LATE = dt.timedelta(minutes=5)
SWEEP_GONE = dt.timedelta(minutes=30)


def settings_in_order() -> Iterator[Finding]:
    """What Django's system checks say about the app."""
    found = [message for message in checks.run_checks() if str(message.id).startswith("wanvideo.")]
    for message in found:
        level = Level.FAIL if message.level >= checks.ERROR else Level.WARN
        yield Finding("settings", level, f"{message.id}: {message.msg}", str(message.hint or ""))
    if not settings.USE_TZ:
        yield fail("settings", _("USE_TZ is off."), _("Set USE_TZ to True: times are compared with EvoLink’s."))
    elif not found:
        yield ok("settings", _("WANVIDEO is in order."))


def database_ready() -> Iterator[Finding]:
    """Whether the tables are there, and whether SQLite is set up for several processes."""
    connection = connections[router.db_for_write(VideoTask)]
    executor = MigrationExecutor(connection)
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == "wanvideo"]
    if executor.migration_plan(targets):
        yield fail("database", _("Its tables are not up to date."), _("Run: python manage.py migrate"))
        return
    if connection.vendor != "sqlite":
        yield ok("database", _("%(engine)s, tables up to date.") % {"engine": connection.display_name})
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = str(cursor.fetchone()[0]).lower()
    immediate = str(connection.settings_dict["OPTIONS"].get("transaction_mode", "")).upper() == "IMMEDIATE"
    if mode in {"wal", "memory"} and immediate:
        yield ok("database", _("SQLite with WAL and IMMEDIATE transactions, tables up to date."))
    else:
        yield warn(
            "database",
            _("SQLite is not set up for a site, workers and a sweep beside each other (journal mode %(mode)s).")
            % {"mode": mode},
            _('Set "transaction_mode": "IMMEDIATE" and WAL in OPTIONS; the check wanvideo.W003 shows the lines.'),
        )


def installation_known() -> Iterator[Finding]:
    """Whether the database is this installation's own, and has not gone back."""
    guard = installation.look_before_sending()
    row, advice = guard.row, _("Run: python manage.py wanvideo_adopt")
    if guard.is_foreign:
        message = _("The database belongs to %(name)s; nothing is sent, followed, stored or told.")
        yield fail("installation", message % {"name": row.name}, advice)
        return
    if guard.is_rolled_back:
        message = _(
            "The database has gone back: it knows of %(here)d claims, and there were %(there)d. Nothing is sent."
        )
        yield fail("installation", message % {"here": row.claims, "there": row.claims_elsewhere or 0}, advice)
    if waiting := installation.under_another_host(guard).count():
        message = _("%(n)d tasks were queued under %(host)s and are not sent.")
        yield warn("installation", message % {"n": waiting, "host": row.host}, advice)
    elif not guard.is_rolled_back and (row.name or row.host):
        yield ok("installation", _("The database belongs to %(name)s.") % {"name": row.name or row.host})
    elif not guard.is_rolled_back:
        message = _("The database belongs to nobody: a copy of it would send what is queued.")
        yield warn("installation", message, _("Set WANVIDEO['INSTALLATION'] to a name, such as \"production\"."))


def pictures_readable() -> Iterator[Finding]:
    """Whether Pillow is there and reads every format that models take."""
    try:
        from PIL import __version__, features
    except ImportError:
        yield fail("pictures", _("Pillow cannot be imported."), _("Run: python -m pip install pillow"))
        return
    missing = [
        word for word, codec in (("JPEG", "jpg"), ("PNG", "zlib"), ("WebP", "webp")) if not features.check(codec)
    ]
    if missing:
        yield warn(
            "pictures",
            _("Pillow cannot read %(formats)s.") % {"formats": ", ".join(missing)},
            _("Install Pillow from its wheel, which reads all of them."),
        )
    else:
        yield ok("pictures", _("Pillow %(version)s.") % {"version": __version__})


def storage_works() -> Iterator[Finding]:
    """Write a small file where videos go, read it back, delete it; and look at the room on the disks."""
    storage = task_storage()
    word = media_root.backend()
    content = uuid.uuid4().bytes
    wanted = upload_to(VideoTask(), f"doctor-{uuid.uuid4().hex}.txt")
    name = storage.save(wanted, ContentFile(content))
    try:
        with storage.open(name) as stored:
            same = stored.read() == content
    finally:
        storage.delete(name)
    if not same:
        yield fail("storage", _("%(storage)s gives back other bytes than it was given.") % {"storage": word}, "")
    elif storage.exists(name):
        yield warn(
            "storage",
            _("%(storage)s takes files but does not delete them.") % {"storage": word},
            _("Allow deleting, or files of deleted tasks stay. Left behind: %(name)s") % {"name": name},
        )
    elif problem := media_root.folder_problem():
        yield warn("storage", problem, media_root.FOLDER_HINT)
    elif problem := media_root.address_problem():
        yield warn("storage", problem, media_root.ADDRESS_HINT)
    else:
        yield ok("storage", _("%(storage)s: written, read and deleted.") % {"storage": word})
    yield from _room(storage)


def listening_workers() -> int | None:
    """Return how many workers listen, or ``None`` when Redis does not answer at once."""
    return queue.workers()


def sweep_runs() -> Iterator[Finding]:
    """When the sweep last passed."""
    last = SiteState.objects.filter(name=SWEEP).values_list("updated_at", flat=True).first()
    advice = _(
        "Run: python manage.py wanvideo_sweep --loop 15, as a service; or wanvideo_sweep from cron every minute."
    )
    if last is None:
        yield fail("sweep", _("It has never run; what gets lost is not found again."), advice)
        return
    age = timezone.now() - last
    message = _("Last pass %(n)d seconds ago.") % {"n": max(age.total_seconds(), 0)}
    if age < -timestamps.SKEW:
        yield warn("sweep", _("Its last pass lies ahead: the clock of a machine is or was wrong."), advice)
    elif age > SWEEP_GONE:
        yield fail("sweep", message, advice)
    elif age > SWEEP_LATE:
        yield warn("sweep", message, advice)
    else:
        yield ok("sweep", message)


def nothing_is_kept() -> Iterator[Finding]:
    """Whether ids that EvoLink gave still wait for the database, and those that belong to no attempt of it."""
    left = spool.in_redis() | spool.in_storage()
    if left:
        yield warn(
            "ids",
            ngettext(
                "%(n)d id of EvoLink’s is kept outside of the database: attempt %(attempts)s.",
                "%(n)d ids of EvoLink’s are kept outside of the database: attempts %(attempts)s.",
                len(left),
            )
            % {"n": len(left), "attempts": ", ".join(sorted(map(str, left))[:5])},
            _("The next sweep binds them. One that stays belongs to an attempt that this database does not know."),
        )
    else:
        yield ok("ids", _("No id of EvoLink’s waits outside of the database."))


def _room(storage: Storage) -> Iterator[Finding]:
    """Videos pass through a temporary file on their way to the storage."""
    places = {_("temporary files"): tempfile.gettempdir()}
    with contextlib.suppress(NotImplementedError):  # not on a disk of this machine
        places[_("videos")] = storage.path("")
    for purpose, folder in places.items():
        free = shutil.disk_usage(folder).free
        if free < conf.MAX_VIDEO_BYTES:
            yield warn(
                "storage",
                _("%(n)d MiB are free for %(purpose)s; one video may have %(most)d MiB.")
                % {"n": free // 2**20, "purpose": purpose, "most": conf.MAX_VIDEO_BYTES // 2**20},
                _("Make room, or lower WANVIDEO['MAX_VIDEO_BYTES']."),
            )
