"""The MP4 files, decoded."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from django_wanvideo.simulator import VirtualClock
from django_wanvideo.simulator.media import video
from tests.pictures import drawn

av = pytest.importorskip("av")


def link(client, **values):
    if "image_urls" not in values:
        values["image_urls"] = [client.uploaded(drawn())]
    (url,) = client.get(client.create(**values))["results"]
    return url


def fetch(client, **values):
    answer = requests.get(link(client, **values), timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def decode(data):
    """Streams by type, seconds, and all frames as pictures."""
    with av.open(io.BytesIO(data)) as container:
        streams = {stream.type: stream for stream in container.streams}
        facts = {
            kind: (stream.codec_context.name, float(stream.duration * stream.time_base))
            for kind, stream in streams.items()
        }
        frames = [frame.to_image() for frame in container.decode(video=0)]
    return facts, frames


@pytest.mark.parametrize(("seconds", "audio"), [(2, True), (5, False), (15, True)])
def test_the_video_is_h264_of_the_asked_length_with_sound_when_asked(client, seconds, audio):
    facts, frames = decode(fetch(client, duration=seconds, generate_audio=audio))
    assert facts["video"] == ("h264", seconds)
    assert len(frames) == seconds * client.sim.options.video_fps
    assert ("audio" in facts) is audio
    if audio:
        assert facts["audio"][0] == "aac"
        assert facts["audio"][1] == pytest.approx(seconds, abs=0.05)


def test_the_sound_is_quiet_but_not_silent(client):
    with av.open(io.BytesIO(fetch(client, duration=2))) as container:
        loudest = 0.0
        for frame in container.decode(audio=0):
            data = bytes(frame.planes[0])[: frame.samples * 4]
            loudest = max(loudest, *map(abs, struct.unpack(f"{frame.samples}f", data)))
    assert 0.001 < loudest < 0.05


@pytest.mark.parametrize(
    ("width", "height", "quality", "size"),
    [
        (1280, 720, "720p", (1280, 720)),
        (720, 1280, "720p", (720, 1280)),
        (1000, 1000, "720p", (960, 960)),
        (1600, 900, "1080p", (1920, 1080)),
        (2000, 360, "720p", (2262, 408)),
    ],
)
def test_size_keeps_pictures_ratio_at_qualitys_area(width, height, quality, size):
    """The size keeps the pictures ratio at the qualitys area with even sides."""
    assert video.frame_size(width, height, quality) == size


def test_a_full_size_video_has_the_documented_pixels(start):
    client = start(small_videos=False)
    facts, frames = decode(fetch(client, image_urls=[client.uploaded(drawn(size=(1280, 720)))], duration=2))
    assert frames[0].size == (1280, 720)
    assert facts["video"][1] == 2


def test_the_video_begins_with_the_picture_and_then_moves(start):
    client = start(captions=False)
    _, frames = decode(
        fetch(client, image_urls=[client.uploaded(drawn(color=(200, 40, 40), is_half=True))], generate_audio=False)
    )
    width, height = frames[0].size
    red, green, blue = frames[0].getpixel((width // 4, height // 2))
    assert red > 150
    assert green < 90
    assert blue < 90
    assert max(frames[0].getpixel((width * 3 // 4, height // 2))) < 40
    assert frames[0].tobytes() != frames[-1].tobytes()


def test_the_prompts_first_words_are_drawn_on_it(start):
    client = start(video_scale=0.5)
    url = client.uploaded(drawn(color=(0, 0, 0)))

    def bright(prompt):
        _, frames = decode(fetch(client, image_urls=[url], prompt=prompt, duration=2, generate_audio=False))
        return sum(1 for pixel in frames[0].convert("L").tobytes() if pixel > 180)

    assert bright("A cat plays the piano") > 200
    assert bright("[immediate]") == 0


@pytest.mark.parametrize(
    "prompt", ["Кошка играет на пианино", "猫が踊る 고양이", "قطة", "🐱" * 40, "\u0301\u200b\x00", "\ud83d", "x" * 1500]
)
def test_any_prompt_can_be_drawn(client, prompt):
    facts, _ = decode(fetch(client, prompt=prompt, duration=2))
    assert facts["video"][1] == 2


def test_long_prompts_are_cut_between_words_and_scripts_are_left_out():
    text = video.first_words(
        "A very long prompt [fail:service_error] that goes on and on\nand on until nobody reads it"
    )
    assert text == "A very long prompt that goes on and on and on until nobody…"
    assert len(video.first_words("x" * 200)) == 61


def test_letters_that_first_font_lacks_are_drawn():
    """Letters that the first font lacks are drawn in another or left out."""
    strip = video.draw_caption("Пианино", 400, 300)
    assert strip is None or max(strip.convert("L").tobytes()) > 180
    assert video.draw_caption("\U000f0000", 400, 300) is None


def test_the_index_comes_before_the_pictures(client):
    data = fetch(client, duration=2)
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_same_wish_is_drawn_once_even_when_asked_for_at_the_same_time(client, monkeypatch):
    made = []
    original = video.draw
    monkeypatch.setattr(video, "draw", lambda *args: (made.append(args), original(*args)))
    url = client.uploaded(drawn())
    links = [link(client, image_urls=[url]) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        contents = list(pool.map(lambda address: requests.get(address, timeout=30).content, links))
    assert len(set(contents)) == 1
    assert len(made) == 1


def test_other_pictures_prompts_lengths_and_sizes_are_other_videos(client):
    url, other = client.uploaded(drawn()), client.uploaded(drawn(color=(0, 200, 0)))
    plain = {"duration": 2, "image_urls": [url]}
    variants = [
        plain,
        plain | {"image_urls": [other]},
        plain | {"prompt": "Another"},
        plain | {"duration": 3},
        plain | {"quality": "1080p"},
        plain | {"generate_audio": False},
    ]
    assert len({hashlib.sha256(fetch(client, **values)).digest() for values in variants}) == len(variants)


def test_without_captions_one_file_serves_all_prompts(start):
    client = start(captions=False)
    url = client.uploaded(drawn())
    assert fetch(client, image_urls=[url], prompt="One") == fetch(client, image_urls=[url], prompt="Two")


def test_a_picture_from_elsewhere_is_replaced_by_a_placeholder(client):
    facts, frames = decode(fetch(client, image_urls=["https://pictures.example.com/cat.jpg"], duration=2))
    assert facts["video"][1] == 2
    assert frames[0].size == (320, 180)


def test_a_small_five_second_clip_takes_under_a_second_of_the_processor(client):
    url = link(client)
    started = time.process_time()
    assert requests.get(url, timeout=30).status_code == 200
    assert time.process_time() - started < 1


def test_results_answer_head_and_ranges(client):
    url = link(client, duration=2)
    whole = requests.get(url, timeout=30)
    assert whole.headers["Content-Type"] == "video/mp4"
    head = requests.head(url, timeout=30)
    assert head.headers["Content-Length"] == str(len(whole.content)) == whole.headers["Content-Length"]
    assert head.content == b""
    for header, expected in [
        ("bytes=0-99", whole.content[:100]),
        ("bytes=100-", whole.content[100:]),
        ("bytes=-7", whole.content[-7:]),
    ]:
        part = requests.get(url, headers={"Range": header}, timeout=30)
        assert (part.status_code, part.content) == (206, expected)
        assert part.headers["Content-Range"].endswith(f"/{len(whole.content)}")
    beyond = requests.get(url, headers={"Range": f"bytes={len(whole.content)}-"}, timeout=30)
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"


def test_a_link_dies_after_24_hours_and_others_never_lived(start):
    clock = VirtualClock()
    client = start(clock=clock)
    task_id = client.create()
    (url,) = client.get(task_id)["results"]
    clock.advance(24 * 3600 - 1)
    assert requests.head(url, timeout=30).status_code == 200
    clock.advance(1)
    assert requests.get(url, timeout=30).status_code == 403
    assert client.get(task_id)["results"] == [url]
    assert requests.get(f"{client.sim.url}/results/x/videos/file_0.mp4", timeout=30).status_code == 404


def test_a_dead_link_can_be_replaced_when_the_task_is_read(start):
    clock = VirtualClock()
    client = start(clock=clock, fresh_links=True)
    task_id = client.create()
    (first,) = client.get(task_id)["results"]
    clock.advance(24 * 3600)
    (second,) = client.get(task_id)["results"]
    assert first != second
    assert requests.head(second, timeout=30).status_code == 200


def test_a_file_of_ones_own_can_be_the_result(client, tmp_path):
    task_id = client.create()
    (tmp_path / "own.mp4").write_bytes(b"own" * 1000)
    client.sim.set_video(task_id, tmp_path / "own.mp4")
    assert requests.get(client.get(task_id)["results"][0], timeout=30).content == b"own" * 1000


def test_results_of_ones_own_are_told_as_they_are(start):
    client = start(progression="manual")
    task_id = client.create()
    client.sim.complete(task_id, ["https://elsewhere.example.com/a.mp4"])
    assert client.get(task_id)["results"] == ["https://elsewhere.example.com/a.mp4"]


def test_without_pyav_everything_works_but_the_video_which_names_the_extra(client, monkeypatch):
    url = link(client)
    monkeypatch.setitem(sys.modules, "av", None)
    assert not video.available()
    answer = requests.get(url, timeout=30)
    assert answer.status_code == 503
    assert "pip install 'django-wanvideo[simulator]'" in answer.text


def test_importing_simulator_loads_no_library_for_http():
    """Importing the simulator loads no library for HTTP pictures videos or Django."""
    code = (
        "import sys, django_wanvideo.simulator;"
        "sys.exit(','.join(m for m in ('av', 'PIL', 'werkzeug', 'django', 'requests', 'rq', 'rest_framework') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_simulator_imports_nothing_of_the_rest_of_the_package():
    import ast
    from pathlib import Path

    import django_wanvideo.simulator

    for module in Path(django_wanvideo.simulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                own = node.level == 1 or f"{node.module}.".startswith("django_wanvideo.simulator.")
                assert own or not (node.module or "").startswith("django"), module
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("django") for alias in node.names), module
