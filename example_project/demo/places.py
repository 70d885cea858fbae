"""Where a demo run lives: its directory, its ports, and the environment that its processes share."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

HOST = "127.0.0.1"
API_KEY = "sk-simulator"
#: Set in the environment of a run's processes; names the run's directory.
MARKER = "WANVIDEO_DEMO_DIR"


def is_free(port: int) -> bool:
    """Tell whether a TCP port of the loopback address can be listened on."""
    with socket.socket() as probe:
        # As the servers do: a port that only waits out its last connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port(*preferred: int) -> int:
    """Find a free TCP port, one of the preferred ones if possible."""
    for port in preferred:
        if is_free(port):
            return port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def web_port(asked: int | None, *, once: bool) -> int:
    """Choose the web server's port: the one asked for, or 8000 for people, or any.

    Raises CommandError when the one asked for is taken.
    """
    if asked is None:
        return free_port() if once else free_port(8000)
    if not is_free(asked):
        raise CommandError(f"Port {asked} is taken. Give another one with --port, or none to have a free one chosen.")
    return asked


def directory(asked: Path | None, *, once: bool) -> Path:
    """Choose the run's directory: the one asked for, or a fresh temporary one for a headless run, or ``.demo/``."""
    if asked is None and once:
        return Path(tempfile.mkdtemp(prefix="wanvideo-demo-"))
    place = (asked or Path(settings.BASE_DIR) / ".demo").resolve()
    place.mkdir(parents=True, exist_ok=True)
    return place


def environment(place: Path, port: int) -> dict[str, str]:
    """Describe the run to its processes.

    A database and a Redis that the caller's environment names are used. EvoLink never is: the demo talks to the
    simulator, whatever key lies around, so that it cannot cost anything.
    """
    env = dict(os.environ)
    simulator = f"http://{HOST}:{free_port()}"
    env.update(
        {
            MARKER: str(place),
            "DEBUG": "1",
            "MEDIA_ROOT": str(place / "media"),
            "EVOLINK_API_KEY": API_KEY,
            "EVOLINK_BASE_URL": simulator,
            "EVOLINK_FILES_URL": simulator,
            "CALLBACK_BASE_URL": f"http://{HOST}:{port}",
            "PUBLIC_MEDIA_BASE_URL": f"http://{HOST}:{port}/media/",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": env.get("PYTHONWARNINGS", "ignore::DeprecationWarning"),
        },
    )
    if not env.get("DATABASE_URL"):
        env["DATABASE_URL"] = f"sqlite:///{place / 'db.sqlite3'}"
    if not env.get("REDIS_URL"):
        env["REDIS_URL"] = f"redis://{HOST}:{free_port()}/0"
        env["WANVIDEO_DEMO_VALKEY"] = "1"
    return env
