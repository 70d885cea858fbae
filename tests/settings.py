"""Settings of the test site: real engines, chosen by the environment.

``WANVIDEO_TEST_DATABASE`` is ``sqlite`` (a file with WAL, the default), ``postgres`` (a real one from a wheel, started
by conftest on first use), ``mariadb`` (an installed one, started likewise) or the URL of a database server. ``WANVIDEO_TEST_REDIS_URL`` names a running Redis or Valkey;
unset, conftest starts a Valkey from a wheel on first use. ``WANVIDEO_TEST_AUTO_FIELD`` is the DEFAULT_AUTO_FIELD.

Nothing is started here. All that a run writes is in one directory that ends with the process; child processes inherit
the choices made here through the environment. Each worker of pytest-xdist has a directory and engines of its own.
"""

from __future__ import annotations

import atexit
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url


def free_port() -> int:
    """Find a TCP port below the range that outgoing connections take theirs from."""
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("No free TCP port between 20000 and 32000.")


#: ``gw0`` and so on in a worker of pytest-xdist and in what it starts. A worker inherits its controller's choices.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("WANVIDEO_TEST_WORKER", "") != WORKER:
    os.environ.pop("WANVIDEO_TEST_DIR", None)
    os.environ.pop("WANVIDEO_TEST_VALKEY_PORT", None)
os.environ["WANVIDEO_TEST_WORKER"] = WORKER

if "WANVIDEO_TEST_DIR" not in os.environ:
    # Short on purpose: PostgreSQL's socket lives in it, and a socket's path may have 107 bytes.
    os.environ["WANVIDEO_TEST_DIR"] = tempfile.mkdtemp(prefix="wv-")
    atexit.register(shutil.rmtree, os.environ["WANVIDEO_TEST_DIR"], ignore_errors=True)
TEST_DIR = Path(os.environ["WANVIDEO_TEST_DIR"])

VALKEY_PORT = int(os.environ.setdefault("WANVIDEO_TEST_VALKEY_PORT", str(free_port())))
#: On a server that the caller names, each worker has a database of its own.
REDIS_URL = os.environ.get("WANVIDEO_TEST_REDIS_URL") or f"redis://127.0.0.1:{VALKEY_PORT}/0"
if WORKER and os.environ.get("WANVIDEO_TEST_REDIS_URL"):
    REDIS_URL = f"{urlsplit(REDIS_URL)._replace(path='').geturl()}/{int(WORKER.removeprefix('gw'))}"

POSTGRES_DIR = TEST_DIR / "pg"
MARIADB_DIR = TEST_DIR / "maria"
DATABASE = os.environ.get("WANVIDEO_TEST_DATABASE") or "sqlite"
if DATABASE == "sqlite":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": TEST_DIR / "site.sqlite3",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;",
            },
            # A file, so that threads and child processes meet in the same database.
            "TEST": {"NAME": TEST_DIR / "test.sqlite3"},
        },
    }
elif DATABASE == "postgres":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": str(POSTGRES_DIR),
            "TEST": {"NAME": "test_wanvideo"},
        },
    }
elif DATABASE == "mariadb":
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "wanvideo",
            "USER": "root",
            "HOST": str(MARIADB_DIR / "s"),
            "OPTIONS": {"charset": "utf8mb4"},
            "TEST": {"NAME": "test_wanvideo", "CHARSET": "utf8mb4"},
        },
    }
else:
    DATABASES = {"default": dj_database_url.parse(DATABASE)}
DEFAULT_AUTO_FIELD = os.environ.get("WANVIDEO_TEST_AUTO_FIELD") or "django.db.models.BigAutoField"

SECRET_KEY = "for-tests-only"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_rq",
    "django_wanvideo",
    "example_project.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
# Django 6.1 wants mailers by name; earlier ones do not know the setting.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

RQ_QUEUES = {"wanvideo": {"URL": REDIS_URL}, "default": {"URL": REDIS_URL}}

MEDIA_ROOT = TEST_DIR / "media"
MEDIA_URL = "/media/"
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
}

WANVIDEO = {"API_KEY": "sk-test", "CALLBACK_BASE_URL": "https://site.example", "QUEUE": "wanvideo"}

TIME_ZONE = "UTC"
USE_TZ = True
