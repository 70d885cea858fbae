"""The test site's settings with what the measurements stand beside: a bare view, and dj-stripe where it is installed."""

from __future__ import annotations

import importlib.util
import os

from tests.settings import *  # noqa: F403 - settings are taken over as they are
from tests.settings import INSTALLED_APPS, STORAGES, WANVIDEO

HAS_DJSTRIPE = importlib.util.find_spec("djstripe") is not None

INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.floor", *(["djstripe"] if HAS_DJSTRIPE else [])]
ROOT_URLCONF = "benchmarks.urls"
DEBUG = False

WANVIDEO = {
    **WANVIDEO,
    "ALLOW_PRIVATE_HOSTS": True,
    "MAX_VIDEO_BYTES": 64 * 1024**3,
    "STORAGE": os.environ.get("WANVIDEO_BENCH_STORAGE") or "default",
}
STORAGES = {**STORAGES, "chunks": {"BACKEND": "benchmarks.floor.storages.ChunkStorage"}}

# What dj-stripe needs to take a webhook in and to leave the rest for later, as our own view does.
STRIPE_TEST_SECRET_KEY = "sk_test_benchmark"
STRIPE_LIVE_MODE = False
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
DJSTRIPE_WEBHOOK_EVENT_CALLBACK = "benchmarks.floor.stripe.for_later"
# Its history of migrations takes minutes to replay, and only the tables matter here.
MIGRATION_MODULES = {"djstripe": None}
