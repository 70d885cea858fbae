"""Settings of the example site, read from the environment.

Known variables: ``SECRET_KEY``, ``DEBUG``, ``ALLOWED_HOSTS`` (comma-separated), ``DATABASE_URL``, ``REDIS_URL``,
``MEDIA_ROOT``, ``EVOLINK_API_KEY``, ``EVOLINK_BASE_URL``, ``EVOLINK_FILES_URL``, ``CALLBACK_BASE_URL``,
``PUBLIC_MEDIA_BASE_URL``. None of them is needed to look around: a site without a ``SECRET_KEY`` of its own is a development
site that talks to the simulator.

A real site is proven with ``python manage.py check --deploy --fail-level WARNING``.
"""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def flag(name: str, default: bool) -> bool:
    """Read a yes-or-no variable; unset and empty mean ``default``."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    if not value:
        return default
    raise ImproperlyConfigured(f"{name} is {value!r}; use 1 or 0.")


SECRET_KEY = os.environ.get("SECRET_KEY", "")
DEBUG = flag("DEBUG", default=not SECRET_KEY)
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. Give the site one of its own, for example with: "
            'python -c "from django.core.management.utils import get_random_secret_key as k; print(k())"',
        )
    SECRET_KEY = "insecure-and-only-for-development"  # noqa: S105 - refused above as soon as DEBUG is off

ALLOWED_HOSTS = [host.strip() for host in os.environ.get("ALLOWED_HOSTS", "").split(",") if host.strip()]

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
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"

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

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A web process, workers and a sweep write beside each other: readers must not block the writer (WAL), a writer
    # takes its lock at the start (IMMEDIATE) and waits for its turn (seconds).
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
RQ_QUEUES = {
    "wanvideo": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 900},
    "default": {"URL": REDIS_URL},
}

MEDIA_ROOT = Path(os.environ.get("MEDIA_ROOT") or BASE_DIR / "media")
MEDIA_URL = "media/"
STATIC_ROOT = BASE_DIR / "build" / "static"
STATIC_URL = "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

if os.environ.get("EVOLINK_API_KEY"):
    WANVIDEO = {"API_KEY": os.environ["EVOLINK_API_KEY"]}
elif DEBUG:
    # No account yet: the simulator, as `manage.py evolink_simulator` starts it, and this site as `runserver` starts it.
    WANVIDEO = {
        "API_KEY": "sk-simulator",
        "BASE_URL": "http://127.0.0.1:8899",
        "FILES_URL": "http://127.0.0.1:8899",
        "CALLBACK_BASE_URL": "http://127.0.0.1:8000",
        "PUBLIC_MEDIA_BASE_URL": "http://127.0.0.1:8000/media/",
    }
else:
    WANVIDEO = {}
for setting, variable in {
    "BASE_URL": "EVOLINK_BASE_URL",
    "FILES_URL": "EVOLINK_FILES_URL",
    "CALLBACK_BASE_URL": "CALLBACK_BASE_URL",
    "PUBLIC_MEDIA_BASE_URL": "PUBLIC_MEDIA_BASE_URL",
}.items():
    if os.environ.get(variable):
        WANVIDEO[setting] = os.environ[variable]
WANVIDEO["QUEUE"] = "wanvideo"
# Plain http and loopback addresses are for development; a real site never fetches from its own network.
WANVIDEO["ALLOW_PRIVATE_HOSTS"] = DEBUG  # type: ignore[assignment]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.DjangoModelPermissions"],
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

if not DEBUG:
    # The proxy in front ends TLS and says so; without one, remove this header line and serve https directly.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django_wanvideo": {"level": "INFO"},
        "example_project": {"level": "INFO"},
    },
}
