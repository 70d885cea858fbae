"""What looks into videos: processes beside the worker, each with limits of its own, that know nothing of the site."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from django.conf import settings

from django_wanvideo import processes
from django_wanvideo.models.creation import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models.fields.files import FieldFile


class Undecodable(Exception):  # noqa: N818 - not an error: a video may be anything
    """Nothing can be made of the video; the text says why, in a few words."""


@contextmanager
def copy_of(stored: FieldFile, most: int) -> Iterator[IO[bytes]]:
    """Open a temporary copy of a stored video of at most ``most`` bytes, at its beginning.

    Raises Undecodable for a larger one, and whatever the storage raises.
    """
    with tempfile.NamedTemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
        with stored.storage.open(str(stored.name), "rb") as content:
            while piece := content.read(files.CHUNK):
                if copy.tell() + len(piece) > most:
                    raise Undecodable("the video is too large")
                copy.write(piece)
        copy.flush()
        copy.seek(0)
        yield copy


def run(script: str, *arguments: str, video: IO[bytes] | None = None, timeout: float) -> bytes:
    """Return what a script writes that runs by itself, ``video`` being its input. Raises Undecodable with what it says.

    Args:
        timeout: seconds.
    """
    try:
        return processes.run(script, *arguments, content=video, timeout=timeout)
    except processes.ScriptFailed as error:
        raise Undecodable("decoding takes too long" if error.is_late else str(error)) from error
