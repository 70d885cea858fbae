"""Prove an installed wheel in a site that has nothing else: ``python tests/packaging/fresh_site.py``.

Migrates an empty database, opens the admin's pages, finds the static files. Ends with 0 only if all of it works.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    from django.conf import settings

    settings.configure(
        SECRET_KEY="fresh",
        DEBUG=False,
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        STATIC_URL="static/",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "rest_framework",
            "django_rq",
            "django_wanvideo",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
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
        ],
        RQ_QUEUES={"default": {"URL": "redis://127.0.0.1:1/0"}},
        WANVIDEO={"API_KEY": "sk-fresh", "CALLBACK_BASE_URL": "https://site.example"},
    )
    import django

    django.setup()

    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.contrib.staticfiles import finders
    from django.core.management import call_command
    from django.test import Client
    from django.urls import include, path, reverse

    import django_wanvideo

    package = Path(django_wanvideo.__file__).resolve().parent
    if package.is_relative_to(ROOT) and ".tox" not in package.parts:
        sys.exit(f"This would prove the checkout, not the wheel: {package}")

    globals()["urlpatterns"] = [
        path("admin/", admin.site.urls),
        path("wanvideo/", include("django_wanvideo.urls")),
    ]
    call_command("check", fail_level="ERROR")
    call_command("migrate", verbosity=0)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("fresh"))
    for page in ("changelist", "add"):
        url = reverse(f"admin:wanvideo_videotask_{page}")
        status = client.get(url).status_code
        if status != 200:
            sys.exit(f"{url} answered {status}.")
    names = [file.relative_to(package / "static") for file in (package / "static").rglob("*") if file.is_file()]
    lost = [str(name) for name in names if not finders.find(str(name))]
    if lost or not names:
        sys.exit(f"Static files that are not found: {lost or 'the wheel has none'}")
    sys.stdout.write(f"The wheel works by itself, from {package}.\n")


if __name__ == "__main__":
    main()
