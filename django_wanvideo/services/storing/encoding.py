"""Videos of different kinds made into one, in a process of its own: ``python encoding.py TARGET PART PART …``.

Like ``remux`` it runs beside the worker, with limits, and knows nothing of the site. Everything is decoded and encoded as the
first part is: its size, with bars where the shape differs, and its pictures a second. It writes JSON: ``{"sound": …}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any

from django_wanvideo import processes
from django_wanvideo.services.storing.frames import MEMORY, picture_of

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds of the processor: ten minutes of four cores.
CPU_SECONDS = 2400
#: No difference can be seen, in a file of about the size of the parts.
OPTIONS = {"crf": "18", "preset": "veryfast", "threads": "4"}
#: Pictures a second of a video that does not say.
_USUAL_RATE = Fraction(24)


def join(target: str, parts: list[str]) -> dict[str, Any]:
    """Write the videos of ``parts`` into ``target``, which is an MP4; sound where all of them have it.

    Raises ValueError for what has no picture that may be decoded, and errors of PyAV's.
    """
    import av

    with ExitStack() as stack:
        opened: list[Any] = [stack.enter_context(av.open(path, "r", format="mp4")) for path in parts]
        first, *_others = [picture_of(container) for container in opened]
        has_sound = all(container.streams.audio for container in opened)
        film: Any = stack.enter_context(av.open(target, "w", format="mp4", options={"movflags": "+faststart"}))
        picture = film.add_stream("libx264", rate=first.average_rate or _USUAL_RATE, options=OPTIONS)
        # What is encoded has even sides.
        picture.width, picture.height = first.codec_context.width // 2 * 2, first.codec_context.height // 2 * 2
        picture.pix_fmt = "yuv420p"
        sound = _sound_like(film, opened[0].streams.audio[0].codec_context) if has_sound else None
        shown = heard = 0
        for container in opened:
            for frame in _pictures(container, picture):
                frame.pts, frame.time_base = shown, 1 / picture.average_rate
                shown += 1
                film.mux(picture.encode(frame))
            if sound is not None:
                # Of each part as much as its picture lasts.
                until = round(shown / picture.average_rate * sound.rate)
                for frame in _sounds(container, sound, until - heard):
                    frame.pts, frame.time_base = heard, Fraction(1, sound.rate)
                    heard += frame.samples
                    film.mux(sound.encode(frame))
        for stream in filter(None, (picture, sound)):
            film.mux(stream.encode())
    return {"sound": has_sound}


def _sound_like(film: Any, first: Any) -> Any:
    sound = film.add_stream("aac", rate=first.sample_rate)
    sound.layout = first.layout.name
    return sound


def _pictures(container: Any, wanted: Any) -> Iterator[Any]:
    """Yield a part's pictures in the size, and as many a second, as the film has them."""
    from av.filter import Graph

    graph = Graph()
    size = f"{wanted.width}:{wanted.height}"
    steps = [
        graph.add_buffer(template=container.streams.video[0]),
        graph.add("scale", f"{size}:force_original_aspect_ratio=decrease:force_divisible_by=2"),
        graph.add("pad", f"{size}:-1:-1"),
        graph.add("setsar", "1"),
        graph.add("fps", str(wanted.average_rate)),
        graph.add("format", wanted.pix_fmt),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*steps).configure()
    yield from _filtered(graph, container.decode(video=0))


def _sounds(container: Any, wanted: Any, samples: int) -> Iterator[Any]:
    """Yield a part's sound as the film has it: so many samples of it, with silence where it ends before."""
    from av.filter import Graph

    container.seek(0)
    graph = Graph()
    steps = [
        graph.add_abuffer(template=container.streams.audio[0]),
        graph.add("aresample", f"{wanted.rate}:async=1:first_pts=0"),
        graph.add("aformat", f"sample_fmts=fltp:channel_layouts={wanted.layout.name}"),
        graph.add("apad", ""),
        graph.add("atrim", f"end_sample={samples}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*steps).configure()
    yield from _filtered(graph, container.decode(audio=0))


def _filtered(graph: Any, frames: Iterator[Any]) -> Iterator[Any]:
    """Yield what a graph makes of frames."""
    from av.error import BlockingIOError as NothingYet
    from av.error import EOFError as AtEnd

    # Nothing after the last one tells that it was the last.
    for frame in chain(frames, [None]):
        graph.push(frame)
        with contextlib.suppress(NothingYet, AtEnd):
            while True:
                yield graph.pull()


def main() -> None:
    processes.limit(CPU_SECONDS, MEMORY)
    with contextlib.suppress(AttributeError, OSError):
        # Others have things to do that somebody waits for.
        os.nice(10)
    sys.stdout.write(json.dumps(join(sys.argv[1], sys.argv[2:])))


if __name__ == "__main__":
    main()
