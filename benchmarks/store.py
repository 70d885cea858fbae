"""Our storing of a result beside a raw stream to disk: ``python -m benchmarks.store``.

Both copy the same file from the same loopback server, each try in a process of its own, in turn. Raw is a socket
that is read 64 KiB at a time into a file. Ours is ``services.storing.store``: guarded download, checks, SHA-256, Django storage,
row and event. Growth is the peak of resident memory by what stood before the copy began.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.file_server import file_server
from benchmarks.site import running_site
from benchmarks.tables import Verdict, table

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024
SPEED_GOAL = 0.9
GROWTH_GOAL = 12.0
CHUNK = 64 * 1024


def main(argv: list[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument(
        "--storage",
        choices=["default", "chunks"],
        default="default",
        help="'chunks': a storage that copies what it is given, as remote ones do; judged by its memory only",
    )
    parser.add_argument("--no-goal", action="store_true", help="print only; always leave with 0")
    parser.add_argument("--child", nargs=2, metavar=("WAY", "URL"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        print(json.dumps(_copy(*options.child, options.mib * MIB)))
        return 0
    os.environ["WANVIDEO_BENCH_STORAGE"] = options.storage
    with running_site(options.database), file_server(options.mib * MIB) as url:
        tries: dict[str, list[dict[str, float]]] = {"raw": [], "ours": []}
        for turn in range(options.rounds):
            for way in ("raw", "ours") if turn % 2 == 0 else ("ours", "raw"):
                tries[way].append(_in_child(way, url, options.mib))
        return _report(tries, options)


def _in_child(way: str, url: str, mib: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.store", "--mib", str(mib), "--child", way, url]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=900, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _copy(way: str, url: str, size: int) -> dict[str, float]:
    """Copy once in this process; returns seconds and the growth of memory in MB."""
    import django

    django.setup()
    copy, check = (_raw if way == "raw" else _ours)(url, size)
    before = _resident("VmRSS")
    # Makes the peak start again from here.
    Path("/proc/self/clear_refs").write_text("5")
    started = time.perf_counter()
    copy()
    seconds = time.perf_counter() - started
    growth = _resident("VmHWM") - before
    check()
    return {"seconds": seconds, "growth": growth / 1e6}


def _raw(url: str, size: int) -> tuple[Callable[[], None], Callable[[], None]]:
    from tests.settings import TEST_DIR

    path = TEST_DIR / f"raw-{os.getpid()}.mp4"

    def copy() -> None:
        address, room = urlsplit(url), memoryview(bytearray(CHUNK))
        with (
            socket.create_connection((address.hostname or "", address.port or 80), timeout=60) as connection,
            path.open("wb") as file,
        ):
            connection.sendall(f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            file.write(head.partition(b"\r\n\r\n")[2])
            while count := connection.recv_into(room):
                file.write(room[:count])

    def check() -> None:
        assert path.stat().st_size == size
        path.unlink()

    return copy, check


def _ours(url: str, size: int) -> tuple[Callable[[], None], Callable[[], None]]:
    from django_wanvideo.choices import AttemptState, TaskStatus
    from django_wanvideo.services.storing import download
    from tests.factories import make_attempt, make_task

    task = make_task(TaskStatus.STORING, result_url=url)
    make_attempt(task, AttemptState.ACCEPTED)

    def check() -> None:
        task.refresh_from_db()
        assert task.status == TaskStatus.COMPLETED, f"{task.status}: {task.error_message}"
        assert task.video_size == task.video.size == size
        task.video.delete()

    return lambda: download.store(task.pk), check


def _resident(name: str) -> int:
    """Bytes of resident memory: ``VmRSS`` now, ``VmHWM`` at most since the peak was reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"This system does not say {name}; the benchmark needs Linux.")


def _report(tries: dict[str, list[dict[str, float]]], options: argparse.Namespace) -> int:
    raw = [found["seconds"] for found in tries["raw"]]
    rows = []
    for way, name in (("raw", "a socket, 64 KiB chunks to a file"), ("ours", "django-wanvideo")):
        seconds = [found["seconds"] for found in tries[way]]
        ratio = min(raw) / min(seconds)
        growth = max(found["growth"] for found in tries[way])
        speed = options.mib * MIB / 1e6 / min(seconds)
        rows.append((name, f"{speed:.0f}", f"{ratio:.2f}", f"+{growth:.1f}"))
    print(
        f"{options.mib} MiB, {options.rounds} rounds, {options.storage} storage; the best of each, memory at its worst\n"
    )
    print(table(["way", "MB/s", "of raw", "memory MB"], rows), "\n")
    verdict = Verdict(binding=not options.no_goal)
    if options.storage == "default":
        verdict.at_least("speed by the raw stream", ratio, SPEED_GOAL)
    verdict.below("memory growth", growth, GROWTH_GOAL, "MB")
    return verdict.exit_code()


if __name__ == "__main__":
    sys.exit(main())
