"""An environment of its own for each client, made once and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


class NotInstalled(Exception):  # noqa: N818 - an outcome that is reported, not an error
    """The client cannot be had here; the text says why."""


def cache_dir() -> Path:
    """Where environments are kept: in the user's cache, as XDG says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "django-wanvideo" / "charge-safety"


def interpreter_for(requirement: str, folder: Path) -> Path:
    """Return the Python of an environment that holds ``requirement``. Raises NotInstalled."""
    name = f"{requirement.replace('==', '-')}-py{sys.version_info.major}{sys.version_info.minor}"
    home = folder / name
    python, done = home / "bin" / "python", home / "installed"
    if done.exists() and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--quiet", "--python", str(python), requirement],
        ]
    else:
        commands = [
            [sys.executable, "-m", "venv", str(home)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
        ]
    for command in commands:
        try:
            subprocess.run(command, check=True, timeout=300, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise NotInstalled((error.stderr.strip().splitlines() or ["no reason given"])[-1]) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(str(error)) from error
    done.touch()
    return python
