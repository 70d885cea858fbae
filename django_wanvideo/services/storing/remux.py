"""Videos put one after the other without being encoded anew, in a process of its own: ``python remux.py TARGET PART PART …``.

Like ``frames`` it runs beside the worker, with limits, and knows nothing of the site. It writes JSON:
nothing but ``{"sound": …}`` where the parts were joined, or else what keeps them from being one video.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from typing import Any

from django_wanvideo.services.storing.frames import limit


def join(target: str, parts: list[str]) -> dict[str, Any]:
    """Write the videos of ``parts`` into ``target``, which is an MP4; sound where all of them have it.

    Returns ``sound``, whether there is any, or ``part`` (from 1), ``what`` it is that differs from the first part, how that
    one ``is`` and how the ``first``.

    Raises ValueError for what has no picture, and errors of PyAV's.
    """
    import av

    with ExitStack() as stack:
        opened = [stack.enter_context(av.open(path, "r", format="mp4")) for path in parts]
        if any(not container.streams.video for container in opened):
            raise ValueError("there is no picture in it")
        has_sound = all(container.streams.audio for container in opened)
        facts = [_facts(container, has_sound) for container in opened]
        for number, fact in enumerate(facts[1:], start=2):
            for what, value in fact.items():
                if value != facts[0][what]:
                    return {"part": number, "what": what, "is": str(value), "first": str(facts[0][what])}
        film = stack.enter_context(av.open(target, "w", format="mp4", options={"movflags": "+faststart"}))
        streams = _streams(opened[0], has_sound)
        written = [film.add_stream_from_template(stream) for stream in streams]
        at = 0.0
        last: dict[int, int] = {}
        for container in opened:
            at += _append(film, container, written, at, last)
    return {"sound": has_sound}


def _streams(container: Any, has_sound: bool) -> list[Any]:
    return [container.streams.video[0], *([container.streams.audio[0]] if has_sound else [])]


def _facts(container: Any, has_sound: bool) -> dict[str, Any]:
    """Return what must be the same in all parts, the plainest first."""
    picture = container.streams.video[0]
    codec = picture.codec_context
    found = {
        "size": f"{codec.width} × {codec.height}",
        "codec": codec.name,
        "rate": f"{float(picture.average_rate or 0):g}",
        "encoding": [str(picture.time_base), codec.pix_fmt, (codec.extradata or b"").hex()],
    }
    if has_sound:
        sound = container.streams.audio[0].codec_context
        found["sound"] = f"{sound.name}, {sound.sample_rate} Hz, {sound.layout.name}"
    return found


def _append(film: Any, container: Any, written: list[Any], at: float, last: dict[int, int]) -> float:
    """Copy a part so that it begins ``at`` seconds; return how many seconds its picture lasts.

    ``last`` is the latest moment of each stream: what would come before it, such as the run-up of a sound, is left out.
    """
    streams = _streams(container, len(written) > 1)
    begin = float((streams[0].start_time or 0) * streams[0].time_base)
    length = 0.0
    for packet in container.demux(streams):
        # The last one of each stream is empty.
        if packet.dts is None or packet.pts is None:
            continue
        number = streams.index(packet.stream)
        if number == 0:
            length = max(length, float((packet.pts + (packet.duration or 0)) * packet.time_base) - begin)
        shift = round((at - begin) / packet.time_base)
        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
        if packet.dts <= last.get(number, packet.dts - 1):
            continue
        last[number] = packet.dts
        packet.stream = written[number]
        film.mux(packet)
    return length


def main() -> None:
    limit()
    sys.stdout.write(json.dumps(join(sys.argv[1], sys.argv[2:])))


if __name__ == "__main__":
    main()
