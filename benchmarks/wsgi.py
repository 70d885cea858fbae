"""The measured site for a real server; connections to the database stay open, as in production."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.DATABASES["default"]["CONN_MAX_AGE"] = 60
application = get_wsgi_application()
