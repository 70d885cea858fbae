"""The test site in the admin theme that ``WANVIDEO_TEST_THEME`` names: ``unfold`` or ``jazzmin``."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS as OURS

THEME = os.environ["WANVIDEO_TEST_THEME"]
INSTALLED_APPS = [THEME, *OURS]
ROOT_URLCONF = "tests.admin.theme_urls"
