"""A worker's memory does not grow with the video."""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from django_wanvideo.choices import TaskStatus
from tests.promises import processes
from tests.rows import make_attempt, make_task
from tests.services.storing.child import MEDIA

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_wanvideo.models import VideoTask

pytestmark = [
    pytest.mark.commit_only,
    pytest.mark.integration,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells a process's peak in /proc."),
]

MIB = 1024**2
SMALL, LARGE = 4 * MIB, 1024 * MIB
FTYP = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2"
ZEROS = memoryview(bytes(MIB))


def answer(connection: socket.socket) -> None:
    """Send the MP4 whose size in bytes is the path: a head and one box of zeros, which nobody has to keep."""
    with connection, suppress(OSError):
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(65536)
        size = int(request.split()[1].strip(b"/"))
        head = FTYP + b"\0\0\0\1mdat" + (size - len(FTYP)).to_bytes(8)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % size + head)
        left = size - len(head)
        while left:
            part = ZEROS[: min(left, MIB)]
            connection.sendall(part)
            left -= len(part)


@contextmanager
def server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    answer(listener.accept()[0])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Wakes the thread, which closing alone does not.
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def made(url: str) -> VideoTask:
    task = make_task(TaskStatus.STORING, result_url=url)
    make_attempt(task)
    return task


@pytest.mark.slow
def test_a_video_of_1_gib_needs_less_than_20_mb_more_than_a_small_one(settings, media: Path) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "ALLOW_PRIVATE_HOSTS": True}
    with server() as url:
        small, large = made(f"{url}/{SMALL}"), made(f"{url}/{LARGE}")
        env = processes.environment(**{MEDIA: str(media)})
        status, output = processes.run("-m", "tests.services.storing.grower", str(small.pk), str(large.pk), env=env)
    large.refresh_from_db()
    try:
        assert (status, large.status) == (0, TaskStatus.COMPLETED), output
        assert large.video_size == large.video.size == LARGE
    finally:
        if large.video:
            large.video.storage.delete(large.video.name)
    before, after = map(int, output.split())
    assert 0 <= after - before < 20_000_000
