"""A worker's memory does not grow with the video."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from django_wanvideo.choices import TaskStatus
from tests.evolink.server import ScriptedServer
from tests.factories import make_attempt, make_task
from tests.promises import processes
from tests.services.storing.child import MEDIA

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from django_wanvideo.models import VideoTask
    from tests.evolink.server import Received

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


def send_zeros(sock: socket.socket, request: Received, _server: ScriptedServer) -> bool:
    """Send the MP4 whose size in bytes is the path: a head and one box of zeros, which nobody has to keep."""
    size = int(request.path.strip("/"))
    head = FTYP + b"\0\0\0\1mdat" + (size - len(FTYP)).to_bytes(8)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % size + head)
    left = size - len(head)
    while left:
        part = ZEROS[: min(left, MIB)]
        sock.sendall(part)
        left -= len(part)
    return False


def made(url: str) -> VideoTask:
    task = make_task(TaskStatus.STORING, result_url=url)
    make_attempt(task)
    return task


@pytest.mark.slow
def test_a_video_of_1_gib_needs_less_than_20_mb_more_than_a_small_one(settings, media: Path) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "ALLOW_PRIVATE_HOSTS": True}
    with ScriptedServer(send_zeros) as server:
        small, large = made(f"{server.url}/{SMALL}"), made(f"{server.url}/{LARGE}")
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
