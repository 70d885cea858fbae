"""``wanvideo_generate`` asks before it spends, waits by looking at the row, and says truly what became of the task."""

from __future__ import annotations

import sys
import uuid

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError

from django_wanvideo import jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.management import waiting
from django_wanvideo.management.commands import wanvideo_generate
from django_wanvideo.models import Installation, Preset, VideoTask
from django_wanvideo.testing import picture, run_pending

MODEL = "wan2.6-image-to-video-flash"


@pytest.fixture
def photo(tmp_path):
    """A picture file on disk."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(picture().read())
    return path


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Looks follow each other quickly."""
    monkeypatch.setattr(waiting, "LOOK", 0.01)


@pytest.fixture
def worker(monkeypatch):
    """A worker that does what is due between two looks of the command."""
    monkeypatch.setattr(waiting, "release_connections", run_pending)


@pytest.fixture
def person(monkeypatch):
    """A function that puts somebody in front of the terminal, who answers what it is given."""

    def sit_down(answer):
        class Keyboard:
            def isatty(self):
                return True

        def ask(question):
            if isinstance(answer, BaseException):
                raise answer
            return answer

        monkeypatch.setattr(sys, "stdin", Keyboard())
        monkeypatch.setattr("builtins.input", ask)

    return sit_down


def test_a_video_is_made_stored_and_copied(run, evolink_simulator, worker, photo, tmp_path, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_PRICE": ("0.02", "EUR")}
    target = tmp_path / "video.mp4"
    user = get_user_model().objects.create_user("alice")
    ran = run(
        "wanvideo_generate",
        *("--image", photo, "--prompt", "A cat", "--param", "duration=3", "--param", "generate_audio=no"),
        *("--owner", "alice", "--output", target, "--yes"),
    )
    assert ran.code == 0, ran.err
    task = VideoTask.objects.get()
    assert (task.status, task.owner, task.parameters) == (
        TaskStatus.COMPLETED,
        user,
        {"duration": 3, "generate_audio": False},
    )
    assert f"Stored: {task.video.path}" in ran.out
    assert task.video_sha256 in ran.out
    assert "about 6 credits (0.12 EUR, prices of " in ran.out
    assert "Charged 6.00 credits." in ran.out
    assert target.read_bytes() == task.video.read()
    assert not target.with_name("video.mp4.part").exists()
    evolink_simulator.ledger.assert_charged_once()


def test_plain_output_has_a_line_for_each_step(run, evolink_simulator, worker, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat [polls:2]", "--yes")
    shown = [line.split("  ", 1)[1] for line in ran.out.splitlines() if line.startswith("0:0")]
    assert shown[0] == "  0 %  queued"
    assert shown[-1] == "100 %  completed"
    assert len(shown) == len(set(shown))
    assert "\r" not in ran.out


def test_a_terminal_sees_one_bar_that_is_redrawn(run, evolink_simulator, worker, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", tty=True)
    assert ran.code == 0
    assert f"\r{waiting.bar(0)}   0 %" in ran.out
    assert f"\r{waiting.bar(100)} 100 %" in ran.out
    assert "completed\nStored: " in ran.out.replace(" \n", "\n")


def test_a_bar_is_never_longer_than_its_frame():
    assert {len(waiting.bar(percent)) for percent in (-5, 0, 1, 50, 99, 100, 250)} == {waiting.WIDTH + 2}
    assert waiting.bar(0).count("#") == 0
    assert waiting.bar(100).count("#") == waiting.WIDTH


def test_inline_needs_no_worker_and_no_redis(run, evolink_simulator, photo, settings):
    settings.WANVIDEO |= {"POLL_INTERVAL": 0.05}
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--inline", "--timeout", 30)
    assert ran.code == 0, ran.out + ran.err
    task = VideoTask.objects.get()
    assert task.status == TaskStatus.COMPLETED
    assert not task.events.filter(notify_at__isnull=False).exists()
    evolink_simulator.ledger.assert_charged_once()


def test_inline_reads_the_callback_that_came_in(evolink_simulator, wanvideo_picture):
    from django_wanvideo.models import CallbackReceipt

    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    task.submit()
    assert waiting.run_due_jobs(task)
    task.refresh_from_db()
    assert task.status == TaskStatus.PENDING
    CallbackReceipt.objects.create(attempt=task.attempt, provider_task_id=task.attempt.provider_task_id)
    assert waiting.run_due_jobs(task)
    task.refresh_from_db()
    assert task.status == TaskStatus.STORING


def test_inline_leaves_other_peoples_tasks_alone(run, evolink_simulator, photo, wanvideo_picture, settings):
    settings.WANVIDEO |= {"POLL_INTERVAL": 0.05}
    other = VideoTask.objects.create_task("A dog", wanvideo_picture())
    other.submit()
    run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--inline", "--timeout", 30)
    other.refresh_from_db()
    assert other.status == TaskStatus.QUEUED


def test_a_failure_is_explained_and_exits_with_1(run, evolink_simulator, worker, photo):
    ran = run(
        "wanvideo_generate", "--image", photo, "--prompt", "A cat [fail:content_policy_violation: no cats]", "--yes"
    )
    assert ran.code == 1
    assert "Content refused (content_policy_violation: no cats)" in ran.err
    assert "Change the prompt or the picture" in ran.err
    assert "charged" in ran.err


def test_a_cancelled_task_exits_with_1(run, evolink_simulator, photo, monkeypatch):
    def somebody_cancels():
        for task in VideoTask.objects.filter(status=TaskStatus.QUEUED):
            task.cancel()

    monkeypatch.setattr(waiting, "release_connections", somebody_cancels)
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes")
    assert ran.code == 1
    assert "Cancelled before it was sent." in ran.err
    assert "Not charged." in ran.err
    evolink_simulator.ledger.assert_nothing_charged()


def test_time_that_is_up_exits_with_3_and_the_task_goes_on(run, evolink_simulator, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--timeout", "0.05")
    task = VideoTask.objects.get()
    assert ran.code == 3
    assert "Still queued after 0.05 seconds." in ran.err
    assert f"wanvideo_generate --follow {task.pk}" in ran.err
    assert task.status == TaskStatus.QUEUED


def test_a_task_can_be_followed_later(run, evolink_simulator, worker, wanvideo_picture):
    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    assert run("wanvideo_generate", "--follow", task.pk).code == 2  # a draft
    task.submit()
    ran = run("wanvideo_generate", "--follow", task.pk)
    assert (ran.code, "Stored: " in ran.out) == (0, True)
    assert run("wanvideo_generate", "--follow", uuid.uuid4()).code == 2


@pytest.mark.fault("K11.cannot-be-stopped-though-nothing-was-sent")
@pytest.mark.parametrize(
    ("status", "says", "says_not"),
    [
        (TaskStatus.QUEUED, "goes on; nothing has been sent yet, so it can still be cancelled", "EvoLink cannot stop"),
        (TaskStatus.SUBMITTING, "goes on; EvoLink cannot stop what it has accepted.", "nothing has been sent"),
        (TaskStatus.PROCESSING, "goes on; EvoLink cannot stop what it has accepted.", "nothing has been sent"),
        (TaskStatus.STORING, "goes on.", "EvoLink cannot stop"),
    ],
)
def test_ctrl_c_says_that_the_task_goes_on_and_whether_it_can_be_stopped(
    run, evolink_simulator, photo, monkeypatch, status, says, says_not
):
    def interrupt():
        VideoTask.objects.update(status=status)
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting, "release_connections", interrupt)
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes")
    assert ran.code == 130
    assert says in ran.err
    assert says_not not in ran.err


@pytest.mark.fault("K11.cannot-be-stopped-when-the-time-is-up")
def test_when_the_time_is_up_before_anything_was_sent_it_says_so(run, evolink_simulator, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--timeout", "0.05")
    assert ran.code == 3
    assert "nothing has been sent yet" in ran.err
    assert "EvoLink cannot stop" not in ran.err


def test_no_wait_returns_at_once(run, evolink_simulator, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--no-wait")
    assert (ran.code, "Queued. To wait for it:" in ran.out) == (0, True)
    assert VideoTask.objects.get().status == TaskStatus.QUEUED


def test_nothing_is_spent_without_being_asked(run, evolink_simulator, photo):
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert VideoTask.objects.count() == 0


@pytest.mark.parametrize("answer", ["", "n", "nope", EOFError(), KeyboardInterrupt()])
def test_a_no_sends_and_leaves_nothing(run, evolink_simulator, photo, person, answer):
    person(answer)
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat")
    assert (ran.code, "Nothing was sent." in ran.err) == (2, True)
    assert "credits" in ran.out
    assert VideoTask.objects.count() == 0


def test_a_yes_sends(run, evolink_simulator, photo, person):
    person("y")
    assert run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--no-wait").code == 0
    assert VideoTask.objects.get().status == TaskStatus.QUEUED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--prompt", "A cat"], "first_frame: "),
        (["--prompt", "A cat", "--image", "nowhere.jpg"], "There is no file nowhere.jpg"),
        (["--prompt", "A cat", "--image", "ftp://example.com/a.jpg"], "first_frame: "),
        (["--prompt", "A cat", "--image", "https://example.com/a.jpg", "--param", "duration=99"], "duration: "),
        (["--prompt", "A cat", "--image", "https://example.com/a.jpg", "--param", "duration=long"], "duration: "),
        (["--prompt", "A cat", "--image", "https://example.com/a.jpg", "--param", "duraton=5"], "duration"),
        (["--prompt", "A cat", "--image", "https://example.com/a.jpg", "--model", "wan9"], "model: "),
        (["--prompt", "A cat", "--image", "https://example.com/a.jpg", "--owner", "nobody"], "no user 'nobody'"),
        (["--prompt", "A cat", "--input", "picture=https://example.com/a.jpg"], "no input 'picture'"),
        (["--prompt", "A cat", "--output", "/nowhere/at/all.mp4"], "There is no folder"),
        (["--prompt", "A cat", "--output", __file__], "exists already"),
        (["--prompt", "A cat", "--output", "x.mp4", "--no-wait"], "--no-wait"),
    ],
)
def test_bad_input_exits_with_2_names_the_field_and_sends_nothing(run, evolink_simulator, options, words):
    ran = run("wanvideo_generate", "--yes", *options)
    assert ran.code == 2
    assert words in ran.err
    assert VideoTask.objects.count() == 0


def test_all_problems_are_named_at_once(run, evolink_simulator):
    ran = run("wanvideo_generate", "--yes", "--prompt", "", "--param", "duration=x", "--param", "quality=8k")
    assert all(f"{field}: " in ran.err for field in ("prompt", "duration", "quality", "first_frame"))


@pytest.mark.parametrize(
    "options", [["--param", "duration"], ["--timeout", "0"], ["--timeout", "x"], ["--timeout", "1e9"], []]
)
def test_options_that_cannot_be_read_are_refused(run, db, options):
    prompt = ["--prompt", "A cat"] if options else []
    assert run("wanvideo_generate", *prompt, *options).code != 0


def test_further_inputs_are_given_by_role(run, evolink_simulator, photo):
    sound = "https://example.com/a.mp3"
    ran = run(
        "wanvideo_generate", "--image", photo, "--prompt", "A cat", "--input", f"audio={sound}", "--yes", "--no-wait"
    )
    assert ran.code == 0, ran.err
    assert list(VideoTask.objects.get().inputs.values_list("role", "url")) == [("audio", sound), ("first_frame", "")]


@pytest.mark.fault("K9.phone-photos-are-refused")
def test_a_photo_of_a_phone_is_made_fit_where_that_is_asked_for(run, evolink_simulator, photo):
    photo.write_bytes(picture(4032, 3024).read())
    words = ["wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--no-wait"]
    ran = run(*words)
    assert (ran.code, "2000 × 1500" in ran.err) == (2, True)
    assert run(*words, "--fix-inputs").code == 0
    assert VideoTask.objects.get().inputs.get().sent_size == (2000, 1500)


def test_a_database_that_is_away_for_a_moment_ends_nothing(run, evolink_simulator, worker, photo, monkeypatch):
    real, away = waiting.VideoTask.objects.get, [OperationalError("server closed the connection")]

    def get(*args, **options):
        if away:
            raise away.pop()
        return real(*args, **options)

    monkeypatch.setattr(waiting.VideoTask.objects, "get", get)
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes")
    assert (ran.code, "the database does not answer" in ran.out) == (0, True)


def test_a_database_that_stays_away_ends_the_waiting(run, evolink_simulator, photo, monkeypatch):
    def get(*args, **options):
        raise OperationalError

    monkeypatch.setattr(waiting.VideoTask.objects, "get", get)
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--timeout", "0.05")
    assert (ran.code, "did not answer" in ran.err) == (3, True)


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_no_database_connection_is_held_between_two_looks(evolink_simulator):
    from django.db import connection

    VideoTask.objects.count()
    assert connection.connection is not None
    waiting.release_connections()
    assert connection.connection is None


def test_why_a_task_waits_is_said(evolink_simulator, wanvideo_picture, settings):
    task = VideoTask.objects.create_task("A cat", wanvideo_picture())
    task.submit()
    settings.WANVIDEO |= {"API_KEY": ""}
    jobs.run_here("submit", str(task.pk))
    task.refresh_from_db()
    assert waiting.words_for(task) == "queued: the worker has no API_KEY"
    assert not waiting.run_due_jobs(task)


def test_every_reason_to_wait_has_words():
    """The reasons are those that the services write."""
    import re
    from pathlib import Path

    services = Path(jobs.__file__).parent / "services"
    text = "".join(path.read_text() for path in services.rglob("*.py"))
    written = set(re.findall(r'delay_reason="(\w+)"', text)) | set(re.findall(r'\bDelay\("(\w+)"', text))
    written |= set(re.findall(r'delays\.(?:delay|delay_after_error)\(task, "(\w+)"', text))
    written |= set(re.findall(r'(?:NO_KEY|until), "(\w+)"\)', text))
    written |= {reason for pair in re.findall(r'error, "(\w+)" if .+ else "(\w+)"', text) for reason in pair}
    assert {"no_api_key", "misconfigured", "upload_failed", "max_in_flight", "evolink_unreachable"} <= written
    assert written <= set(waiting.REASONS)


def test_a_copy_that_fails_says_that_the_video_is_stored(run, evolink_simulator, worker, photo, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(wanvideo_generate.shutil, "copyfileobj", full)
    target = tmp_path / "v.mp4"
    ran = run("wanvideo_generate", "--image", photo, "--prompt", "A cat", "--yes", "--output", target)
    assert ran.code == 1
    assert "It is stored, but could not be copied" in ran.err
    assert list(tmp_path.iterdir()) == [photo]


@pytest.mark.fault("K2.generate-on-a-copy")
def test_nothing_is_made_on_a_copy_of_another_installations_database(run, settings, db):
    settings.WANVIDEO = {**settings.WANVIDEO, "INSTALLATION": "staging"}
    Installation.objects.update(name="production")
    ran = run("wanvideo_generate", "--image", "https://pictures.example/cat.jpg", "--prompt", "A cat", "--yes")
    assert ran.code == 2
    assert "production" in ran.err
    assert not VideoTask.objects.exists()
    assert "another installation" in run("wanvideo_sweep").out


def test_a_preset_stands_for_what_is_not_given(run, evolink_simulator, worker, photo):
    user = get_user_model().objects.create_user("alice")
    values = {"model": MODEL, "prompt": "Push in on {name}", "parameters": {"duration": 3}, "owner": user}
    Preset.objects.create(name="Slow", **values)
    ran = run("wanvideo_generate", "--image", photo, "--preset", "slow", "--owner", "alice", "--no-wait", "--yes")
    assert ran.code == 0, ran.err
    task = VideoTask.objects.get()
    assert (task.prompt, task.parameters["duration"]) == ("Push in on photo", 3)
    ran = run("wanvideo_generate", "--image", photo, "--preset", "slow", "--yes")
    assert (ran.code, "no preset “slow”" in ran.err) == (2, True)


def test_a_prompt_a_preset_or_a_task_has_to_be_named(run, photo):
    ran = run("wanvideo_generate", "--image", photo, "--yes")
    assert (ran.code, "Give --prompt, --preset or --follow." in ran.err) == (2, True)
