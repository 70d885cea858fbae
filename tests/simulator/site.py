"""The least a site needs for `manage.py evolink_simulator`: no database, no admin."""

from __future__ import annotations

SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django_wanvideo"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
WANVIDEO = {"API_KEY": "unused"}
