"""The test site without the example's shop, whose migration wants the app's first one to be there already."""

from __future__ import annotations

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "example_project.shop"]
ROOT_URLCONF = "django_wanvideo.urls"
# Its URLs lead to no callback.
WANVIDEO = {"API_KEY": "sk-test", "QUEUE": "wanvideo"}
