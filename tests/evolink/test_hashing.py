"""SHA-256 in a thread beside the reading gives the digest of what was read."""

from __future__ import annotations

import hashlib
import threading

import pytest

from django_wanvideo.downloads.hashing import BLOCK, BLOCKS, SideHasher


def feed(hasher: SideHasher, content: bytes, most: int) -> None:
    position = 0
    while position < len(content):
        room = hasher.room(most)
        part = content[position : position + len(room)]
        room[: len(part)] = part
        hasher.took(len(part))
        position += len(part)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, BLOCK * BLOCKS, BLOCK * (2 * BLOCKS + 1) + 17])
@pytest.mark.parametrize("most", [64 * 1024, 100_001])
def test_the_digest_is_that_of_everything_that_was_read(size: int, most: int) -> None:
    content = bytes(range(251)) * (size // 251 + 1)
    with SideHasher() as hasher:
        feed(hasher, content[:size], most)
        assert hasher.hexdigest() == hashlib.sha256(content[:size]).hexdigest()


def test_room_that_was_not_filled_is_not_hashed() -> None:
    with SideHasher() as hasher:
        room = hasher.room(100)
        room[:] = b"x" * 100
        hasher.took(40)
        assert hasher.hexdigest() == hashlib.sha256(b"x" * 40).hexdigest()


def test_its_thread_ends_with_the_block_even_if_reading_broke_off() -> None:
    before = set(threading.enumerate())

    def break_off() -> None:
        with SideHasher() as hasher:
            feed(hasher, b"x" * (2 * BLOCK), 64 * 1024)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert set(threading.enumerate()) <= before


def test_it_holds_no_more_than_its_blocks() -> None:
    with SideHasher() as hasher:
        feed(hasher, bytes(BLOCK * 10), 64 * 1024)
        assert len(hasher._blocks) == BLOCKS
