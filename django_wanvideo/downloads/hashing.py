"""SHA-256 beside the reading: a large block is hashed without the interpreter's lock, in a thread of its own."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

#: Bytes that the thread is given at a time, and the number of such blocks that are held at most.
BLOCK = 1024 * 1024
BLOCKS = 3


class SideHasher:
    """Hands out room to read into, and hashes what was read there while more is read.

    A context manager: its thread ends with the block. It must not be forked while in use.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="wanvideo-sha256")
        self._blocks: list[memoryview] = []
        self._hashing: list[Future[None]] = []
        self._filled = BLOCK

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown()

    def room(self, most: int) -> memoryview:
        """Return up to ``most`` bytes to read into; what is in there stays as it is until a later call."""
        if self._filled == BLOCK:
            self._next_block()
        return self._blocks[-1][self._filled : self._filled + most]

    def took(self, count: int) -> None:
        """Say that the first ``count`` bytes of the room have been filled."""
        self._filled += count
        if self._filled == BLOCK:
            self._hash()

    def hexdigest(self) -> str:
        """Wait for all that was taken, and return its digest."""
        if self._filled < BLOCK:
            self._hash()
        for hashed in self._hashing:
            hashed.result()
        return self._digest.hexdigest()

    def _next_block(self) -> None:
        if len(self._blocks) < BLOCKS:
            self._blocks.append(memoryview(bytearray(BLOCK)))
        else:
            self._hashing.pop(0).result()
            self._blocks.append(self._blocks.pop(0))
        self._filled = 0

    def _hash(self) -> None:
        self._hashing.append(self._pool.submit(self._digest.update, self._blocks[-1][: self._filled]))
