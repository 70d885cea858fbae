"""The soaked site: real engines, an EvoLink that fails at random, callbacks to a web server of its own."""

from __future__ import annotations

import os

from benchmarks.soak import seams, trouble
from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS, STORAGES, TEST_DIR, WANVIDEO

seams.move_clock()

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.soak.watch"]
ROOT_URLCONF = "benchmarks.soak.urls"
MEDIA_ROOT = TEST_DIR / "soaked"
STORAGES = {**STORAGES, "default": {"BACKEND": "benchmarks.soak.seams.FullStorage"}}

WANVIDEO = {
    **WANVIDEO,
    "API_KEY": "sk-simulator",
    "BASE_URL": os.environ.get("WANVIDEO_SOAK_EVOLINK", "http://127.0.0.1:1"),
    "FILES_URL": os.environ.get("WANVIDEO_SOAK_EVOLINK", "http://127.0.0.1:1"),
    "CALLBACK_BASE_URL": os.environ.get("WANVIDEO_SOAK_SITE", "http://127.0.0.1:2"),
    "ALLOW_PRIVATE_HOSTS": True,
    "CONNECT_TIMEOUT": 2.0,
    "READ_TIMEOUT": 3.0,
    "POLL_INTERVAL": 8.0,
    "POLL_DEADLINE": 15.0,
    "UNCONFIRMED_DEADLINE": 8.0,
    "DOWNLOAD_DEADLINE": 15.0,
    "MAX_VIDEO_BYTES": 4 * 1024**2,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {process} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    # The one that drives the run has a table to print.
    "root": {"handlers": ["stderr"], "level": "WARNING" if trouble.PROCESS in os.environ else "CRITICAL"},
}
