"""The beginning of a clip or a sound is a copy of its packets, as long as a model takes."""

from __future__ import annotations

import dataclasses
import io
import struct

import av
import pytest
from django.core.exceptions import ValidationError
from PIL import Image

from django_wanvideo import catalog
from django_wanvideo.catalog import media
from django_wanvideo.catalog.media import cutting
from tests.clips import clip, silence

SIZE = (320, 240)
#: A quarter turn to the right, as a phone writes it.
UPRIGHT = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, SIZE[1] << 16, 0, 0x40000000)
WANTED = dataclasses.replace(catalog.get("wan2.7-video-edit").input("source_video"), min_seconds=1, max_seconds=2)
SOUND = dataclasses.replace(catalog.get("wan2.7-text-to-video").input("audio"), min_seconds=1, max_seconds=2)


def filmed(kind="mp4", codec="libx264", seconds=3, sound="aac"):
    """Return an upright clip of 10 pictures a second that moves, stored in another order than shown."""
    target = io.BytesIO()
    with av.open(target, "w", format=kind) as container:
        pictures = container.add_stream(codec, rate=10, options={"bf": "3", "g": "250", "x265-params": "log-level=0"})
        pictures.width, pictures.height = SIZE
        pictures.pix_fmt = "yuv420p"
        if codec == "libx265":
            # Apple's players take no other.
            pictures.codec_context.codec_tag = "hvc1"
        heard = container.add_stream(sound, rate=8000, layout="mono") if sound else None
        scene = Image.effect_noise((SIZE[0] + seconds * 20, SIZE[1]), 64).convert("RGB")
        for number in range(seconds * 10):
            moved = scene.crop((number * 2, 0, number * 2 + SIZE[0], SIZE[1]))
            container.mux(pictures.encode(av.VideoFrame.from_image(moved)))
        container.mux(pictures.encode())
        for number in range(seconds * 10 if heard is not None else 0):
            frame = av.AudioFrame("s16" if "pcm" in sound else "fltp", "mono", 800)
            frame.sample_rate, frame.pts = 8000, number * 800
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            container.mux(heard.encode(frame))
        if heard is not None:
            container.mux(heard.encode(None))
    content = bytearray(target.getvalue())
    at = content.index(b"tkhd") + 44
    content[at : at + len(UPRIGHT)] = UPRIGHT
    return bytes(content)


def cut(content, wanted=WANTED):
    given = io.BytesIO(content)
    facts = media.measure(given, wanted)
    assert media.can_cut(wanted, facts)
    result, found = media.cut(given, wanted, facts)
    assert given.read() == content, "the given one is left as it was"
    with result:
        return result.read(), found


def shown(content):
    with av.open(io.BytesIO(content), format="mov") as container:
        return [(frame.time, frame.rotation, frame.to_image().tobytes()) for frame in container.decode(video=0)]


def tracks(content):
    with av.open(io.BytesIO(content), format="mov") as container:
        return [(stream.type, stream.codec_context.codec_tag) for stream in container.streams]


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mp4", {}),
        ("mov", {"sound": "pcm_s16le"}),
        ("mov", {"codec": "libx265"}),
    ],
    ids=["MP4", "MOV", "HEVC"],
)
def test_the_cut_one_shows_and_sounds_as_the_beginning_of_the_other(kind, options):
    content = filmed(kind, **options)
    beginning, facts = cut(content)
    whole, part = shown(content), shown(beginning)
    assert len(whole) == 30
    # The last picture that others are made from may be shown too late, and so those before it are missing with it.
    assert 17 <= len(part) <= 20
    assert part == whole[: len(part)]
    assert part[0][1] in {90, -90}
    assert tracks(beginning) == tracks(content)
    assert (facts.format, facts.width, facts.height) == (kind.upper(), *SIZE)
    assert 1.7 <= facts.seconds <= 2


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_of_a_sound_the_beginning_is_left(kind):
    beginning, facts = cut(silence(3, kind), SOUND)
    assert facts.format == kind.upper()
    assert 1.8 <= facts.seconds <= 2
    assert len(beginning) < len(silence(3, kind))


def test_only_what_is_nothing_but_too_long_is_cut(monkeypatch):
    def can_cut(content, wanted=WANTED):
        return media.can_cut(wanted, media.measure(io.BytesIO(content), wanted))

    long = clip("red", "green", "blue", size=SIZE)
    assert can_cut(long)
    assert not can_cut(clip("red", "green", size=SIZE))
    assert not can_cut(clip("red", "green", "blue")), "it is too small as well"
    assert not media.can_cut(WANTED, catalog.MediaFacts("MP4", 1000, *SIZE)), "nobody knows how long it is"
    known = cutting.importlib.util.find_spec
    monkeypatch.setattr(cutting.importlib.util, "find_spec", lambda name: None if name == "av" else known(name))
    assert not can_cut(long)


def refused(wanted=WANTED):
    content = io.BytesIO(clip("red", "green", "blue", size=SIZE))
    facts = catalog.MediaFacts("MP4", 1000, *SIZE, seconds=3)
    with pytest.raises(ValidationError) as caught:
        media.cut(content, wanted, facts)
    assert content.tell() == 0
    return caught.value.code


def test_what_cannot_be_cut_is_said_with_what_to_do(monkeypatch, tmp_path):
    assert refused(dataclasses.replace(WANTED, min_seconds=3, max_seconds=2)) == "uncuttable", (
        "what is left is too short"
    )
    script = tmp_path / "packets.py"
    monkeypatch.setattr(cutting.packets, "__file__", str(script))
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    assert refused() == "uncuttable"
    monkeypatch.setattr(cutting, "SECONDS", 0.2)
    script.write_text("import time\ntime.sleep(60)")
    assert refused() == "uncuttable"
    monkeypatch.setattr(cutting.processes.sys, "executable", "/nowhere/python")
    assert refused() == "unmeasured", "not the file's fault"
