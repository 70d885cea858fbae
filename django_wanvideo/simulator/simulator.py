"""The simulator: everything it consists of, started and stopped together."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from . import urls
from .clock import SystemClock, VirtualClock
from .options import Options
from .provider.engine import Engine
from .provider.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .http.server import Server
    from .media.storage import StoredFile
    from .provider.accounts import Account
    from .provider.tasks import Task

#: How often a clock that is neither the machine's nor a VirtualClock is looked at, seconds.
_LOOK = 0.02
MISSING_WERKZEUG = (
    "The simulator needs Werkzeug, which is not installed. Install it with: pip install 'django-wanvideo[simulator]'"
)


class Simulator:
    """EvoLink on this machine.

    Takes the options of `Options` as keyword arguments; use it as a context manager, or call `start` and `stop`:

        with Simulator(progression="polls:2") as sim:
            settings.WANVIDEO = {"API_KEY": sim.api_key, "BASE_URL": sim.api_url, "FILES_URL": sim.files_url,
                                 "ALLOW_PRIVATE_HOSTS": True}
            ...
            sim.ledger.assert_charged_once()

    `ledger` says what was accepted and billed, `journal` what was asked and answered, `tasks` how tasks stand,
    `faults` what will go wrong, `clock` what time it is. A prompt can hold a script, see `Script` in `script`.
    ImportError, which names the extra to install, without Werkzeug.
    """

    def __init__(self, options: Options | None = None, **choices: Any) -> None:
        if options is not None and choices:
            raise TypeError("Give either Options or single choices, not both.")
        self.options = options or Options(**choices)
        if not (self.options.allow_remote or urls.is_loopback(self.options.host)):
            host = self.options.host
            raise ValueError(f"The host {host!r} is reachable by other machines; that needs allow_remote=True.")
        # Options, faults and scripts are of use without it.
        try:
            import werkzeug  # noqa: F401  (asked for, not used)
        except ImportError as error:
            raise ImportError(MISSING_WERKZEUG) from error
        from .http.app import App

        self.state = State(self.options)
        self.engine = Engine(self.state)
        self._app = App(self.state, self.engine)
        self.clock = self.options.clock
        self.stopping = self.state.stopping
        self.accounts = self.state.accounts
        self.ledger = self.state.ledger
        self.journal = self.state.journal
        self.tasks = self.state.tasks
        self.faults = self.state.faults
        self.blobs = self.state.blobs
        self.files = self.state.files
        self.callbacks = self.engine.callbacks
        self.add_account(*self.options.keys, balance=self.options.credits, token_credits=self.options.token_credits)
        self._server: Server | None = None
        self._threads: list[threading.Thread] = []

    # Starting and stopping

    def start(self) -> Self:
        """Listen and serve in threads; OSError when the port is taken. A stopped simulator does not start again."""
        if self._server is not None or self.stopping.is_set():
            raise RuntimeError("The simulator is already running, or was stopped. Make a new one.")
        self._listen()
        self.blobs.open()
        if isinstance(self.clock, VirtualClock):
            self.clock.listeners.add(self.engine.tick)
        else:
            longest = None if isinstance(self.clock, SystemClock) else _LOOK
            self._spawn(lambda: self.engine.keep_time(longest), "simulator-time")
        return self

    def stop(self) -> None:
        """Stop serving, close every connection, and remove what was kept in a temporary folder."""
        self.stopping.set()
        if isinstance(self.clock, VirtualClock):
            self.clock.listeners.discard(self.engine.tick)
        self.engine.wake()
        self._hang_up()
        for thread in self._threads:
            thread.join(5)
        self.blobs.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Simulator {self.url if self._server else 'not listening'}: {len(self.tasks)} tasks>"

    @contextmanager
    def offline(self) -> Iterator[None]:
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
        return self.state.port

    @property
    def url(self) -> str:
        """Where everything is, without a slash at the end."""
        return self.state.url

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

    # What a test or a person does to accounts, tasks and time; a KeyError means that there is no such task

    def add_account(
        self, *api_keys: str, balance: Decimal | int | str = 1000, token_credits: Decimal | int | str | None = None
    ) -> Account:
        """Open another account, with its own keys, balance (in credits), tasks and files."""
        limit = None if token_credits is None else Decimal(token_credits)
        account = self.accounts.add(api_keys, Decimal(balance), limit, self.options.user_group)
        for key in api_keys:
            self.journal.hide(key)
        return account

    def complete(self, task_id: str, results: list[str] | None = None) -> Task:
        """End a task with its video, or with the given result URLs."""
        self.engine.complete(self.tasks[task_id], results)
        return self.tasks[task_id]

    def fail(self, task_id: str, code: str = "unknown_error", message: str | None = None) -> Task:
        """End a task with an error; its credits are given back."""
        self.engine.fail(self.tasks[task_id], code, message)
        return self.tasks[task_id]

    def cancel(self, task_id: str) -> Task:
        """End a task as cancelled; its credits are given back."""
        self.engine.cancel(self.tasks[task_id])
        return self.tasks[task_id]

    def set_progress(self, task_id: str, progress: int, status: str = "processing") -> Task:
        """Say how far an unfinished task is (0..100), without ending it."""
        self.engine.set_progress(self.tasks[task_id], progress, status)
        return self.tasks[task_id]

    def set_video(self, task_id: str, path: str | Path) -> None:
        """Serve a file of your own as a task's result."""
        self.state.results.replace(self.tasks[task_id].id, path)

    def stored_file(self, url: str) -> StoredFile | None:
        """The living uploaded file behind one of this simulator's own URLs."""
        return self.state.stored_file(url)

    def forget(self, task_id: str) -> None:
        """Let a task expire: reading it is a 404 from now on. The ledger remembers it."""
        self.tasks.forget(task_id)

    def advance(self, seconds: float) -> None:
        """Move virtual time; TypeError on real time."""
        if not isinstance(self.clock, VirtualClock):
            raise TypeError("Time can only be moved with Simulator(clock=VirtualClock()).")
        self.clock.advance(seconds)

    def reset(self) -> None:
        """Forget faults and journal. Tasks, balances and the ledger stay: what was charged stays charged."""
        self.faults.clear()
        self.journal.clear()

    def _listen(self) -> None:
        from .http.server import Server

        server = Server(self.options.host, self.state.port, self._app)
        self._server, self.state.port = server, server.port
        self._spawn(lambda: server.serve_forever(poll_interval=0.02), "simulator-http")

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _spawn(self, target: Callable[[], object], name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
