"""The test site with an admin site of its own under a name of its own, in a theme of its own, and models of all kinds."""

from __future__ import annotations

from pathlib import Path

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS, TEMPLATES

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hosts.shelves"]
ROOT_URLCONF = "tests.hosts.another_admin_urls"
TEMPLATES = [{**TEMPLATES[0], "DIRS": [Path(__file__).parent / "backoffice"]}]
