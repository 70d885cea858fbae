"""A Chromium, the site that it looks at, and people in front of it.

Chromium and the web server live as long as tests of this folder run, worker and sweep as long as a module: nothing of
them is there while other tests run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.person import Person
from tests.browser.site import Site, Workers, running_site, running_workers, wait_for_idle
from tests.requirements import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

#: Debian's; the first does without the windows of a desktop and takes two thirds of the time.
CHROMIUMS = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
#: Milliseconds that a condition may take to come true; machines may be busy.
PATIENCE = 15_000
#: What no test is about. Chromium heeds the last list of such only, so this one names what Playwright's own turns off too.
#: The popups of the address bar, drawn by two processes for each person, cost more than the pages that are looked at.
WITHOUT = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
    "AimEnabled",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
]
ARGUMENTS = [
    f"--disable-features={','.join(WITHOUT)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = next((path for path in CHROMIUMS if path.exists()), None)
    if chromium is None:
        missing("There is no Chromium here; on Debian: apt-get install chromium")
    try:
        from playwright import sync_api
    except ImportError:
        missing("Playwright is not installed.")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        sync_api.expect.set_options(timeout=PATIENCE)
        browser = playwright.chromium.launch(executable_path=str(chromium), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def site(chromium: Browser, django_db_setup: None, valkey: str) -> Iterator[Site]:
    """The test site with its EvoLink; nobody works on its queue."""
    with running_site() as running:
        yield running


@pytest.fixture(scope="module")
def _workers(site: Site) -> Iterator[Workers]:
    with running_workers() as running:
        yield running


@pytest.fixture
def workers(_workers: Workers, transactional_db: None) -> Iterator[Workers]:
    """A worker and a sweep at work; rows are taken away only after the last job."""
    yield _workers
    # Shown only for a test that failed.
    sys.stdout.write(_workers.said())
    wait_for_idle()


@pytest.fixture
def new_person(site: Site, chromium: Browser, transactional_db: None) -> Iterator[Callable[..., Person]]:
    """Make people who sit in front of the site, signed in; what their browsers complain of fails the test."""
    people: list[Person] = []

    def make(name: str = "maria", **options: object) -> Person:
        person = Person(chromium, site, name, **options)  # type: ignore[arg-type]
        people.append(person)
        return person

    yield make
    for person in people:
        person.leave()
    site.be_forgotten()
    for person in people:
        assert not person.complaints, f"{person.name}'s browser complains: " + "\n".join(person.complaints)


@pytest.fixture
def maria(new_person: Callable[..., Person]) -> Person:
    """A superuser in front of a wide screen."""
    return new_person()
