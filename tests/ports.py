"""Ports of this machine behind which nothing answers, or only after a while."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that refuses connections; it is bound, so that nobody else takes it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        yield listening.getsockname()[1]


@contextmanager
def full_port() -> Iterator[int]:
    """A port that takes no connection and refuses none: the queue of a listener that never accepts is full."""
    with socket.socket() as listening, ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _visitor in range(8):
            visitor = stack.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


@contextmanager
def slow_port(target: int, seconds: float) -> Iterator[int]:
    """A port behind which another one of this machine answers, each time ``seconds`` later."""
    ends: list[socket.socket] = []

    def carry(source: socket.socket, sink: socket.socket, wait: float) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                time.sleep(wait)
                sink.sendall(data)

    def take() -> None:
        with suppress(OSError):
            while True:
                near, _address = listening.accept()
                far = socket.create_connection(("127.0.0.1", target))
                ends.extend((near, far))
                for source, sink, wait in ((near, far, 0.0), (far, near, seconds)):
                    threading.Thread(target=carry, args=(source, sink, wait), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=take, daemon=True).start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
