"""The example site reads its environment, and refuses what would be unsafe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READ = """
import json
from example_project import settings as s
print(json.dumps({"debug": s.DEBUG, "wanvideo": s.WANVIDEO, "database": s.DATABASES["default"], "redis": s.REDIS_URL,
                  "media": str(s.MEDIA_ROOT), "queues": s.RQ_QUEUES, "hosts": s.ALLOWED_HOSTS}, default=str))
"""
OWN = [
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "DATABASE_URL",
    "REDIS_URL",
    "MEDIA_ROOT",
    "CALLBACK_BASE_URL",
    "PUBLIC_MEDIA_BASE_URL",
]


def run(*command, **variables):
    """Run Python in an environment that sets nothing of the site but the given variables."""
    env = {key: value for key, value in os.environ.items() if key not in OWN and "EVOLINK" not in key}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=env | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read(**variables):
    """Read the settings under the given variables."""
    result = run("-c", READ, **variables)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_without_any_variable_it_is_a_development_site_on_the_simulator():
    found = read()
    assert found["debug"] is True
    assert found["wanvideo"]["BASE_URL"] == "http://127.0.0.1:8899"
    assert found["database"]["ENGINE"] == "django.db.backends.sqlite3"
    assert found["database"]["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["database"]["OPTIONS"]["init_command"]


def test_every_variable_arrives_in_its_setting():
    found = read(
        SECRET_KEY="k",
        ALLOWED_HOSTS="a.example, b.example",
        DATABASE_URL="postgresql://u:p@db.example:5433/site",
        REDIS_URL="redis://queue.example/3",
        MEDIA_ROOT="/srv/media",
        EVOLINK_API_KEY="sk-1",
        EVOLINK_BASE_URL="https://api.example",
        EVOLINK_FILES_URL="https://files.example",
        CALLBACK_BASE_URL="https://site.example",
        PUBLIC_MEDIA_BASE_URL="https://media.example",
    )
    assert found["debug"] is False
    assert found["hosts"] == ["a.example", "b.example"]
    assert (found["database"]["HOST"], found["database"]["NAME"]) == ("db.example", "site")
    assert found["queues"]["wanvideo"]["URL"] == found["redis"] == "redis://queue.example/3"
    assert found["media"] == "/srv/media"
    assert found["wanvideo"] == {
        "API_KEY": "sk-1",
        "BASE_URL": "https://api.example",
        "FILES_URL": "https://files.example",
        "CALLBACK_BASE_URL": "https://site.example",
        "PUBLIC_MEDIA_BASE_URL": "https://media.example",
        "QUEUE": "wanvideo",
        "ALLOW_PRIVATE_HOSTS": False,
    }


def test_real_key_without_addresses_talks_to_evolink():
    """A real key without addresses talks to EvoLink and not to the simulator."""
    found = read(SECRET_KEY="k", EVOLINK_API_KEY="sk-1")
    assert "BASE_URL" not in found["wanvideo"]


def test_the_insecure_key_is_refused_outside_development():
    result = run("-c", "import example_project.settings", DEBUG="0")
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr


def test_a_flag_that_is_neither_yes_nor_no_is_refused():
    result = run("-c", "import example_project.settings", DEBUG="perhaps")
    assert "DEBUG is 'perhaps'; use 1 or 0." in result.stderr


def test_a_real_site_passes_djangos_deployment_checks():
    result = run(
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        SECRET_KEY="a-key-of-its-own-that-is-long-enough-and-has-many-different-characters-0123456789",
        ALLOWED_HOSTS="www.example.com",
        DATABASE_URL="postgresql://u:p@db.example/site",
        EVOLINK_API_KEY="sk-1",
        CALLBACK_BASE_URL="https://www.example.com",
    )
    assert result.returncode == 0, result.stderr
