"""SHA-256 in a thread beside the reading gives the digest of what was read."""

from __future__ import annotations

import hashlib
import threading

import pytest

from django_wanvideo.downloads.hashing import BLOCK, BLOCKS, BackgroundHasher


def feed(hasher: BackgroundHasher, content: bytes, most: int = BLOCK) -> set[int]:
    """Hash ``content`` by at most so many bytes a block; returns which blocks it went through."""
    used = set()
    for position in range(0, len(content), most):
        part, block = content[position : position + most], hasher.buffer()
        block[: len(part)] = part
        hasher.commit(block, len(part))
        used.add(id(block))
    return used


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * BLOCKS, BLOCK * (2 * BLOCKS + 1) + 17])
@pytest.mark.parametrize("most", [BLOCK, 100_001])
def test_the_digest_is_that_of_everything_that_was_read(size: int, most: int) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    with BackgroundHasher() as hasher:
        feed(hasher, content, most)
        assert hasher.hexdigest() == hashlib.sha256(content).hexdigest()


def test_its_thread_ends_with_the_block_even_if_reading_broke_off() -> None:
    before = set(threading.enumerate())

    def break_off() -> None:
        with BackgroundHasher() as hasher:
            feed(hasher, b"x" * (2 * BLOCK))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert set(threading.enumerate()) <= before


def test_it_holds_no_more_than_its_blocks() -> None:
    with BackgroundHasher() as hasher:
        assert len(feed(hasher, bytes(BLOCK * 10))) <= BLOCKS
