"""A plugin for pytest: each test that uses the database may use all of the site's."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        mark, fixtures = item.get_closest_marker("django_db"), set(item.fixturenames)
        if mark or fixtures & {"db", "transactional_db", "live_server"}:
            options = dict(mark.kwargs) if mark else {}
            item.add_marker(pytest.mark.django_db(**{**options, "databases": "__all__"}), append=False)
