"""The parts of a film become one file: once, in order, whole or not at all, and whatever fails is told."""

from __future__ import annotations

import datetime as dt
import io
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from django.core.files.storage import storages
from django.utils import timezone

from django_wanvideo import chains, jobs
from django_wanvideo.chains import joining
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import Film, VideoTask
from django_wanvideo.services import retention
from django_wanvideo.services.storing import decoding, frames, orphans, posters, remux
from django_wanvideo.services.sweep import sweep
from django_wanvideo.simulator.media.video import Scene, draw
from django_wanvideo.testing import evolink_simulator, picture, run_until_finished
from tests import storages as odd
from tests.chains.conftest import SIZE
from tests.clips import clip, colour_of, heard_of, sounding
from tests.factories import make_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Stored = Callable[..., VideoTask]

pytestmark = pytest.mark.django_db
S = TaskStatus


@pytest.fixture
def storage(settings: Any) -> Any:
    """A storage of another machine: it gives files and has no folder here."""
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.Failing"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


@pytest.fixture
def parts(storage: Any, stored: Stored) -> list[VideoTask]:
    first = stored("red")
    return [first, stored("blue", continues=first)]


def made(film: Film) -> Film:
    jobs.join(str(film.pk))
    return Film.objects.get(pk=film.pk)


def seen(film: Film) -> list[str]:
    """The colours of a film, one a second."""
    with film.video.open() as stored, av.open(io.BytesIO(stored.read())) as container:
        pictures = [frame.to_image() for frame in container.decode(container.streams.video[0])]
    shown = []
    for frame in pictures[5::10]:
        target = io.BytesIO()
        frame.save(target, "PNG")
        shown.append(colour_of(target.getvalue()))
    return shown


def heard(film: Film) -> list[bool]:
    with film.video.open() as stored:
        return heard_of(stored.read())


def films(storage: Any) -> list[str]:
    return [name for name in odd.names(storage) if "/films/" in name]


def test_parts_are_joined_once_however_often_they_are_asked_for(
    parts: list[VideoTask], storage: Any, wakes: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        film = chains.join(parts[0])
        assert chains.join(parts[1]) == film
    assert wakes[0] == ("join", str(film.pk))
    film = made(film)
    assert seen(film) == ["red", "blue"]
    assert (film.task, film.parts, film.next_action_at) == (parts[1], [str(part.pk) for part in parts], None)
    assert film.size == film.video.size
    assert made(chains.join(parts[0])).video.name == film.video.name
    assert films(storage) == [film.video.name]
    assert [event.detail for event in parts[1].events.all()] == [{"reason": "joined"}], "told once"
    assert VideoTask.objects.count() == 2


def test_a_worker_that_dies_is_followed_by_another(
    parts: list[VideoTask], storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = chains.join(parts[0])

    def killed(*_args: object, **_options: object) -> bytes:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "run", killed)
        with pytest.raises(SystemExit):
            made(film)
    assert made(film).video.name == "", "as long as it may live it is left alone"
    assert chains.join(parts[0]).next_action_at == Film.objects.get().next_action_at > timezone.now()
    assert films(storage) == []
    Film.objects.update(next_action_at=timezone.now())
    swept = sweep(jobs.run_here)
    assert swept.counts["films"] == 1
    assert seen(Film.objects.get()) == ["red", "blue"]


def test_the_file_of_a_worker_that_was_taken_for_dead_is_not_kept(
    parts: list[VideoTask], storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film, real = chains.join(parts[0]), decoding.run

    def slow(*args: Any, **options: Any) -> bytes:
        Film.objects.update(next_action_at=timezone.now())
        return real(*args, **options)

    monkeypatch.setattr(decoding, "run", slow)
    assert made(film).video.name == ""
    assert films(storage) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (clip("green", size=(640, 360)), {"what": "size", "is": "640 × 360", "first": "480 × 360"}),
        (clip("green", size=SIZE, fps=5), {"what": "rate", "is": "5", "first": "10"}),
    ],
)
def test_what_differs_is_encoded_as_the_first_part_is(
    parts: list[VideoTask], stored: Stored, content: bytes, expected: dict[str, object]
) -> None:
    odd_one = stored(content=content, continues=parts[1])
    film = made(chains.join(stored("red", continues=odd_one)))
    assert film.problem == {"reason": "differs", "part": 3, **expected}
    assert seen(film) == ["red", "blue", "green", "red"]
    with film.video.open() as video, av.open(io.BytesIO(video.read())) as container:
        frame = list(container.decode(container.streams.video[0]))[25].to_image()
    assert frame.size == SIZE
    top = frame.convert("L").getpixel((SIZE[0] // 2, 5))
    assert (top < 20) is (expected["what"] == "size"), "the shape stays, with bars above and below"


def test_each_part_keeps_its_own_sound(stored: Stored) -> None:
    """Of parts whose sound is shorter than their picture and encoded in another way, each is heard from its beginning."""
    first = stored(content=sounding("red", rate=48_000, layout="stereo"))
    film = made(chains.join(stored(content=sounding("blue", rate=22_050, layout="mono"), continues=first)))
    assert film.problem["what"] == "sound"
    assert seen(film) == ["red", "blue"]
    # Before PyAV 16 the end of an encoded sound is not cut off.
    loud = heard(film)
    assert 20 <= len(loud) <= 21
    # Tenths of a second; each part beeps for the first two and a half.
    assert [at for at, is_loud in enumerate(loud) if is_loud] == [0, 1, 2, 10, 11, 12]


@pytest.mark.parametrize(("limit", "value"), [("ENCODING", 0.01), ("encoding", frames)], ids=["late", "broken"])
def test_what_cannot_be_encoded_is_told_and_nothing_is_made(
    parts: list[VideoTask], stored: Stored, storage: Any, monkeypatch: pytest.MonkeyPatch, limit: str, value: object
) -> None:
    monkeypatch.setattr(joining, limit, value)
    film = made(chains.join(stored(content=clip("green", size=(640, 360)), continues=parts[1])))
    assert (film.problem["reason"], film.problem["part"]) == ("differs", 3)
    assert (film.video.name, film.next_action_at, films(storage)) == ("", None, [])


def test_a_storage_that_fails_is_tried_again_and_then_told(parts: list[VideoTask], storage: Any) -> None:
    film = chains.join(parts[0])
    storage.failing = {"save"}
    for number in (1, 2, 3):
        film = made(film)
        assert film.problem == {"reason": "storage"}
        assert (film.next_action_at is None) is (number == 3)
        Film.objects.exclude(next_action_at=None).update(next_action_at=timezone.now())
    storage.failing = set()
    assert seen(made(chains.join(parts[0]))) == ["red", "blue"], "asked for again, it is tried anew"


def test_what_is_no_video_is_told(parts: list[VideoTask], stored: Stored) -> None:
    broken = stored(content=b"\0\0\0\x18ftypisom no video", continues=parts[1])
    film = made(chains.join(broken))
    assert (film.problem, film.tries) == ({"reason": "unreadable"}, 1)


def test_only_a_whole_film_is_joined(parts: list[VideoTask], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TransitionNotAllowed, match="no other parts"):
        chains.join(make_task(S.COMPLETED, video="a.mp4"))
    take = make_task(S.COMPLETED, video="other.mp4")
    parts[0].make_takes()
    VideoTask.objects.filter(pk__in=[parts[0].pk, take.pk]).update(take_group=parts[0].pk)
    VideoTask.objects.filter(pk=take.pk).update(picked=True)
    parts[1].refresh_from_db()
    with pytest.raises(TransitionNotAllowed, match="Part 2 was made from another frame than part 1"):
        chains.join(parts[1])
    assert chains.join(parts[1], anyway=True).parts == [str(take.pk), str(parts[1].pk)]
    make_task(S.FAILED, continues=parts[1])
    with pytest.raises(TransitionNotAllowed, match=r"Part 3 has no video yet \(failed\)"):
        chains.join(parts[1], anyway=True)
    monkeypatch.setattr(posters, "is_installed", lambda: False)
    VideoTask.objects.filter(status=S.FAILED).delete()
    with pytest.raises(ConfigurationError, match=r"django-wanvideo\[posters\]"):
        chains.join(parts[1], anyway=True)


def test_a_film_goes_with_its_last_part_and_is_no_orphan(
    parts: list[VideoTask], storage: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.WANVIDEO = {**settings.WANVIDEO, "UPLOAD_TO": "videos/%Y/"}
    film = made(chains.join(parts[0]))
    storage._resolve(film.video.name).modified_time -= dt.timedelta(days=30)
    assert orphans.find(timezone.now()).names == []
    Film.objects.update(video="")
    assert orphans.find(timezone.now()).names == [film.video.name], "without a row it is one"
    film.save(update_fields=["video"])
    with django_capture_on_commit_callbacks(execute=True):
        parts[0].delete()
    assert films(storage) == [film.video.name], "one part less, and the film is still whole"
    VideoTask.objects.update(finished_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        retention.prune_tasks(timezone.now(), ["completed"])
    assert (films(storage), Film.objects.count()) == ([], 0)


def test_a_remade_part_is_a_take_that_begins_where_the_part_before_it_ends(stored: Stored) -> None:
    first = stored("red")
    second = first.continue_with()
    VideoTask.objects.filter(pk=second.pk).update(status=S.COMPLETED, video="second.mp4")
    same, is_new = chains.remake(second)
    assert (is_new, same.continues, same.take_group, same.take_number) == (True, first, second.take_group, 2)
    other = stored("lime")
    VideoTask.objects.filter(pk__in=[first.pk, other.pk]).update(take_group=first.pk)
    VideoTask.objects.filter(pk=other.pk).update(picked=True)
    fitting, _is_new = chains.remake(second)
    assert (fitting.continues, fitting.take_number) == (other, 3)
    assert fitting.first_frame is not None
    with fitting.first_frame.file.open() as content:
        assert colour_of(content.read()) == "green"


def test_a_film_has_sound_where_all_parts_have_it(tmp_path: Path) -> None:
    loud, silent, film = (tmp_path / f"{name}.mp4" for name in ("loud", "silent", "film"))
    scene = Scene(1, "480p", audio=True, caption="", ratio=1.5, scale=0.25, fps=5, picture_digest="00" * 16)
    draw(scene, None, loud)
    draw(replace(scene, audio=False), None, silent)
    for parts, sound in (([loud, loud], True), ([loud, silent], False)):
        assert remux.join(str(film), [str(part) for part in parts]) == {"sound": sound}
        with av.open(str(film)) as container:
            assert bool(container.streams.audio) is sound


# -- the whole way


def test_a_film_of_four_parts_is_made_joined_and_charged_once_for_each() -> None:
    """Each part is made by the simulator of the last frame of the one before it; the pictures come back in order."""
    with evolink_simulator(small_videos=False, video_scale=0.45, video_fps=5) as evolink:
        task = VideoTask.objects.create_task("Part 1", picture(color="teal"), duration=2)
        tasks = []
        for number in range(1, 5):
            run_until_finished(task.submit())
            assert task.status == S.COMPLETED
            tasks.append(task)
            if number < 4:
                task = task.continue_with(prompt=f"Part {number + 1}", idempotency_key=f"part-{number + 1}")
        film = made(chains.join(tasks[1]))
        evolink.ledger.assert_charged_once()
        assert len(evolink.ledger) == 4
    whole, single = read(film), [read(task) for task in tasks]
    assert whole.pictures == [picture for one in single for picture in one.pictures]
    assert len({tuple(one.pictures) for one in single}) == 4, "the parts can be told apart"
    # The run-up of each sound is left out.
    assert len(whole.sound) >= sum(len(one.sound) - 2 for one in single)
    assert whole.seconds == [pytest.approx(8, abs=0.1)] * 2


def test_a_film_that_goes_on_with_its_clip_has_the_clip_once(settings: Any) -> None:
    """EvoLink reads the first video where the site has it, and the film consists of the second one and what follows."""
    Path(settings.MEDIA_ROOT).mkdir()
    handler = partial(Quiet, directory=str(settings.MEDIA_ROOT))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as media, running(media):
        public = f"http://127.0.0.1:{media.server_port}/"
        settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": public}
        with evolink_simulator(small_videos=False, video_scale=0.35, video_fps=2) as evolink:
            first = VideoTask.objects.create_task("A fox trots", model="wan2.7-text-to-video", duration=2)
            run_until_finished(first.submit())
            second = first.continue_with(prompt="It looks up", with_clip=True)
            run_until_finished(second.submit())
            third = second.continue_with(prompt="It sits down", duration=2)
            run_until_finished(third.submit())
            assert [task.status for task in (first, second, third)] == [S.COMPLETED] * 3
            body = evolink.ledger[second.attempt.provider_task_id].body
            clip_sent = second.inputs.get()
            assert body["video_urls"] == [f"{public}{clip_sent.file.name}"]
            with clip_sent.file.open() as sent, first.video.open() as video:
                assert sent.read() == video.read()
            film = made(chains.join(first))
            evolink.ledger.assert_charged_once()
            assert len(evolink.ledger) == 3
    assert film.parts == [str(second.pk), str(third.pk)]
    assert read(film).pictures == read(second).pictures + read(third).pictures
    assert read(film).seconds[0] == pytest.approx(4 + 2, abs=0.1)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@dataclass
class Read:
    """What a player gets of a file: packets as they were encoded, and seconds of picture and of sound."""

    pictures: list[bytes]
    sound: list[bytes]
    seconds: list[float]


def read(row: VideoTask | Film) -> Read:
    with row.video.open() as stored:
        content = stored.read()
    found: dict[str, list[bytes]] = {"video": [], "audio": []}
    with av.open(io.BytesIO(content)) as container:
        for packet in container.demux():
            if packet.dts is not None:
                found[packet.stream.type].append(bytes(packet))
    ends = []
    for kind in found:
        with av.open(io.BytesIO(content)) as container:
            last: Any = list(container.decode(**{kind: 0}))[-1]
            ends.append(float(last.time or 0) + float((last.duration or 0) * last.time_base))
    return Read(found["video"], found["audio"], ends)
