"""The beginning of a clip or a sound in a process of its own: ``python packets.py TARGET KIND SECONDS < file``.

Packets are copied, nothing is decoded or encoded. Like ``headers`` it runs beside the site's process, with limits, and knows
nothing of the site.
"""

from __future__ import annotations

import sys
from typing import IO, Any

from django_wanvideo import processes

#: Seconds of the processor, and bytes of memory.
CPU_SECONDS, MEMORY = 15, 2 * 1024**3
#: What players need to begin before all is loaded.
_OPTIONS = {"mp4": {"movflags": "+faststart"}, "mov": {"movflags": "+faststart"}}
#: Moments are fractions that are not whole.
_TOLERANCE = 1e-6


def copy_beginning(content: IO[bytes], target: str, kind: str, seconds: float) -> int:
    """Write what begins ``content`` and lasts ``seconds`` at most into the file ``target``; return how many packets that is.

    In the order in which they are decoded, pictures are copied up to the first one that is shown too late: each of them can be
    decoded, and none between them is missing. How they are turned, and the shape of their pixels, stay.

    Args:
        kind: mp4, mov, mp3 or wav, of both files.

    Raises ValueError where nothing is left, and errors of PyAV's.
    """
    import av

    copied = 0
    # Named, so that nothing is tried that opens other files.
    with (
        av.open(content, "r", format=kind) as given,
        av.open(target, "w", format=kind, options=_OPTIONS.get(kind)) as cut,
    ):
        found = given.streams.best("video") if kind in _OPTIONS else None, given.streams.best("audio")
        streams: list[Any] = [stream for stream in found if stream is not None]
        copies = {stream.index: _copy_of(cut, stream) for stream in streams}
        start = (given.start_time or 0) / av.time_base
        begins: dict[int, float] = {}
        for packet in given.demux(streams):
            number = packet.stream.index
            # The last one of each stream is empty.
            if number not in copies or packet.dts is None or packet.pts is None:
                continue
            # What players do not show, such as the run-up of a sound, counts as well where the length is measured.
            begin = begins.setdefault(number, min(start, float(packet.pts * packet.time_base)))
            if float((packet.pts + (packet.duration or 0)) * packet.time_base) - begin > seconds + _TOLERANCE:
                del copies[number]
                if not copies:
                    break
                continue
            packet.stream = copies[number]
            cut.mux(packet)
            copied += 1
    if not copied:
        raise ValueError("nothing is left")
    return copied


def _copy_of(cut: Any, stream: Any) -> Any:
    """Return a new stream like another; under the same tag, which some players go by."""
    copy = cut.add_stream_from_template(stream)
    copy.codec_context.codec_tag = stream.codec_context.codec_tag
    return copy


def main() -> None:
    processes.limit(CPU_SECONDS, MEMORY)
    target, kind, seconds = sys.argv[1:]
    sys.stdout.write(str(copy_beginning(sys.stdin.buffer, target, kind, float(seconds))))


if __name__ == "__main__":
    main()
