"""As much of the MP4 format as a download needs: does it begin like one, and does it end where it says."""

from __future__ import annotations


def looks_like_video(start: bytes | memoryview) -> bool:
    """Say whether ``start``, the first twelve bytes or more, begins an MP4 or QuickTime file."""
    return len(start) >= 12 and bytes(start[4:8]) == b"ftyp"


class Mp4Scanner:
    """Follows the top-level boxes of a file that is fed in pieces, keeping nothing but a header."""

    def __init__(self) -> None:
        self._header = b""
        self._skip = 0
        self._open_end = False

    @property
    def is_complete(self) -> bool:
        """Whether what was fed ends at the end of a box."""
        return self._open_end or (self._skip == 0 and not self._header)

    @property
    def is_truncated(self) -> bool:
        """Whether the last box says that it goes on beyond the end of what was fed."""
        return self._skip > 0

    def feed(self, chunk: bytes | memoryview) -> None:
        """Take the next bytes of the file."""
        if self._skip >= len(chunk):
            # Nearly all of a video is inside of one box.
            self._skip -= len(chunk)
            return
        position = 0
        while position < len(chunk) and not self._open_end:
            if self._skip:
                step = min(self._skip, len(chunk) - position)
                self._skip -= step
            else:
                step = min(self._header_size - len(self._header), len(chunk) - position)
                self._header += bytes(chunk[position : position + step])
                self._read_header()
            position += step

    @property
    def _header_size(self) -> int:
        # A size of 1 announces a 64-bit size after the name.
        return 16 if self._header[:4] == b"\0\0\0\1" else 8

    def _read_header(self) -> None:
        if len(self._header) < self._header_size:
            return
        size = int.from_bytes(self._header[:4] if self._header_size == 8 else self._header[8:])
        if size < self._header_size:
            # 0 means "to the end of the file"; anything else is no box, and nothing can be said any more.
            self._open_end = True
            return
        self._skip = size - self._header_size
        self._header = b""
