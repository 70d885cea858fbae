"""A database that went back to a backup sends nothing again, and a copy elsewhere does nothing at all."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from django_wanvideo import jobs, queue, signals
from django_wanvideo.apps import make_rows
from django_wanvideo.choices import AttemptState, EventKind, TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import (
    Attempt,
    CallbackReceipt,
    CreditEntry,
    Installation,
    MediaInput,
    SiteState,
    TaskEvent,
    VideoTask,
)
from django_wanvideo.models.attempt import attempt_id_of, idempotency_key_of
from django_wanvideo.services import adoption, sweep
from django_wanvideo.services.holds import holds
from django_wanvideo.services.installation import claim_counter, installation
from django_wanvideo.services.resolution import evidence
from django_wanvideo.services.tracking import receipts
from tests.fixtures import Site, site_on
from tests.threads import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django_wanvideo.simulator import Simulator

pytestmark = pytest.mark.integration

#: Children before parents.
ROWS = (TaskEvent, CallbackReceipt, CreditEntry, MediaInput, Attempt, VideoTask, SiteState, Installation)


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test goes on with what the process of another remembers."""
    monkeypatch.setattr(installation, "_said", {})
    monkeypatch.setattr(claim_counter, "_read", {})


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """The folder of the task storage."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def site(settings: Any, evolink: Simulator, redis_queue: Any, media: Path, transactional_db: None) -> Site:
    """A site with a Redis, a storage and rows that outlive a transaction."""
    site = site_on(settings, evolink, None)
    site.configure(INSTALLATION="production")
    return site


@pytest.fixture
def quiet_site(
    settings: Any, evolink: Simulator, wanvideo_wakeups: list[tuple[str, ...]], media: Path, transactional_db: None
) -> Site:
    """The same without a Redis."""
    site = site_on(settings, evolink, None)
    site.configure(INSTALLATION="production")
    return site


def backup(path: Path) -> Path:
    """Copy all rows of the app as people do."""
    target = path / "backup.json"
    call_command("dumpdata", "wanvideo", output=str(target), verbosity=0)
    return target


def restore(source: Path) -> None:
    """Put a backup in the place of all rows."""
    for model in ROWS:
        model._base_manager.all()._raw_delete(connection.alias)
    call_command("loaddata", str(source), verbosity=0)


def adopt(*args: str) -> str:
    """Run the command; return what it says."""
    out = StringIO()
    call_command("wanvideo_adopt", *args, stdout=out, no_color=True)
    return out.getvalue()


def restored(site: Site, path: Path) -> list[VideoTask]:
    """Three tasks that were queued at the backup, sent after it, and are queued again."""
    tasks = [site.queued(f"A cat, {n}") for n in range(3)]
    saved = backup(path)
    for task in tasks:
        assert site.send(task).status == TaskStatus.PENDING
    restore(saved)
    return tasks


def statuses() -> list[str]:
    """Where all tasks stand."""
    return list(VideoTask.objects.order_by("created_at").values_list("status", flat=True))


def kinds() -> list[str]:
    """What holds sending."""
    return [hold.kind for hold in holds.standing()]


class TestRolledBack:
    """The number of claims is behind what Redis or the storage has noted."""

    @pytest.mark.fault("K2.restored-queue-is-sent-again")
    def test_what_was_sent_after_the_backup_is_not_sent_again(self, site: Site, evolink: Simulator, tmp_path: Path):
        tasks = restored(site, tmp_path)
        for task in tasks:
            assert site.send(task).status == TaskStatus.QUEUED
        site.make_due()
        site.sweep()
        assert site.posts() == 3
        assert kinds() == ["rolled_back"]
        (hold,) = holds.standing()
        assert hold.detail == {"claims": 0, "claims_elsewhere": 3}
        assert tasks[0].events.get(kind=EventKind.WAITING).detail["reason"] == "rolled_back"

    @pytest.mark.fault("K2.sweep-notices-before-workers")
    def test_the_sweep_notices_it_and_hands_nothing_out(self, site: Site, tmp_path: Path):
        restored(site, tmp_path)
        site.make_due()
        handed: list[str] = []
        sweep.sweep(lambda job, *ids: handed.append(job) or True)
        assert kinds() == ["rolled_back"]
        assert "submit" not in handed

    @pytest.mark.fault("K2.claim-without-sent-at-is-released")
    def test_a_claim_that_the_backup_caught_is_not_given_back_to_the_queue(self, site: Site, tmp_path: Path):
        task = site.queued()
        attempt_id = attempt_id_of(task.pk, 1)
        VideoTask.objects.update(status=TaskStatus.SUBMITTING, next_action_at=timezone.now())
        Attempt.objects.create(
            id=attempt_id, task=task, number=1, idempotency_key=idempotency_key_of(attempt_id), request={}
        )
        saved = backup(tmp_path)
        site.send(site.queued("A dog"))
        restore(saved)
        site.make_due()
        site.sweep()
        assert kinds() == ["rolled_back"]
        assert statuses() == [TaskStatus.SUBMITTING]
        adopt("--yes")
        assert statuses() == [TaskStatus.UNCONFIRMED]

    @pytest.mark.fault("K2.redis-flushed")
    def test_the_storage_alone_tells_it(self, site: Site, redis_queue: Any, tmp_path: Path):
        tasks = restored(site, tmp_path)
        redis_queue.connection.flushdb()
        site.send(tasks[0])
        assert (site.posts(), kinds()) == (3, ["rolled_back"])

    @pytest.mark.fault("K2.no-redis")
    def test_without_a_redis_the_storage_tells_it(self, quiet_site: Site, tmp_path: Path):
        tasks = restored(quiet_site, tmp_path)
        claim_counter._read.clear()  # another process
        quiet_site.send(tasks[0])
        assert (quiet_site.posts(), kinds()) == (3, ["rolled_back"])

    @pytest.mark.fault("K2.storage-unreadable")
    def test_redis_alone_tells_it(self, site: Site, settings: Any, tmp_path: Path):
        site.configure(STORAGE="broken")
        settings.STORAGES = {**settings.STORAGES, "broken": {"BACKEND": f"{__name__}.BrokenStorage"}}
        tasks = restored(site, tmp_path)
        site.send(tasks[0])
        assert (site.posts(), kinds()) == (3, ["rolled_back"])

    @pytest.mark.fault("K2.mirror-missing-is-no-alarm")
    def test_a_mirror_that_is_gone_is_no_alarm(self, site: Site, redis_queue: Any, media: Path):
        site.send(site.queued())
        redis_queue.connection.flushdb()
        for name in claim_counter.names(installation.current().database_id):
            (media / name).unlink(missing_ok=True)
        assert site.send(site.queued()).status == TaskStatus.PENDING
        assert kinds() == []

    @pytest.mark.fault("K2.garbage-in-the-mirror-is-no-alarm")
    @pytest.mark.parametrize("garbage", [b"", b"\xff\x00", b"nan", b"1e300", b"-5", b"0x7f", b"9" * 40, "٣".encode()])
    def test_garbage_is_no_alarm_and_is_replaced(self, site: Site, redis_queue: Any, media: Path, garbage: bytes):
        database_id = installation.current().database_id
        redis = redis_queue.connection
        redis.set(claim_counter._key(database_id), garbage)
        for name in claim_counter.names(database_id):
            (media / name).parent.mkdir(parents=True, exist_ok=True)
            (media / name).write_bytes(f"{database_id} ".encode() + garbage + b" 0123456789abcdef")
        assert site.send(site.queued()).status == TaskStatus.PENDING
        assert kinds() == []
        assert redis.get(claim_counter._key(database_id)) == b"1"
        assert claim_counter.highest(database_id) == 1

    @pytest.mark.fault("K2.torn-number")
    @pytest.mark.parametrize("line", ["{id} 999 0123456789abcdef", "{id} 999", "999", "{other} 999 {sum}"])
    def test_a_number_without_its_checksum_is_no_alarm(self, site: Site, media: Path, line: str):
        row = installation.current()
        total = claim_counter._line(row.database_id, 999).split()[2]
        for name in claim_counter.names(row.database_id):
            (media / name).parent.mkdir(parents=True, exist_ok=True)
            (media / name).write_text(line.format(id=row.database_id, other=Installation().database_id, sum=total))
        assert site.send(site.queued()).status == TaskStatus.PENDING
        assert kinds() == []

    @pytest.mark.fault("K2.garbage-of-another-type")
    def test_another_kind_of_value_under_the_name_is_no_alarm(self, site: Site, redis_queue: Any):
        key = claim_counter._key(installation.current().database_id)
        redis_queue.connection.rpush(key, "99")
        assert site.send(site.queued()).status == TaskStatus.PENDING
        assert redis_queue.connection.get(key) == b"1"

    @pytest.mark.fault("K2.torn-write")
    def test_a_torn_write_spoils_one_of_two_names(self, media: Path, settings: Any):
        database_id = Installation().database_id
        for claims in (5, 6, 7):
            claim_counter.store(database_id, claims)
        first, second = ((media / name) for name in claim_counter.names(database_id))
        newest = max(first, second, key=lambda path: int(path.read_text().split()[1]))
        assert sorted(int(path.read_text().split()[1]) for path in (first, second)) == [6, 7]
        newest.write_text(newest.read_text()[: len(str(database_id)) + 2])
        assert claim_counter._in_storage(database_id, fresh=True) == 6
        claim_counter.store(database_id, 8)
        assert claim_counter._in_storage(database_id, fresh=True) == 8
        assert sorted(path.name for path in first.parent.iterdir()) == sorted([first.name, second.name])

    @pytest.mark.fault("K2.storage-hangs")
    def test_a_storage_that_hangs_delays_nothing_for_long(self, site: Site, settings: Any, monkeypatch: Any):
        monkeypatch.setattr(claim_counter, "PATIENCE", 0.05)
        site.configure(STORAGE="hanging")
        settings.STORAGES = {**settings.STORAGES, "hanging": {"BACKEND": f"{__name__}.HangingStorage"}}
        HangingStorage.asked.clear()
        try:
            for _n in range(3):
                assert site.send(site.queued()).status == TaskStatus.PENDING
            # Once to read and once to write, not with every task.
            assert len(HangingStorage.asked) <= 3
        finally:
            HangingStorage.go_on.set()

    @pytest.mark.fault("K2.workers-race-is-no-alarm")
    def test_claims_of_several_workers_are_no_alarm(self, site: Site):
        tasks = [site.queued(f"A cat, {n}") for n in range(12)]
        results = outcomes(*(lambda part=tasks[n::4]: [jobs.submit(str(task.pk)) for task in part] for n in range(4)))
        assert not [result for result in results if isinstance(result, Exception)]
        for _try in range(3):
            for task in VideoTask.objects.filter(status=TaskStatus.QUEUED):
                site.send(task)
        assert set(statuses()) == {TaskStatus.PENDING}
        assert (kinds(), installation.current().claims) == ([], 12)
        assert claim_counter.highest(installation.current().database_id) == 12

    @pytest.mark.fault("K2.hold-outlives-the-mirror")
    def test_the_hold_stays_when_the_mirror_is_lost_afterwards(
        self, site: Site, redis_queue: Any, media: Path, tmp_path: Path
    ):
        tasks = restored(site, tmp_path)
        site.send(tasks[0])
        redis_queue.connection.flushdb()
        for name in claim_counter.names(installation.current().database_id):
            (media / name).unlink(missing_ok=True)
        site.make_due()
        assert site.send(tasks[1]).status == TaskStatus.QUEUED
        assert site.posts() == 3

    @pytest.mark.fault("K2.storage-at-most-once-a-minute")
    def test_the_storage_is_written_once_a_minute(self, site: Site, media: Path):
        for _n in range(3):
            site.send(site.queued())
        row = installation.current()
        written = [path.read_text().split()[1] for path in (media / "wanvideo/installation").iterdir()]
        assert (row.claims, written) == (3, ["1"])
        Installation.objects.update(stored_at=timezone.now() - dt.timedelta(seconds=61))
        site.send(site.queued())
        written = sorted(path.read_text().split()[1] for path in (media / "wanvideo/installation").iterdir())
        assert written == ["1", "4"]

    @pytest.mark.fault("K2.clock-ahead")
    def test_a_mark_from_the_future_does_not_stop_the_mirror(self, site: Site):
        site.send(site.queued())
        Installation.objects.update(stored_at=timezone.now() + dt.timedelta(hours=25))
        site.send(site.queued())
        assert claim_counter._in_storage(installation.current().database_id, fresh=True) == 2


class TestAdopting:
    """The one way out."""

    @pytest.mark.fault("K2.adopt-looks-up-first")
    def test_what_may_have_been_sent_is_left_to_a_person(self, site: Site, evolink: Simulator, tmp_path: Path):
        restored(site, tmp_path)
        said = adopt()
        assert "May have been sent already, 3" in said
        assert "Would be sent: 0" in said
        assert statuses() == [TaskStatus.UNCONFIRMED] * 3
        assert kinds() == []
        row = installation.current()
        assert row.claims > 3
        assert claim_counter.highest(row.database_id) == row.claims
        for _pass in range(3):
            site.make_due()
            site.sweep()
        assert site.posts() == 3

    @pytest.mark.fault("K2.callback-finds-its-queued-task")
    def test_a_callback_brings_each_video_home_to_its_own_task(self, site: Site, evolink: Simulator, tmp_path: Path):
        tasks = [site.queued(f"A cat, {n}") for n in range(2)]
        saved = backup(tmp_path)
        sent = [site.send(task).attempt for task in tasks]
        restore(saved)
        for attempt in sent:
            receipts.receive(attempt.pk, attempt.provider_task_id, {"id": attempt.provider_task_id})
        jobs.sync()
        for task, attempt in zip(tasks, sent, strict=True):
            task.refresh_from_db()
            assert task.status == TaskStatus.PENDING
            found = task.attempts.get()
            assert (found.pk, found.provider_task_id) == (attempt.pk, attempt.provider_task_id)
            assert found.idempotency_key == attempt.idempotency_key
        assert (VideoTask.objects.count(), site.posts()) == (2, 2)
        site.assert_accounted_for()

    @pytest.mark.fault("K2.callback-waits-for-adopt")
    def test_a_callback_that_could_not_be_read_is_read_again_after_it(
        self, site: Site, evolink: Simulator, tmp_path: Path
    ):
        tasks = [site.queued(), site.queued("A dog")]
        saved = backup(tmp_path)
        attempt = site.send(tasks[0]).attempt
        restore(saved)
        CallbackReceipt.objects.create(
            attempt_id=attempt.pk, provider_task_id=attempt.provider_task_id, payload={}, process_at=None
        )
        adopt("--yes")
        jobs.sync()
        tasks[0].refresh_from_db()
        assert tasks[0].status == TaskStatus.PENDING

    @pytest.mark.fault("K2.adopt-sends-what-was-not-sent")
    def test_what_nothing_speaks_for_is_sent_once_after_it(self, site: Site, evolink: Simulator, tmp_path: Path):
        saved = backup(tmp_path)
        site.send(site.queued("A dog"))
        restore(saved)
        task = site.queued()
        evolink.tasks.latest.created -= 3600
        site.send(task)
        assert (task.status, site.posts()) == (TaskStatus.QUEUED, 1)
        with pytest.raises(CommandError, match="--yes") as refused:
            adopt()
        assert refused.value.returncode == 2
        assert kinds() == ["rolled_back"]
        said = adopt("--yes")
        assert "Would be sent: 1, about 6 credits" in said
        assert str(task.pk) in said
        site.make_due()
        site.send(task)
        assert (task.status, site.posts()) == (TaskStatus.PENDING, 2)

    @pytest.mark.fault("K2.adopt-without-evolink")
    def test_nothing_is_taken_over_while_evolink_cannot_be_asked(self, site: Site, evolink: Simulator, tmp_path: Path):
        restored(site, tmp_path)
        evolink.faults.add("list", "500", times=5)
        with pytest.raises(CommandError, match="--hold"):
            adopt("--yes")
        with pytest.raises(adoption.NotLookedUp):
            adoption.carry_out(adoption.plan(), hold=False)
        assert kinds() == ["rolled_back"]
        assert statuses() == [TaskStatus.QUEUED] * 3

    @pytest.mark.fault("K2.adopt-hold")
    def test_with_hold_all_that_is_queued_becomes_drafts(self, site: Site, tmp_path: Path):
        tasks = restored(site, tmp_path)
        said = adopt("--hold")
        assert "drafts" in said
        assert statuses() == [TaskStatus.DRAFT] * 3
        event = tasks[0].events.get(kind=EventKind.NOTE)
        assert (event.from_status, event.to_status) == (TaskStatus.QUEUED, TaskStatus.DRAFT)
        task = VideoTask.objects.get(pk=tasks[0].pk)
        assert (task.queued_at, task.next_action_at, task.delay_reason) == (None, None, "")
        site.make_due()
        site.sweep()
        assert site.posts() == 3
        assert kinds() == []
        task.submit()
        site.send(task)
        assert task.status == TaskStatus.PENDING

    @pytest.mark.fault("K2.adopt-hold-without-evolink")
    def test_hold_needs_no_evolink(self, site: Site, evolink: Simulator, tmp_path: Path):
        restored(site, tmp_path)
        evolink.faults.add("list", "500", times=5)
        adopt("--hold")
        assert statuses() == [TaskStatus.DRAFT] * 3

    @pytest.mark.fault("K2.the-ledger-remembers")
    def test_what_the_ledger_remembers_as_sent_is_not_sent(self, site: Site):
        task = site.queued()
        CreditEntry.objects.create(
            attempt_id=attempt_id_of(task.pk, 1), task_id=task.pk, model=task.model, outcome="accepted"
        )
        assert [found.pk for found, _number in adoption.plan().doubtful] == [task.pk]

    @pytest.mark.fault("K2.the-same-wish-has-the-same-key")
    def test_a_repeat_of_the_same_wish_carries_the_same_key_and_body(
        self, site: Site, evolink: Simulator, tmp_path: Path
    ):
        site.configure(CALLBACK_BASE_URL="https://site.example")
        task = site.queued(shot_type="single", prompt_extend=True)
        saved = backup(tmp_path)
        first = site.send(task).attempt
        restore(saved)
        # Nothing outside is left of it: the one case that cannot be noticed.
        queue.connection.get_redis(queue.connection.REDIS_TIMEOUT).flushdb()
        Installation.objects.update(database_id="00000000-0000-4000-8000-000000000000")
        task = site.send(VideoTask.objects.get())
        again = task.attempt
        assert (again.pk, again.idempotency_key, again.request) == (first.pk, first.idempotency_key, first.request)
        assert again.provider_task_id == first.provider_task_id
        evolink.ledger.assert_charged_once()


class TestCopy:
    """The rows belong to another installation."""

    @pytest.fixture
    def copy(self, site: Site, evolink: Simulator) -> Iterator[dict[str, VideoTask]]:
        """The rows of a busy site, looked at from a staging machine."""
        tasks = {"queued": site.queued("A queued cat"), "running": site.queued("A running cat")}
        site.send(tasks["running"])
        tasks["done"] = site.send(site.queued("A finished cat"))
        evolink.complete(tasks["done"].attempt.provider_task_id)
        jobs.sync(str(tasks["done"].pk))
        tasks["done"].refresh_from_db()
        assert tasks["done"].status == TaskStatus.STORING
        site.configure(INSTALLATION="staging")
        site.make_due()
        return tasks

    @pytest.mark.fault("K2.copy-on-staging-does-nothing")
    def test_a_copy_sends_polls_stores_and_tells_nothing(
        self, site: Site, evolink: Simulator, copy: dict[str, VideoTask], caplog: pytest.LogCaptureFixture
    ):
        CallbackReceipt.objects.create(attempt=copy["running"].attempt, provider_task_id="task-unified-1-x", payload={})
        heard: list[Any] = []
        signals.video_submitted.connect(receiver := lambda **told: heard.append(told))
        before, calls = _rows(), len(evolink.journal)
        try:
            with caplog.at_level(logging.ERROR, "django_wanvideo"):
                for _pass in range(2):
                    swept = site.sweep()
                    assert swept.counts == {}
                    jobs.submit(str(copy["queued"].pk))
                    jobs.sync(str(copy["running"].pk))
                    jobs.sync()
                    jobs.store(str(copy["done"].pk))
                    site.tell()
        finally:
            signals.video_submitted.disconnect(receiver)
        assert (len(evolink.journal), heard) == (calls, [])
        assert _rows() == before
        assert len([record for record in caplog.records if "wanvideo_adopt" in record.message]) == 1
        (hold,) = holds.standing()
        assert (hold.kind, hold.detail) == ("installation", {"belongs_to": "production", "here": "staging"})

    @pytest.mark.fault("K2.copy-pages-ask-nothing")
    def test_a_person_on_a_copy_is_told_why_nothing_is_asked(
        self, site: Site, evolink: Simulator, copy: dict[str, VideoTask]
    ):
        calls = len(evolink.journal)
        with pytest.raises(TransitionNotAllowed, match="production"):
            copy["running"].refresh()
        task = copy["running"]
        VideoTask.objects.filter(pk=task.pk).update(status=TaskStatus.UNCONFIRMED)
        task.attempts.update(state=AttemptState.UNCONFIRMED, provider_task_id=None)
        assert evidence.collect(VideoTask.objects.get(pk=task.pk)).listing is evidence.ListingState.FOREIGN
        assert len(evolink.journal) == calls

    @pytest.mark.fault("K2.original-goes-on-beside-a-copy")
    def test_the_original_is_not_disturbed_by_a_copy(
        self, site: Site, copy: dict[str, VideoTask], redis_queue: Any, tmp_path: Path
    ):
        """Also where both use one Redis and one storage."""
        original = backup(tmp_path)
        number = installation.current()
        adopt("--hold")
        adopted = installation.current()
        assert (adopted.name, adopted.database_id == number.database_id) == ("staging", False)
        for _n in range(3):
            site.send(site.queued("Of the copy"))
        restore(original)
        site.configure(INSTALLATION="production")
        site.make_due()
        site.send(copy["queued"])
        assert (copy["queued"].status, kinds()) == (TaskStatus.PENDING, [])

    @pytest.mark.fault("K2.adopted-copy-works")
    def test_a_copy_works_once_it_is_taken_over(self, site: Site, evolink: Simulator, copy: dict[str, VideoTask]):
        assert "production" in adopt("--yes")
        site.make_due()
        site.send(copy["queued"])
        site.sweep()
        assert kinds() == []
        assert VideoTask.objects.get(pk=copy["done"].pk).status == TaskStatus.COMPLETED

    @pytest.mark.fault("K2.named-database-on-a-laptop")
    @pytest.mark.parametrize("base", [None, "https://dev.example"])
    def test_a_process_without_a_name_does_not_work_on_a_named_database(
        self, site: Site, copy: dict[str, VideoTask], base: str | None
    ):
        site.configure(INSTALLATION=None, CALLBACK_BASE_URL=base)
        posts = site.posts()
        site.send(copy["queued"])
        assert (site.posts(), kinds()) == (posts, ["installation"])

    @pytest.mark.fault("K2.naming-later-is-no-alarm")
    @pytest.mark.parametrize("base", [None, "https://site.example"])
    def test_naming_an_installation_later_is_no_alarm(self, site: Site, settings: Any, base: str | None):
        site.configure(INSTALLATION=None, CALLBACK_BASE_URL=base)
        site.send(site.queued("First"))
        task = site.queued()
        site.configure(INSTALLATION="production", CALLBACK_KEYS=["new"], API_KEY="sk-simulator")
        settings.SECRET_KEY = "rotated"
        assert site.send(task).status == TaskStatus.PENDING
        assert (kinds(), installation.current().name) == ([], "production")
        # And then another host says nothing any more.
        task = site.queued()
        site.configure(CALLBACK_BASE_URL="https://moved.example")
        assert site.send(task).status == TaskStatus.PENDING

    @pytest.mark.fault("K2.two-databases-have-two-ids")
    def test_a_database_has_its_id_as_soon_as_it_has_tables(self, transactional_db: None):
        row = Installation.objects.get()
        Installation.objects.all().delete()
        make_rows(connection.alias)
        assert Installation.objects.get().database_id != row.database_id
        call_command("migrate", verbosity=0)
        assert Installation.objects.count() == 1


class TestHost:
    """Without a name the host of the callbacks stands in, softly."""

    @pytest.fixture
    def soft(self, site: Site) -> Site:
        """A site without a name."""
        site.configure(INSTALLATION=None, CALLBACK_BASE_URL="https://site.example")
        return site

    @pytest.mark.fault("K2.new-host-idle")
    def test_a_new_host_is_taken_over_when_nothing_waits(self, soft: Site):
        soft.send(soft.queued())
        VideoTask.objects.update(status=TaskStatus.FAILED)
        soft.configure(CALLBACK_BASE_URL="https://new.example")
        assert soft.send(soft.queued()).status == TaskStatus.PENDING
        assert installation.current().host == "new.example"

    @pytest.mark.fault("K2.new-host-port")
    def test_a_port_a_path_and_capitals_are_no_other_host(self, soft: Site):
        installation.look()
        task = soft.queued()
        soft.configure(CALLBACK_BASE_URL="https://SITE.example:8443/sub")
        assert soft.send(task).status == TaskStatus.PENDING

    @pytest.mark.fault("K2.new-host-holds-the-old-queue")
    def test_a_new_host_holds_only_what_was_queued_under_the_other(self, soft: Site):
        old = soft.queued("Old")
        soft.configure(CALLBACK_BASE_URL="https://new.example")
        fresh = soft.queued("New")
        soft.send(old)
        soft.send(fresh)
        assert (old.status, old.delay_reason, fresh.status) == (TaskStatus.QUEUED, "installation", TaskStatus.PENDING)
        assert soft.posts() == 1
        assert kinds() == []
        adopt("--yes")
        assert installation.current().host == "new.example"

    @pytest.mark.fault("K2.new-host-in-flight")
    def test_what_is_in_flight_goes_on_and_then_the_host_is_taken_over(self, soft: Site, evolink: Simulator):
        task = soft.send(soft.queued())
        soft.configure(CALLBACK_BASE_URL="https://new.example")
        installation.look()
        assert installation.current().host == "site.example"
        evolink.complete(task.attempt.provider_task_id)
        soft.finish(task)
        installation.look()
        assert (installation.current().host, installation.current().other_host_since) == ("new.example", None)

    @pytest.mark.fault("K2.no-name-no-host-no-guard")
    def test_with_neither_name_nor_host_there_is_no_guard(self, soft: Site):
        task = soft.queued()
        soft.configure(CALLBACK_BASE_URL=None)
        assert soft.send(task).status == TaskStatus.PENDING

    @pytest.mark.fault("K2.host-back-again")
    def test_going_back_to_the_old_host_ends_it(self, soft: Site):
        task = soft.queued()
        soft.configure(CALLBACK_BASE_URL="https://new.example")
        soft.send(task)
        soft.configure(CALLBACK_BASE_URL="https://site.example")
        soft.make_due()
        assert soft.send(task).status == TaskStatus.PENDING
        assert installation.current().other_host_since is None


class BrokenStorage(InMemoryStorage):
    """A storage that refuses everything with an error of its own."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise RuntimeError("no access")

    def _save(self, name: str, content: Any) -> str:
        raise RuntimeError("no access")


class HangingStorage(InMemoryStorage):
    """A storage that does not answer."""

    asked: list[str] = []
    go_on = threading.Event()

    def _open(self, name: str, mode: str = "rb") -> Any:
        self.asked.append(name)
        self.go_on.wait(10)
        raise FileNotFoundError(name)

    def _save(self, name: str, content: Any) -> str:
        self.asked.append(name)
        self.go_on.wait(10)
        return name


def _rows() -> dict[str, list[dict[str, Any]]]:
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in ROWS}


def test_the_storage_of_the_marks_is_the_tasks_own(site: Site, settings: Any):
    site.configure(STORAGE="memory", UPLOAD_TO="videos/%Y/")
    site.send(site.queued())
    first, second = claim_counter.names(installation.current().database_id)
    assert first.startswith("videos/installation/")
    assert storages["memory"].exists(first) != storages["memory"].exists(second)
