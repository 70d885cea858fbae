"""A process that hands out one large MP4 by ``sendfile``, as fast as the machine can: ``python -m benchmarks.file_server MIB``.

Prints its address on one line, serves until its input is closed, and leaves nothing behind. Only the start of the file
is written; the rest is a hole, so that reading it costs the disk nothing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"


def make_file(file: IO[bytes], size: int) -> None:
    """Write an MP4 of ``size`` bytes: a ``ftyp`` box and one ``mdat`` box of zeros."""
    file.write(FTYP + b"\0\0\0\1mdat" + (size - len(FTYP)).to_bytes(8))
    file.truncate(size)
    file.flush()


def _answer(connection: socket.socket, path: str, size: int) -> None:
    with connection, suppress(OSError), open(path, "rb") as file:
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(65536)
            if not part:
                return
            request += part
        head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        connection.sendfile(file)


def serve(size: int) -> None:
    """Serve a file of ``size`` bytes until the process's input ends."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file, socket.create_server(("127.0.0.1", 0)) as listener:
        make_file(file, size)
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/video.mp4", flush=True)

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=_answer, args=(connection, file.name, size), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        sys.stdin.read()


@contextmanager
def file_server(size: int) -> Iterator[str]:
    """Run the server in a process of its own; yields the URL of its file."""
    command = [sys.executable, "-m", "benchmarks.file_server", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError("The file server did not start.")
            yield url
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
    # Threads may hang in a send to somebody who has left.
    os._exit(0)
