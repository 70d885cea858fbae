"""The simulator: everything it consists of, started and stopped together."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from . import addresses
from .accounts import Account, Accounts
from .by_hand import ByHand
from .callbacks import Callbacks
from .clock import SystemClock, VirtualClock
from .engine import Engine
from .faults import FaultRegistry
from .idempotency import IdempotencyKeys
from .journal import Journal
from .ledger import Ledger
from .mischief import rate_limited
from .options import Options
from .redaction import KeyScrubber
from .results import Results
from .routes import Router
from .server import Server
from .storage import Blobs, FileStore, StoredFile
from .tasks import TaskStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .errors import ApiError
    from .wire import Request

#: How often a clock that is neither the machine's nor a VirtualClock is looked at, seconds.
_LOOK = 0.02
_FILE_ROUTES = ("/files/", "/api/v1/files/download/")


class Simulator(ByHand):
    """EvoLink on this machine.

    Takes the options of `Options` as keyword arguments; use it as a context manager, or call `start` and `stop`:

        with Simulator(progression="polls:2") as sim:
            settings.WANVIDEO = {"API_KEY": sim.api_key, "BASE_URL": sim.api_url, "FILES_URL": sim.files_url,
                                 "ALLOW_PRIVATE_HOSTS": True}
            ...
            sim.ledger.assert_charged_once()

    `ledger` says what was accepted and billed, `journal` what was asked and answered, `tasks` how tasks stand,
    `faults` what will go wrong, `clock` what time it is. A prompt can hold a script, see `Script` in `progression`.
    """

    def __init__(self, options: Options | None = None, **choices: Any) -> None:
        if options is not None and choices:
            raise TypeError("Give either Options or single choices, not both.")
        self.options = options or Options(**choices)
        if not (self.options.allow_remote or addresses.is_loopback(self.options.host)):
            raise ValueError(
                f"The host {self.options.host!r} is reachable by other machines; that needs allow_remote=True."
            )
        self.clock = self.options.clock
        self.stopping = threading.Event()
        self.scrub = KeyScrubber()
        self.accounts = Accounts()
        self.add_account(*self.options.keys, balance=self.options.credits, token_credits=self.options.token_credits)
        self.ledger = Ledger()
        self.journal = Journal(self.options.journal_size, self.options.on_request)
        self.tasks = TaskStore()
        self.faults = FaultRegistry()
        self.idempotency = IdempotencyKeys()
        self.callbacks = Callbacks(self.options, self.journal, self.faults, self.stopping, self.clock.now)
        self.engine = Engine(self)
        self.router = Router(self)
        self._blobs: Blobs | None = None
        self._server: Server | None = None
        self._port = self.options.port
        self._threads: list[threading.Thread] = []

    # Starting and stopping

    def start(self) -> Self:
        """Listen and serve in threads; OSError when the port is taken. A stopped simulator does not start again."""
        if self._server is not None or self.stopping.is_set():
            raise RuntimeError("The simulator is already running, or was stopped. Make a new one.")
        self._listen()
        self._blobs = Blobs(self.options.media_dir)
        self.files = FileStore(self._blobs, self.options.file_seconds, self.options.max_files)
        self.results = Results(self.options, self._blobs)
        if isinstance(self.clock, VirtualClock):
            self.clock.subscribe(self._tick)
        else:
            self._spawn(self._keep_time, "simulator-time")
        return self

    def stop(self) -> None:
        """Stop serving, close every connection, and remove what was kept in a temporary folder."""
        self.stopping.set()
        if isinstance(self.clock, VirtualClock):
            self.clock.unsubscribe(self._tick)
        with self.engine.wake:
            self.engine.wake.notify_all()
        self._hang_up()
        for thread in self._threads:
            thread.join(5)
        if self._blobs is not None:
            self._blobs.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Simulator {self.url if self._server else 'not listening'}: {len(self.tasks)} tasks>"

    @contextmanager
    def down(self) -> Iterator[None]:
        """For the length of a `with` block nothing listens on the port: connections are refused. State is kept."""
        self._hang_up()
        try:
            yield
        finally:
            self._listen()

    # Addresses

    @property
    def port(self) -> int:
        """The TCP port."""
        return self._port

    @property
    def url(self) -> str:
        """Where everything is, without a slash at the end."""
        if self.options.public_url:
            return self.options.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.options.host, self.options.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def api_url(self) -> str:
        """The base URL of the task API."""
        return self.url

    @property
    def files_url(self) -> str:
        """The base URL of the file service."""
        return self.url

    @property
    def api_key(self) -> str:
        """The first key."""
        return self.options.keys[0]

    def link_base(self, request: Request) -> str:
        """The base of links in an answer: the address by which the client has found the simulator."""
        host = request.header("Host")
        return self.url if self.options.public_url or not host else f"http://{host}"

    def is_own(self, url: str) -> bool:
        """Whether a URL is one of this simulator."""
        parts = addresses.split_url(url)
        if parts is None:
            return False
        own = urlsplit(self.url)
        local = addresses.is_loopback(parts.hostname or "") and parts.port == self._port
        return local or parts.netloc == own.netloc

    def stored_file(self, url: str) -> StoredFile | None:
        """The living uploaded file behind one of this simulator's own URLs."""
        if "/files/" not in url or not self.is_own(url):
            return None
        path, now = unquote(urlsplit(url).path), self.clock.now()
        if path.startswith(_FILE_ROUTES[1]):
            return self.files.find_id(path.removeprefix(_FILE_ROUTES[1]), now)
        return self.files.find(path, now)

    # By hand

    def add_account(
        self, *api_keys: str, balance: Decimal | int | str = 1000, token_credits: Decimal | int | str | None = None
    ) -> Account:
        """Open another account, with its own keys, balance (in credits), tasks and files."""
        limit = None if token_credits is None else Decimal(token_credits)
        account = self.accounts.add(api_keys, Decimal(balance), limit, self.options.user_group)
        for key in api_keys:
            self.scrub.add(key)
        return account

    def reset(self) -> None:
        """Forget faults and journal. Tasks, balances and the ledger stay: what was charged stays charged."""
        self.faults.clear()
        self.journal.clear()

    def status(self) -> dict[str, Any]:
        """A summary, for JSON."""
        statuses: dict[str, int] = {}
        for task in self.tasks.values():
            statuses[task.status] = statuses.get(task.status, 0) + 1
        return {
            "url": self.url,
            "now": self.clock.now(),
            "progression": str(self.options.progression),
            "tasks": statuses,
            "accepted": len(self.ledger),
            "billed": len(self.ledger.billed),
            "total": str(self.ledger.total),
            "requests": self.journal.counts(),
            "faults": dict(self.faults.fired),
        }

    # For the rooms of the simulator

    @property
    def blobs(self) -> Blobs:
        """The kept bytes; RuntimeError before `start`."""
        if self._blobs is None:
            raise RuntimeError("The simulator has not been started.")
        return self._blobs

    def rate_limited(self, wait: int) -> ApiError:
        """The 429 of the rate limit, with `Retry-After` as chosen; `wait` in seconds."""
        return rate_limited(wait, self.options.rate_limit_retry_after)

    def presentable(self, body: Any) -> Any:
        """A request's body for the journal: without keys, and not longer than `Options.body_limit`."""
        if body is None:
            return None
        text = self.scrub(json.dumps(body, default=str))
        return json.loads(text) if len(text) <= self.options.body_limit else text[: self.options.body_limit]

    def _listen(self) -> None:
        server = Server((self.options.host, self._port), self)
        self._server, self._port = server, int(server.server_address[1])
        self._spawn(lambda: server.serve_forever(poll_interval=0.02), "simulator-http")

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.close_connections()
            self._server = None

    def _spawn(self, target: Callable[[], object], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _tick(self) -> None:
        self.engine.tick()

    def _keep_time(self) -> None:
        while not self.stopping.is_set():
            left = self.engine.tick()
            if not isinstance(self.clock, SystemClock):
                left = _LOOK
            with self.engine.wake:
                if not self.stopping.is_set() and self.engine.may_sleep(left):
                    self.engine.wake.wait(left)
