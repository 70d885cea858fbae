"""The measured site: engines of its own, a fresh database, Django set up. All of it ends with the ``with`` block."""

from __future__ import annotations

import os
import warnings
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def running_site(
    database: str,
    settings_module: str = "benchmarks.settings",
    *,
    valkey: bool = True,
    server: AbstractContextManager[object] | None = None,
) -> Iterator[None]:
    """Run the engines and make the tables; child processes with the same environment meet in the same site.

    ``database`` is ``postgres`` or ``sqlite``. Durability is off in both, so that what is measured is not the disk.
    Without ``valkey`` the caller runs it. ``server`` is a PostgreSQL of the caller's, in place of one from here.
    """
    os.environ["WANVIDEO_TEST_DATABASE"] = database
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    # PostgreSQL's wheel asks for a folder that a container does not have, and says so on every start.
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
    from tests import engines, settings

    if database != settings.DATABASE:
        raise RuntimeError(f"The settings were read before {database} was chosen.")
    with ExitStack() as stack:
        if valkey:
            stack.enter_context(engines.valkey_server(settings.VALKEY_PORT, settings.TEST_DIR / "valkey"))
        if server is not None:
            stack.enter_context(server)
        elif database == "postgres":
            # An installed one has contrib modules, such as the one that searches by parts of words.
            programs = engines.installed_postgres()
            if programs is None:
                stack.enter_context(engines.postgres_server(settings.POSTGRES_DIR))
            else:
                stack.enter_context(engines.installed_postgres_server(programs, settings.POSTGRES_DIR))
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connections

        # Tables of apps without migrations are made before all others, and some of them refer to users.
        call_command("migrate", "auth", verbosity=0)
        call_command("migrate", run_syncdb=True, verbosity=0)
        stack.callback(connections.close_all)
        yield
