"""The test site with its videos in a database of their own; all else, users among it, is in the other one."""

from __future__ import annotations

from copy import deepcopy

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import DATABASES, INSTALLED_APPS, TEST_DIR

DATABASES["videos"] = deepcopy(DATABASES["default"])
# PostgreSQL's first database is the one that each connects to in order to make its own.
DATABASES["videos"]["TEST"]["NAME"] = (
    TEST_DIR / "test_videos.sqlite3" if "sqlite" in DATABASES["default"]["ENGINE"] else "test_wanvideo_videos"
)
DATABASES["videos"]["ATOMIC_REQUESTS"] = False
DATABASE_ROUTERS = ["tests.hosts.routers.VideosElsewhere"]
# Its products refer to videos, which no foreign key can from another database.
INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "example_project.shop"]
