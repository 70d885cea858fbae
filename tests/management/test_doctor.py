"""``wanvideo_doctor`` finds what does not work, says what to do, and tells no secret."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from decimal import Decimal
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.test import override_settings
from django.utils import timezone

from django_wanvideo import conf as conf_module
from django_wanvideo.health import CHECKS, site
from django_wanvideo.health import evolink as evolink_checks
from django_wanvideo.models import CallbackReceipt, Installation, SiteState
from django_wanvideo.services.sweep import SWEEP, sweep
from tests.hosts.test_queues import serving

if TYPE_CHECKING:
    from collections.abc import Callable

REMOTE = ("key", "credits", "files", "clock")


@pytest.fixture
def look(run) -> Callable[..., dict[str, tuple[str, str, str]]]:
    """Run the doctor on the named parts only; return level, message and advice of the last finding of each."""

    def look(*parts: str, options: tuple[str, ...] = ()) -> dict[str, tuple[str, str, str]]:
        skipped = [word for name in CHECKS if name not in parts for word in ("--skip", name)]
        ran = run("wanvideo_doctor", "--json", *skipped, *options)
        report = json.loads(ran.out)
        assert ran.code == (0 if report["ok"] else 1)
        assert report["ok"] == all(finding["level"] != "fail" for finding in report["checks"])
        return {f["name"]: (f["level"], f["message"], f["hint"]) for f in report["checks"]}

    return look


@pytest.fixture
def memory(settings) -> None:
    """An empty storage in memory, used by no other test."""
    settings.STORAGES = {**settings.STORAGES}  # the change makes Django build all of them anew
    settings.WANVIDEO = {**settings.WANVIDEO, "STORAGE": "memory"}


def test_a_site_in_order_is_all_right(run, evolink_simulator, redis_queue, settings):
    settings.WANVIDEO |= {"CALLBACK_BASE_URL": "http://127.0.0.1:1"}
    sweep(lambda job, *ids: True)
    with serving(redis_queue):
        ran = run("wanvideo_doctor")
    assert "fail" not in ran.out, ran.out
    assert ran.code == 0
    for name in CHECKS:
        if name != "settings":  # ALLOW_PRIVATE_HOSTS is on while DEBUG is off
            assert f"ok    {name:<9} " in ran.out
    assert "wanvideo.W002" in ran.out


def test_no_secret_is_printed(run, evolink_simulator, settings):
    settings.WANVIDEO |= {"CALLBACK_BASE_URL": "http://127.0.0.1:1", "CALLBACK_KEYS": ["callback-secret"]}
    settings.RQ_QUEUES = {**settings.RQ_QUEUES, "wanvideo": {"URL": "redis://:hush-hush@127.0.0.1:1/0"}}
    for options in ([], ["--json"]):
        ran = run("wanvideo_doctor", "--callback", "-v", "3", *options)
        for secret in ("sk-simulator", "callback-secret", "hush-hush", "/callbacks/", settings.SECRET_KEY):
            assert secret not in ran.out + ran.err


def test_a_file_is_read_under_its_public_address_or_it_is_said_why_not(
    look, evolink_simulator, settings, tmp_path, live_server
):
    settings.MEDIA_ROOT = tmp_path
    assert look("files")["files"][1].endswith("as links only.")
    settings.WANVIDEO |= {"PUBLIC_MEDIA_BASE_URL": f"{live_server.url}{settings.MEDIA_URL}"}
    assert look("files")["files"] == ("ok", "EvoLink can read pictures, clips, sounds and documents.", "")
    settings.WANVIDEO |= {"PUBLIC_MEDIA_BASE_URL": f"{live_server.url}/nowhere/"}
    level, message, hint = look("files")["files"]
    assert (level, message) == ("fail", "The public address of a file is answered with HTTP 404.")
    assert "PUBLIC_MEDIA_BASE_URL" in hint
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_little_room_for_files_at_evolink_is_said(monkeypatch, evolink_simulator, db):
    counts = iter([(1801, 2000), (1799, 2000), None])
    monkeypatch.setattr("django_wanvideo.evolink.client.EvoLinkClient.count_files", lambda self: next(counts))
    found = [[result.level for result in CHECKS["files"]()] for _count in range(3)]
    assert [len(levels) for levels in found] == [2, 1, 1]


def test_a_broken_probe_is_a_finding_and_the_others_go_on(look, monkeypatch, db):
    def broken():
        raise RuntimeError("password=123")

    monkeypatch.setitem(CHECKS, "pictures", broken)
    found = look("pictures", "database")
    assert found["pictures"][0] == "fail"
    assert "RuntimeError" in found["pictures"][1]
    assert "123" not in str(found)
    assert found["database"][0] == "ok"


def test_system_checks_are_lines_of_the_report(look, settings):
    settings.WANVIDEO = {"API_KEI": "x"}
    level, _message, _advice = look("settings")["settings"]
    assert level in {"fail", "warn"}
    ids = {finding.message.split(":")[0] for finding in site.check_settings()}
    assert {"wanvideo.E001", "wanvideo.E003"} <= ids


def test_naive_times_are_a_failure(look, settings):
    settings.USE_TZ = False
    assert look("settings")["settings"][:2] == ("fail", "USE_TZ is off.")


def test_missing_tables_are_found(look, monkeypatch, db):
    class Behind:
        def __init__(self, connection):
            self.loader = type("L", (), {"graph": type("G", (), {"leaf_nodes": staticmethod(list)})})

        def migration_plan(self, targets):
            return ["0002"]

    monkeypatch.setattr(site, "MigrationExecutor", Behind)
    assert look("database")["database"][0] == "fail"
    assert "migrate" in look("database")["database"][2]


def test_sqlite_without_immediate_transactions_is_a_warning(look, monkeypatch, db):
    from django.db import connection

    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": None})
    assert look("database")["database"][0] == "warn"


def test_storage_is_written_read_and_left_clean(look, memory):
    assert look("storage")["storage"][0] == "ok"
    kept = storages["memory"]
    folders, files = kept.listdir("")
    found = list(files)
    while folders:
        folder = folders.pop()
        more, files = kept.listdir(folder)
        folders += [f"{folder}/{name}" for name in more]
        found += files
    assert found == []


def test_a_storage_that_cannot_be_written_is_a_failure(look, memory, monkeypatch):
    def refuse(self, name, content):
        raise PermissionError(13, "Permission denied: s3://secret-bucket")

    monkeypatch.setattr(InMemoryStorage, "_save", refuse)
    level, message, _advice = look("storage")["storage"]
    assert (level, "PermissionError" in message, "secret" in message) == ("fail", True, False)


def test_a_storage_that_keeps_what_is_deleted_is_a_warning(look, memory, monkeypatch):
    monkeypatch.setattr(InMemoryStorage, "delete", lambda self, name: None)
    assert look("storage")["storage"][0] == "warn"


def test_a_full_disk_is_a_warning(look, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "MAX_VIDEO_BYTES": 2**60}
    assert look("storage")["storage"][0] == "warn"


def test_the_room_is_measured_where_videos_pass_through(look, settings, tmp_path, monkeypatch):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    measured = []
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: measured.append(str(folder)) or usage(folder))
    look("storage")
    assert str(tmp_path) in measured


def test_redis_that_is_down_is_a_failure(look, settings):
    settings.RQ_QUEUES = {"wanvideo": {"URL": "redis://127.0.0.1:1/0"}}
    level, message, _advice = look("queue")["queue"]
    assert level == "fail"
    assert "Redis does not answer" in message


def test_an_unknown_queue_is_a_failure(look, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "QUEUE": "videos"}
    assert look("queue")["queue"][:2] == ("fail", "There is no queue videos.")


def test_a_queue_that_nobody_listens_to_is_a_failure(look, redis_queue):
    redis_queue.enqueue_call("django_wanvideo.jobs.sync")
    level, message, advice = look("queue")["queue"]
    assert level == "fail"
    assert "1 job waits" in message
    assert "rqworker wanvideo" in advice


@pytest.mark.parametrize(("minutes", "level"), [(0, "ok"), (10, "warn"), (60, "fail"), (None, "fail")])
def test_the_sweep_has_to_have_run_lately(look, db, minutes, level):
    if minutes is not None:
        SiteState.objects.create(name=SWEEP)
        SiteState.objects.update(updated_at=timezone.now() - dt.timedelta(minutes=minutes))
    found = look("sweep")["sweep"]
    assert found[0] == level
    assert ("wanvideo_sweep" in found[2]) == (level != "ok")


def test_a_rejected_key_is_a_failure(look, evolink_simulator, settings):
    settings.WANVIDEO |= {"API_KEY": "sk-of-somebody-else"}
    level, message, advice = look("key")["key"]
    assert level == "fail"
    assert "401" in message
    assert "new key" in advice
    assert "somebody" not in message


def test_a_missing_key_is_a_failure(look, evolink_simulator, settings):
    settings.WANVIDEO |= {"API_KEY": lambda: ""}
    assert look("key")["key"][0] == "fail"


def test_evolink_out_of_reach_is_a_failure(look, evolink_simulator):
    with evolink_simulator.offline():
        found = look(*REMOTE)
    assert found["key"][0] == found["clock"][0] == "fail"
    assert found["credits"][0] == "warn"


def test_a_pause_that_evolink_asked_for_is_told(look, evolink_simulator):
    from django_wanvideo.services.provider import provider

    provider.back_off(600)
    assert look("key")["key"][0] == "warn"


def test_a_model_that_the_key_may_not_use_is_a_warning(look, evolink_simulator, monkeypatch):
    from django_wanvideo.evolink.client import EvoLinkClient

    monkeypatch.setattr(EvoLinkClient, "list_models", lambda self: ["wan2.5-image-to-video"])
    level, _message, advice = look("key")["key"]
    assert level == "warn"
    assert "wan2.5-image-to-video" in advice


@pytest.mark.parametrize(("left", "level"), [("0", "fail"), ("20", "warn"), ("5000", "ok")])
def test_credits_have_to_last_for_some_videos(look, evolink_simulator, left, level):
    evolink_simulator.accounts.first.total = Decimal(left)
    assert look("credits")["credits"][0] == level


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-70, "warn"), (600, "fail")])
def test_the_clock_has_to_agree_with_evolinks(look, evolink_simulator, monkeypatch, seconds, level):
    real = evolink_checks.requests.get

    def shifted(*args, **options):
        answer = real(*args, **options)
        answer.headers["Date"] = format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), usegmt=True)
        return answer

    monkeypatch.setattr(evolink_checks.requests, "get", shifted)
    assert look("clock")["clock"][0] == level


def test_no_callback_address_is_a_warning(look, evolink_simulator):
    assert look("callback")["callback"][0] == "warn"


@override_settings(ROOT_URLCONF="tests.management.no_urls")
def test_urls_that_are_not_included_are_a_failure(look):
    level, _message, advice = look("callback")["callback"]
    assert level == "fail"
    assert "django_wanvideo.urls" in advice


@pytest.fixture
def public(settings, live_server, wanvideo_wakeups) -> str:
    """The site at an address that can really be called."""
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": live_server.url, "ALLOW_PRIVATE_HOSTS": True}
    return live_server.url


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_a_real_callback_is_taken_in_and_leaves_nothing_behind(look, public):
    found = look("callback", options=("--callback",))
    assert found["callback"][:2] == ("ok", "A real callback was taken in, a forged one refused.")
    assert CallbackReceipt.objects.count() == 0


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_an_address_of_another_site_is_found_out(look, public, monkeypatch):
    monkeypatch.setattr(evolink_checks.callback_tokens, "sign", lambda attempt_id: "0" * 64)
    level, message, _advice = list(look("callback", options=("--callback",)).values())[-1]
    assert level == "fail"
    assert "HTTP 404 instead of 200" in message


@pytest.mark.commit_only
@pytest.mark.django_db(transaction=True)
def test_a_callback_that_goes_into_another_database_is_found_out(public, monkeypatch):
    from django_wanvideo.services.tracking import receipts

    monkeypatch.setattr(receipts, "receive", lambda *args: None)
    (found,) = evolink_checks.check_callback_arrival()
    assert (found.level, "database" in found.message) == ("fail", True)


@pytest.mark.parametrize(
    ("answers", "words"),
    [((301, 301), "redirects"), ((403, 403), "403 instead of 200"), ((200, 200), "200 instead of 404")],
)
def test_what_stands_before_the_site_is_found_out(settings, db, monkeypatch, answers, words):
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": "https://www.example.com"}
    codes = iter(answers)
    monkeypatch.setattr(evolink_checks, "_post", lambda url: next(codes))
    (found,) = evolink_checks.check_callback_arrival()
    assert found.level == "fail"
    assert words in found.message


def test_an_address_nobody_answers_at_is_a_failure(look, db, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "CALLBACK_BASE_URL": "http://127.0.0.1:1", "ALLOW_PRIVATE_HOSTS": True}
    level, message, _advice = look("callback", options=("--callback",))["callback"]
    assert level == "fail"
    assert "cannot be reached" in message


def test_every_finding_that_is_not_ok_says_what_to_do(run, db, settings):
    settings.WANVIDEO = {"QUEUE": "nowhere"}
    report = json.loads(run("wanvideo_doctor", "--json").out)
    for finding in report["checks"]:
        assert finding["level"] == "ok" or finding["hint"], finding
    assert conf_module.conf.api_key() == ""


@pytest.mark.fault("K2.doctor-says-why-nothing-is-sent")
@pytest.mark.parametrize(
    ("row", "level", "says"),
    [
        ({"name": "production"}, "fail", "belongs to production"),
        ({"rolled_back_at": timezone.now(), "claims": 4, "claims_elsewhere": 7}, "fail", "knows of 4 claims"),
        ({"name": "staging"}, "ok", "belongs to staging"),
    ],
)
def test_a_database_that_is_not_ours_or_has_gone_back_is_found(look, settings, db, row, level, says):
    settings.WANVIDEO = {**settings.WANVIDEO, "INSTALLATION": "staging"}
    Installation.objects.update(**row)
    found = look("installation")["installation"]
    assert found[0] == level
    assert says in found[1]
    assert ("wanvideo_adopt" in found[2]) is (level == "fail")


# Stored histories


@pytest.fixture
def task(db):
    """A task whose history has been written as it goes."""
    from django_wanvideo.models import VideoTask

    return VideoTask.objects.create_task(prompt="A cat", first_frame="https://pictures.example/cat.png")


def test_histories_by_the_rules_are_replayed_and_counted(run, task, wanvideo_wakeups):
    task.submit()
    ran = run("wanvideo_doctor", "--replay")
    assert (ran.code, ran.out) == (0, "2 events of 1 tasks replayed, 0 problems found.\n")
    ran = run("wanvideo_doctor", "--replay", "--json")
    assert ran.code == 0
    assert json.loads(ran.out) == {"problems": [], "tasks": 1, "events": 2, "ok": True}


def test_history_that_breaks_rules_is_named(run, task, wanvideo_wakeups):
    """A history that breaks the rules is named with its event and is an exit status."""
    from django_wanvideo.models import VideoTask

    task.submit()
    event = task.events.get(kind="queued")
    task.events.filter(pk=event.pk).update(from_status="pending")
    other = VideoTask.objects.create_task(prompt="A dog", first_frame="https://pictures.example/dog.png")
    VideoTask.objects.filter(pk=other.pk).update(status="completed")
    ran = run("wanvideo_doctor", "--replay")
    assert ran.code == 1
    assert f"{task.pk}  event {event.pk}: it leaves pending, and was draft (gap)" in ran.out
    assert f"{other.pk}  history: the history ends at draft, and the task is completed (status)" in ran.out
    assert "3 events of 2 tasks replayed, 3 problems found." in ran.out

    ran = run("wanvideo_doctor", "--replay", "--json")
    report = json.loads(ran.out)
    assert (ran.code, report["ok"], report["tasks"], report["events"]) == (1, False, 2, 3)
    assert {(one["task"], one["rule"], one["event"]) for one in report["problems"]} == {
        (str(task.pk), "gap", event.pk),
        (str(task.pk), "move", event.pk),
        (str(other.pk), "status", None),
    }


def test_replaying_asks_nobody_and_changes_nothing(run, task, wanvideo_wakeups, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": "", "BASE_URL": "http://127.0.0.1:1"}
    settings.RQ_QUEUES = {**settings.RQ_QUEUES, "wanvideo": {"URL": "redis://127.0.0.1:1/0"}}
    from tests.factories import everything

    before = everything()
    assert run("wanvideo_doctor", "--replay").code == 0
    assert everything() == before
