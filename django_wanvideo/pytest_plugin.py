"""Fixtures for the tests of host projects; pytest finds them by itself. What they do is in ``django_wanvideo.testing``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from django_wanvideo.simulator import Simulator


@pytest.fixture
def wanvideo_picture() -> Callable[..., io.BytesIO]:
    """A function that makes picture files; see :func:`django_wanvideo.testing.picture`."""
    from django_wanvideo import testing

    return testing.picture


@pytest.fixture
def wanvideo_wakeups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What would have been handed to RQ; nothing is, so that no test needs Redis."""
    from django_wanvideo import testing

    taken: list[tuple[str, ...]] = []
    # By what a test may replace the same things with: both are undone in turn.
    for target, name, catcher in testing.wakeup_catchers(taken):
        monkeypatch.setattr(target, name, catcher)
    return taken


@pytest.fixture
def evolink_simulator(
    settings: Any, wanvideo_wakeups: list[tuple[str, ...]], db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Simulator]:
    """A running EvoLink simulator that the site is set to talk to, without callbacks; videos are small."""
    from django_wanvideo import testing
    from django_wanvideo.services.installation import claim_counter

    monkeypatch.setattr(claim_counter, "store", testing.no_store)
    with testing.running_simulator() as simulator:
        # By pytest-django's own way of changing settings, which the test may use as well.
        settings.WANVIDEO = testing.settings_for(simulator)
        yield simulator
