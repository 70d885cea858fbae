"""Sites whose settings no other test can have, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Where it is of no matter how the tables were made: with videos elsewhere or users of one's own it is.
TABLES_AT_ONCE = "--no-migrations"
#: The road through sockets, queue and workers, but for what starts processes with settings of their own.
ROAD = "stored_video or without_callbacks or redis_is_down"


def run_site(settings, *arguments):
    """Run tests in a process that has these settings, on the same kind of database as this one."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("WANVIDEO_TEST_", "PYTEST_"))}
    if database := os.environ.get("WANVIDEO_TEST_DATABASE"):
        inherited["WANVIDEO_TEST_DATABASE"] = database
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", *arguments, f"--ds=tests.hosts.{settings}", "-p", "tests.hosts.everywhere",
            "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
        ],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


@pytest.mark.locks
@pytest.mark.fault("K11.two-databases", "K11.two-databases-road")
def test_videos_in_their_own_database():
    """Videos may have a database of their own, and the whole road is gone with it."""
    files = ["tests/hosts/on_two_databases.py", "tests/hosts/on_any_site.py", "tests/integration/test_end_to_end.py"]
    run_site("two_databases", *files, "-k", f"on_two_databases or on_any_site or {ROAD}")


@pytest.mark.locks
@pytest.mark.fault("K11.lagging-replica")
def test_a_replica_that_has_heard_of_nothing_is_not_asked():
    run_site("lagging_replica", "tests/hosts/on_lagging_replica.py", TABLES_AT_ONCE)


@pytest.mark.fault("K11.minimal-user")
def test_a_user_model_may_have_the_least_that_django_asks_for():
    run_site("another_user", "tests/hosts/on_another_user.py", "tests/hosts/on_any_site.py")


def test_videos_are_chosen_in_an_admin_site_of_ones_own():
    run_site("another_admin", "tests/hosts/on_another_admin.py", TABLES_AT_ONCE)


@pytest.mark.browser
def test_a_row_that_is_added_to_an_inline_has_the_chooser():
    run_site("another_admin", "tests/browser/another_admin.py", TABLES_AT_ONCE)
