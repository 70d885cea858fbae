"""SHA-256 beside the reading: a large block is hashed without the interpreter's lock, in a thread of its own."""

from __future__ import annotations

import hashlib
from queue import SimpleQueue
from threading import Thread
from typing import Self

#: Bytes that the thread is given at a time, and the number of such blocks that there are.
BLOCK = 1024 * 1024
BLOCKS = 3


class BackgroundHasher:
    """Hands out blocks to read into, and hashes what was read there while more is read.

    A context manager: its thread ends with the block. It must not be forked while in use.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        self._filled: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        for _ in range(BLOCKS):
            self._free.put(memoryview(bytearray(BLOCK)))
        self._thread = Thread(target=self._hash, name="wanvideo-sha256", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._filled.put(None)
        self._thread.join()

    def buffer(self) -> memoryview:
        """Return a block to read into, as soon as one is hashed that was read before."""
        return self._free.get()

    def commit(self, block: memoryview, size: int) -> None:
        """Give a block back whose first ``size`` bytes have been read."""
        self._filled.put((block, size))

    def hexdigest(self) -> str:
        """Wait for all that was committed, and return its digest; nothing can be committed any more."""
        self.__exit__()
        return self._digest.hexdigest()

    def _hash(self) -> None:
        while (filled := self._filled.get()) is not None:
            block, size = filled
            self._digest.update(block[:size])
            self._free.put(block)
