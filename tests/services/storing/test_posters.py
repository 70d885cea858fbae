"""A stored video gets its picture from a worker: never in anything's way, never in vain for ever, never left behind."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image
from rq.timeouts import JobTimeoutException

from django_wanvideo import jobs, queue
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.services.storing import frames, orphans, posters
from django_wanvideo.services.sweep import sweep
from django_wanvideo.testing import picture, run_pending, wakeup_catchers
from tests import storages as odd
from tests.clips import clip, colour_of
from tests.factories import make_task

pytestmark = pytest.mark.django_db

S = TaskStatus


@pytest.fixture(scope="module")
def film():
    return clip("red", "lime", "blue")


@pytest.fixture(autouse=True)
def wakes(monkeypatch):
    taken = []
    for target, name, catcher in wakeup_catchers(taken):
        monkeypatch.setattr(target, name, catcher)
    return taken


@pytest.fixture
def storage(settings):
    """A storage of another machine: it gives files and has no folder here."""
    settings.STORAGES = {**settings.STORAGES, "odd": {"BACKEND": "tests.storages.Failing"}}
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "odd"}
    return storages["odd"]


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(posters, "is_installed", lambda: True)


@pytest.fixture
def task(storage, installed, film):
    """A completed task whose poster is due."""
    made = make_task(S.COMPLETED, next_action_at=timezone.now())
    made.video.save("v.mp4", ContentFile(film), save=False)
    made.save(update_fields=["video"])
    return made


@pytest.fixture
def in_place(monkeypatch):
    """Decode in this process, which is quicker; what only another process can do is proved beside."""

    def decode(video, seconds):
        return frames.jpeg(video, None if seconds is None else float(seconds))

    monkeypatch.setattr(posters, "_decode", decode)


def make(task):
    jobs.poster(str(task.pk))
    task.refresh_from_db()
    return task


def pictures(storage):
    return [name for name in odd.names(storage) if name.endswith(".jpg")]


def read(task):
    with task.poster.storage.open(task.poster.name) as stored:
        return stored.read()


# -- made


def test_a_worker_takes_the_frame_in_the_middle_in_a_process_of_its_own(task, storage):
    make(task)
    assert colour_of(read(task)) == "green"
    assert (task.status, task.next_action_at, task.retry_count, task.lease_expires_at) == (S.COMPLETED, None, 0, None)
    assert pictures(storage) == [task.poster.name]
    assert "/posters/" in task.poster.name
    before = task.poster.name
    assert make(task).poster.name == before, "a second job finds nothing to do"


@pytest.mark.parametrize(
    ("seconds", "colour"), [("0", "red"), ("0.999", "red"), ("1", "green"), ("2.9", "blue"), ("99", "blue")]
)
def test_a_person_chooses_the_frame_that_the_player_shows(
    task, in_place, wakes, seconds, colour, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        task.make_poster(seconds)
    assert wakes == [("poster", str(task.pk))]
    assert colour_of(read(make(task))) == colour
    assert task.poster_seconds == Decimal(seconds)
    task.make_poster()
    assert colour_of(read(make(task))) == "green"


def test_another_poster_takes_the_place_of_the_first_under_another_name(task, storage, in_place):
    first = make(task).poster.name
    task.make_poster(2)
    assert VideoTask.objects.get().poster.name == first, "it is shown until the next one is there"
    make(task)
    assert task.poster.name != first
    assert pictures(storage) == [task.poster.name]


@pytest.mark.parametrize(
    ("size", "expected"), [((1920, 1080), (960, 540)), ((1080, 1920), (540, 960)), ((320, 180), (320, 180))]
)
def test_a_poster_has_at_most_960_pixels(size, expected):
    with Image.open(io.BytesIO(frames.jpeg(io.BytesIO(clip("red", size=size, fps=2))))) as picture:
        assert (picture.format, picture.size) == ("JPEG", expected)


# -- when


def test_without_the_extra_nothing_is_scheduled(storage, wakes):
    assert posters.due_at() is None
    task = make_task(S.COMPLETED, video="v.mp4")
    with pytest.raises(ConfigurationError, match=r"django-wanvideo\[posters\]"):
        task.make_poster(1)
    assert (VideoTask.objects.get().next_action_at, wakes) == (None, [])


def test_a_worker_without_the_extra_gives_up_quietly(task, monkeypatch, storage, caplog):
    monkeypatch.setattr(posters, "is_installed", lambda: False)
    make(task)
    assert (task.next_action_at, task.lease_expires_at, task.poster.name) == (None, None, "")
    assert caplog.records == []


@pytest.mark.parametrize("seconds", [-1, "x", "NaN", "Infinity", 10_000])
def test_what_is_no_moment_is_refused(task, seconds):
    with pytest.raises(ValueError, match="in seconds"):
        task.make_poster(seconds)


@pytest.mark.parametrize("status", sorted(set(S) - {S.COMPLETED}))
def test_only_a_stored_video_has_a_picture_taken(storage, installed, status):
    task = make_task(status)
    with pytest.raises(TransitionNotAllowed):
        task.make_poster(1)
    jobs.poster(str(task.pk))
    with pytest.raises(TransitionNotAllowed):
        make_task(S.COMPLETED).make_poster(1)


def test_a_full_pass_hands_out_what_is_due(task, in_place):
    given = []

    def take(job, *ids):
        given.append((job, *ids))
        return True

    sweep(take, is_full=False)
    assert given == []
    sweep(take)
    assert given == [("poster", str(task.pk))]
    sweep(take)
    assert len(given) == 1, "it is left to the job that was made of it"
    VideoTask.objects.update(next_action_at=timezone.now())
    run_pending()
    task.refresh_from_db()
    assert colour_of(read(task)) == "green"


@pytest.mark.parametrize(("waiting", "busy", "expected"), [(0, False, 3), (1, False, 1), (0, True, 1)])
def test_videos_come_before_pictures_of_others(task, monkeypatch, waiting, busy, expected):
    """While jobs wait, or a pass has other work to hand out, a picture a pass is enough, so that all come some day."""
    monkeypatch.setattr(queue, "depth", lambda: waiting)
    for _number in range(2):
        make_task(S.COMPLETED, next_action_at=timezone.now(), video="v.mp4")
    if busy:
        make_task(S.STORING, next_action_at=timezone.now())
    given = []
    sweep(lambda job, *_ids: given.append(job) or True)
    assert given == ["store"] * busy + ["poster"] * expected


def test_a_pass_asks_no_more_for_posters(task, django_assert_max_num_queries):
    """What is due is one condition of a query that is made anyway."""
    VideoTask.objects.update(next_action_at=None)
    sweep(lambda *_job: True)
    with django_assert_max_num_queries(5):
        sweep(lambda *_job: True)


# -- in nobody's way


@pytest.mark.parametrize(
    "content", [b"", b"no video", b"#EXTM3U\nfile:///etc/passwd", b"\0\0\0\x18ftypisom" + b"\0" * 500]
)
def test_what_cannot_be_decoded_is_tried_three_times_and_said_shortly(task, storage, caplog, content):
    storage.delete(task.video.name)
    storage.save(task.video.name, ContentFile(content))
    for tries in (1, 2, 3):
        make(task)
        assert (task.status, task.retry_count, task.lease_expires_at) == (S.COMPLETED, tries, None)
        assert (task.next_action_at is None) is (tries == 3)
        VideoTask.objects.exclude(next_action_at=None).update(next_action_at=timezone.now())
        jobs.poster(str(task.pk)) if tries == 3 else None
    assert len(caplog.records) == 3
    assert all(len(record.getMessage()) < 400 and "\n" not in record.getMessage() for record in caplog.records)
    assert (task.poster.name, pictures(storage)) == ("", [])
    assert not task.events.exists()


@pytest.mark.parametrize("method", ["open", "save", "delete"])
def test_a_storage_that_fails_costs_nothing_but_the_picture(task, storage, in_place, method, caplog):
    storage.failing = {method}
    make(task)
    assert task.status == S.COMPLETED
    assert task.lease_expires_at is None
    assert "hidden-signature" not in caplog.text
    storage.failing = set()
    VideoTask.objects.exclude(next_action_at=None).update(next_action_at=timezone.now())
    assert colour_of(read(make(task))) == "green"


def test_a_decoder_that_hangs_is_ended(task, monkeypatch, tmp_path, caplog):
    script = tmp_path / "frames.py"
    script.write_text("while True: pass\n")
    monkeypatch.setattr(frames, "__file__", str(script))
    monkeypatch.setattr(posters, "DECODING", 0.3)
    make(task)
    assert "takes too long" in caplog.text
    assert (task.retry_count, task.lease_expires_at) == (1, None)


def test_a_decoder_that_is_killed_takes_no_worker_along(task, monkeypatch, tmp_path, caplog):
    script = tmp_path / "frames.py"
    script.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    monkeypatch.setattr(frames, "__file__", str(script))
    make(task)
    assert "ended with -9" in caplog.text


def test_the_decoder_is_told_no_secret(task, monkeypatch, tmp_path):
    monkeypatch.setenv("EVOLINK_API_KEY", "sk-secret")
    seen = []
    real = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda *args, **options: seen.append(options["env"]) or real(*args, **options)
    )
    make(task)
    assert task.poster
    assert "sk-secret" not in str(seen)


def test_large_frames_and_files_are_not_decoded(task, monkeypatch, film, caplog):
    monkeypatch.setattr(frames, "MAX_PIXELS", 1000)
    with pytest.raises(ValueError, match="320 × 180 pixels"):
        frames.jpeg(io.BytesIO(film))
    monkeypatch.setattr(posters, "MAX_BYTES", len(film) - 1)
    make(task)
    assert "too large" in caplog.text


def test_a_header_that_says_less_than_the_stream_is_not_believed(monkeypatch, film):
    class Admitting(int):
        def __ge__(self, other):
            return True

    monkeypatch.setattr(frames, "MAX_PIXELS", Admitting(1000))
    with pytest.raises((ValueError, OSError)):
        frames.jpeg(io.BytesIO(film))


def test_the_decoder_limits_itself(film):
    """Memory and time of the processor are bounded where the system can do that."""
    resource = pytest.importorskip("resource")
    lines = (
        "import io, resource, sys; from django_wanvideo.services.storing import frames; frames.jpeg = lambda *_a: b''; "
        "frames.main(); print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(frames.MEMORY), str(frames.CPU_SECONDS)]
    assert resource.RLIM_INFINITY not in {frames.MEMORY, frames.CPU_SECONDS}


def test_a_jobs_time_limit_passes_through_and_the_try_counts(task, storage, monkeypatch):
    monkeypatch.setattr(storage, "error", JobTimeoutException("late"))
    storage.failing = {"open"}
    with pytest.raises(JobTimeoutException):
        jobs.poster(str(task.pk))
    task.refresh_from_db()
    assert task.retry_count == 1
    assert task.next_action_at > timezone.now()


# -- meanwhile


def while_saving(monkeypatch, storage, act):
    real = storage._save

    def save(name, content):
        monkeypatch.setattr(storage, "_save", real)
        act()
        return real(name, content)

    monkeypatch.setattr(storage, "_save", save)


def test_a_task_that_is_deleted_meanwhile_leaves_no_file(
    task, storage, in_place, monkeypatch, django_capture_on_commit_callbacks
):
    def delete():
        with django_capture_on_commit_callbacks(execute=True):
            VideoTask.objects.get(pk=task.pk).delete()

    while_saving(monkeypatch, storage, delete)
    jobs.poster(str(task.pk))
    assert odd.names(storage) == []


def test_a_poster_that_came_after_the_task_was_read_goes_with_it(
    task, storage, in_place, django_capture_on_commit_callbacks
):
    old = VideoTask.objects.get(pk=task.pk)
    make(task)
    with django_capture_on_commit_callbacks(execute=True):
        old.delete()
    assert odd.names(storage) == []


def test_of_two_moments_the_later_wish_counts(
    task, storage, in_place, monkeypatch, wakes, django_capture_on_commit_callbacks
):
    while_saving(monkeypatch, storage, lambda: task.make_poster(2.5))
    with django_capture_on_commit_callbacks(execute=True):
        make(task)
    assert (task.poster.name, task.lease_expires_at) == ("", None)
    assert task.next_action_at is not None
    assert wakes == [("poster", str(task.pk))] * 2, "one as it is asked for, one as the first worker is done"
    assert colour_of(read(make(task))) == "blue"
    assert pictures(storage) == [task.poster.name]


def test_a_worker_that_was_taken_for_dead_undoes_nothing(task, storage, in_place, monkeypatch):
    def lose_it():
        later = timezone.now() + dt.timedelta(seconds=90)
        VideoTask.objects.update(lease_expires_at=later, poster="posters/of-another.jpg")

    while_saving(monkeypatch, storage, lose_it)
    make(task)
    assert task.poster.name == "posters/of-another.jpg"
    assert task.lease_expires_at is not None
    assert pictures(storage) == []


def test_only_one_worker_has_it(task, in_place):
    VideoTask.objects.update(lease_expires_at=timezone.now() + dt.timedelta(seconds=90))
    assert make(task).poster.name == ""


# -- left behind


@pytest.mark.parametrize("folder", ["wanvideo/%Y/%m/", "films/%Y/", "films"])
def test_a_poster_without_a_row_is_found_among_the_orphans(task, storage, settings, in_place, folder):
    settings.WANVIDEO = {**settings.WANVIDEO, "UPLOAD_TO": folder}
    name = make(task).poster.name
    storage._resolve(name).modified_time -= dt.timedelta(days=30)
    assert name not in orphans.find(timezone.now()).names
    VideoTask.objects.update(poster="")
    assert orphans.find(timezone.now()).names == [name]


def test_storing_a_video_schedules_its_poster(
    settings, evolink_simulator, tmp_path, monkeypatch, django_capture_on_commit_callbacks
):
    settings.MEDIA_ROOT = tmp_path
    woken = []
    monkeypatch.setattr(queue.jobs, "enqueue", lambda job, *ids: woken.append(job))
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    task = VideoTask.objects.create_task(prompt="A lake", first_frame=picture(), duration=2)
    task.submit()
    with django_capture_on_commit_callbacks(execute=True):
        while task.status != S.STORING:
            run_pending()
            task.refresh_from_db()
        jobs.store(str(task.pk))
    task.refresh_from_db()
    assert (task.status, task.poster.name, task.next_action_at is None) == (S.COMPLETED, "", False)
    assert "poster" not in woken, "other videos come first"
    assert task.is_finished
    run_pending()
    task.refresh_from_db()
    assert (tmp_path / task.poster.name).is_file()
    assert task.next_action_at is None
