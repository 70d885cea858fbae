"""What one simulator knows: all its parts share it, and it knows none of them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django_wanvideo.simulator import urls
from django_wanvideo.simulator.journal import Journal
from django_wanvideo.simulator.media.storage import Blobs, FileStore, Results

from .accounts import Accounts
from .faults import FaultRegistry
from .ledger import Ledger
from .tasks import TaskStore

if TYPE_CHECKING:
    from django_wanvideo.simulator.media.storage import StoredFile
    from django_wanvideo.simulator.options import Options


class State:
    """Accounts, tasks, money, files, faults and journal of one simulator.

    `port` is the TCP port once it listens; `stopping` is set when it ends.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.port = options.port
        self.stopping = threading.Event()
        self.accounts = Accounts()
        self.tasks = TaskStore()
        self.ledger = Ledger()
        self.faults = FaultRegistry()
        self.journal = Journal(options.journal_size, options.body_limit, options.on_request)
        self.blobs = Blobs(options.media_dir)
        self.files = FileStore(self.blobs, options.file_seconds, options.max_files)
        self.results = Results(self.blobs)

    def now(self) -> float:
        return self.options.clock.now()

    @property
    def url(self) -> str:
        """Where everything is, without a slash at the end."""
        if self.options.public_url:
            return self.options.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.options.host, self.options.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def link_base(self, host: str) -> str:
        """The base of links in an answer: the address by which the client, as its `Host` says, has found us."""
        return self.url if self.options.public_url or not host else f"http://{host}"

    def is_own(self, url: str) -> bool:
        """Whether a URL is one of this simulator."""
        parts = urls.split_url(url)
        if parts is None:
            return False
        local = urls.is_loopback(parts.hostname or "") and parts.port == self.port
        return local or parts.netloc == urlsplit(self.url).netloc

    def stored_file(self, url: str) -> StoredFile | None:
        """The living uploaded file behind a URL of this simulator."""
        return self.files.find(url, self.now()) if self.is_own(url) else None
