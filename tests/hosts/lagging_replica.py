"""The test site with a router that reads from a replica, which has the tables but is behind with all rows."""

from __future__ import annotations

from copy import deepcopy

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import DATABASES, TEST_DIR

DATABASES["replica"] = deepcopy(DATABASES["default"])
DATABASES["replica"]["TEST"]["NAME"] = (
    TEST_DIR / "test_replica.sqlite3" if "sqlite" in DATABASES["default"]["ENGINE"] else "test_wanvideo_replica"
)
DATABASE_ROUTERS = ["tests.hosts.routers.LaggingReplica"]
