"""The test site with a user model that has the least that Django asks for, and a key that is no number."""

from __future__ import annotations

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hosts.badges"]
AUTH_USER_MODEL = "badges.Holder"
