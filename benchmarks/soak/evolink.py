"""The simulator in a process of its own: ``python -m benchmarks.soak.evolink SEED FOLDER``.

Prints its address on one line and runs until its input is closed.
"""

from __future__ import annotations

import sys

from benchmarks.soak.plan import FAULTS
from django_wanvideo.simulator import Simulator


def main(seed: int, folder: str) -> None:
    """Serve until the input ends."""
    simulator = Simulator(
        progression="seconds:1..4",
        seed=seed,
        credits=10**9,
        idempotency="ignored",
        video_scale=0.1,
        video_fps=4,
        captions=False,
        max_files=10**6,
        estimated_time=8,
        media_dir=folder,
        journal_size=100,
    )
    simulator.faults.random(seed, FAULTS)
    with simulator:
        print(simulator.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
