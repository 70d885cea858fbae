"""What all tests share: engines that start on first use and end with the run."""

from __future__ import annotations

import contextlib
import gc
import os
from importlib.metadata import entry_points
from typing import IO, TYPE_CHECKING

import pytest

from tests import engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rq import Queue

    from django_wanvideo.simulator.media.video import Scene

#: By one of these pytest-django gives a test its database.
DATABASE_FIXTURES = {
    "db",
    "transactional_db",
    "django_db_reset_sequences",
    "django_db_serialized_rollback",
    "live_server",
}
#: By one of these its rows are seen by several connections.
COMMITTING_FIXTURES = {"transactional_db", "live_server"}
#: Markers of tests that take seconds.
LONG = ("browser", "demo", "slow")
#: Bytes of a picture of one colour, at most.
LITTLE = 20_000
#: Seconds; enough for an engine on a machine that is busy with other things.
PATIENCE = 5.0

PLUGIN = "django_wanvideo.pytest_plugin"
pytest_plugins = ["tests.fixtures"]
if PLUGIN not in {point.value for point in entry_points(group="pytest11")}:
    # A checkout that is not installed: its fixtures for host projects are loaded by hand.
    pytest_plugins.append(PLUGIN)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the browser's tests unread where they are not asked for: they import Playwright."""
    if collection_path.name == "browser" and "not browser" in (config.option.markexpr or ""):
        return True
    return None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Leave what tests are made of, which lasts for the whole run, out of the search for garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark every test that uses the database, and how, before any is deselected; put files that take long first.

    Of several processes none is left alone with them at the end.
    """
    for item in items:
        fixtures, database = set(getattr(item, "fixturenames", ())), item.get_closest_marker("django_db")
        if DATABASE_FIXTURES & fixtures or database:
            item.add_marker("database")
        commits = COMMITTING_FIXTURES & fixtures or (database and database.kwargs.get("transaction"))
        if commits and not item.get_closest_marker("commit_only"):
            item.add_marker("locks")
    yield
    long = {item.path for item in items if any(item.get_closest_marker(name) for name in LONG)}
    # Those of the browser together: what they share starts once.
    items.sort(key=lambda item: (item.path not in long, not item.get_closest_marker("browser")))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Start the database server that this run is on before pytest-django makes its test database."""
    from tests import settings

    if settings.DATABASE == "postgres":
        server = engines.postgres_server(settings.POSTGRES_DIR)
    elif settings.DATABASE == "mariadb":
        server = engines.mariadb_server(settings.MARIADB_DIR)
    else:
        server = contextlib.nullcontext()
    with server:
        yield


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """The URL of a running Valkey, the one that ``RQ_QUEUES`` names."""
    from tests import settings

    if os.environ.get("WANVIDEO_TEST_REDIS_URL"):
        yield settings.REDIS_URL
        return
    with engines.valkey_server(settings.VALKEY_PORT, settings.TEST_DIR / "valkey") as url:
        assert url == settings.REDIS_URL
        yield url


@pytest.fixture
def redis_queue(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The app's queue on the running Valkey, empty; on a machine that is busy with other things it may take its time."""
    import django_rq

    from django_wanvideo import queue

    for name in ("REDIS_TIMEOUT", "CALLBACK_TIMEOUT"):
        monkeypatch.setattr(queue.connection, name, PATIENCE)
    monkeypatch.setattr(queue.callback_wakeup, "CALLBACK_BUDGET", PATIENCE)
    queue.reset()
    jobs = django_rq.get_queue("wanvideo")
    jobs.connection.flushdb()
    yield jobs
    queue.reset()


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    """Spend no third of a second on emptying the database after each test that commits."""
    from tests import flush

    with pytest.MonkeyPatch.context() as patch:
        flush.quick(patch)
        yield


@pytest.fixture(autouse=True, scope="session")
def _without_posters() -> Iterator[None]:
    """Decode no video but where a test is about that; the package that does it is here for the simulator."""
    from django_wanvideo.services.storing import posters

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posters, "is_installed", lambda: False)
        yield


@pytest.fixture(autouse=True, scope="session")
def _films_once() -> Iterator[None]:
    """Encode each video that simulators hand out once, not in test after test."""
    from django_wanvideo.simulator.media import video

    encode, films = video.draw, dict[str, bytes]()

    def draw(scene: Scene, picture: bytes | None, target: Path) -> None:
        if scene.digest in films and video.available():
            target.write_bytes(films[scene.digest])
        else:
            encode(scene, picture, target)
            films[scene.digest] = target.read_bytes()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "draw", draw)
        yield


@pytest.fixture(autouse=True, scope="session")
def _thumbnails_once() -> Iterator[None]:
    """Make the small picture of what test after test draws once."""
    from django_wanvideo.catalog import images

    make, made = images.small_jpeg, dict[tuple[bytes, int], bytes]()

    def small_jpeg(fileobj: IO[bytes], longest: int) -> bytes:
        fileobj.seek(0)
        content = fileobj.read(LITTLE + 1)
        fileobj.seek(0)
        if len(content) > LITTLE:
            return make(fileobj, longest)
        if (content, longest) not in made:
            made[content, longest] = make(fileobj, longest)
        return made[content, longest]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "small_jpeg", small_jpeg)
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Begin without what another test's pages left for some seconds: its rows are gone, and their keys are given again."""
    from django.core.cache import cache

    cache.clear()
