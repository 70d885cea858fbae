"""An EvoLink in a process of its own, so that it does not share the measured process's time: ``python -m benchmarks.provider``.

Reads one line of JSON at a time, with options of the simulator to set, and answers each with what its books say.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django_wanvideo.evolink.client import EvoLinkClient
from django_wanvideo.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "sk-simulator"
_WISH = {"model": "wan2.6-image-to-video-flash", "image_urls": ["https://pictures.example/cat.jpg"], "duration": 2}


class Provider:
    """What the measuring process knows of it."""

    def __init__(self, process: subprocess.Popen[str], start: dict[str, Any]) -> None:
        self._process = process
        self.url: str = start["url"]
        self.task_ids: list[str] = start["task_ids"]

    def set(self, **options: Any) -> dict[str, Any]:
        """Set options of the simulator; return its books: ``violations``, ``limited`` (429s) and ``gets``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(options), file=self._process.stdin, flush=True)
        books: dict[str, Any] = json.loads(self._process.stdout.readline())
        return books


@contextmanager
def provider(tasks: int) -> Iterator[Provider]:
    """Run it with so many tasks that do not end."""
    command = [sys.executable, "-m", "benchmarks.provider", str(tasks)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("The simulator did not start.")
            yield Provider(process, json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def serve(tasks: int) -> None:
    """Serve until the process's input ends."""
    with Simulator(api_key=KEY, progression="manual", credits=10**7, journal_size=50_000, callbacks=False) as sim:
        client = EvoLinkClient(KEY, base_url=sim.api_url, files_url=sim.files_url, allow_private_hosts=True)

        def make(number: int) -> str:
            wish = {**_WISH, "prompt": f"Scene {number}"}
            return client.create(wish, idempotency_key=f"benchmark-{number:08}").snapshot.id

        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(make, range(tasks)))
        print(json.dumps({"url": sim.url, "task_ids": ids}), flush=True)
        for line in sys.stdin:
            for name, value in json.loads(line).items():
                setattr(sim.options, name, value)
            gets = sim.journal.find("get")
            limited = sum(entry.status == 429 for entry in gets)
            print(
                json.dumps({"violations": len(sim.ledger.violations), "limited": limited, "gets": len(gets)}),
                flush=True,
            )


if __name__ == "__main__":
    serve(int(sys.argv[1]))
