"""Callbacks of attempts that are not there, and addresses that somebody else knows."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from django_wanvideo import callback_tokens, jobs, signals
from django_wanvideo.choices import AttemptState, CreditOutcome, EventKind, TaskStatus
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, CallbackReceipt, CreditEntry, DeletedTask, VideoTask
from django_wanvideo.models.attempt import attempt_id_of, idempotency_key_of
from django_wanvideo.services.tracking import callbacks, receipts
from django_wanvideo.services.tracking import unmatched as orphans
from tests.admin.conftest import url
from tests.factories import make_attempt, make_task

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = [pytest.mark.locks, pytest.mark.integration]


@pytest.fixture
def site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that EvoLink calls back; the test makes the calls."""
    site.configure(CALLBACK_BASE_URL="https://site.example")
    monkeypatch.setattr(receipts, "_seen", type(receipts._seen)())
    return site


def call_back(attempt_id: uuid.UUID, provider_task_id: str, *, read: bool = True, **body: Any) -> None:
    """Post to an attempt's address as EvoLink does; then a worker reads it."""
    path = urlsplit(callback_tokens.url_for(attempt_id)).path
    answer = Client().post(
        path, {"id": provider_task_id, "status": "completed"} | body, content_type="application/json"
    )
    assert answer.status_code == 200
    if read:
        callbacks.process_pending()


def at_evolink(site: Site, evolink: Simulator, *, complete: bool = True) -> tuple[uuid.UUID, str]:
    """A video that EvoLink made for an attempt of which these rows know nothing: the attempt's id and EvoLink's."""
    task = site.send(site.queued())
    attempt = task.attempt
    known = attempt.pk, attempt.provider_task_id
    VideoTask.objects.filter(pk=task.pk).update(status=TaskStatus.FAILED)
    VideoTask.objects.get(pk=task.pk).delete()
    CreditEntry.objects.all().delete()
    if complete:
        evolink.complete(known[1])
    return known


def remembered(attempt_id: uuid.UUID, **columns: Any) -> CreditEntry:
    """The ledger's row of an attempt whose task is gone."""
    values = {"task_id": uuid.uuid4(), "model": "wan2.6-image-to-video-flash", "estimated": Decimal(6)} | columns
    return CreditEntry.objects.update_or_create(attempt_id=attempt_id, defaults=values)[0]


@pytest.mark.fault("K2.orphan-callback-becomes-a-task")
def test_nobody_knows_and_evolink_confirms_becomes(site: Site, evolink: Simulator):
    """What nobody knows and EvoLink confirms becomes a task for a person."""
    attempt_id, provider_id = at_evolink(site, evolink)
    heard: list[tuple[str, str]] = []

    def receiver(sender: Any, task: VideoTask, event: Any, **more: Any) -> None:
        heard.append((event.kind, event.detail.get("reason", "")))

    signals.video_needs_attention.connect(receiver)
    try:
        call_back(attempt_id, provider_id)
        task = VideoTask.objects.get()
        site.finish(task)
    finally:
        signals.video_needs_attention.disconnect(receiver)
    assert (task.status, task.unmatched, task.owner, task.metadata) == (TaskStatus.COMPLETED, True, None, {})
    assert heard == [(EventKind.NEEDS_DECISION, "unmatched")]
    assert (task.attempt.pk, task.attempt.provider_task_id) == (attempt_id, provider_id)
    assert VideoTask.objects.needing_attention().get() == task
    call_back(attempt_id, provider_id)
    assert VideoTask.objects.count() == 1
    assert site.posts() == 1


@pytest.mark.fault("K2.orphan-that-still-runs")
def test_one_that_still_runs_is_followed_to_its_end(site: Site, evolink: Simulator):
    attempt_id, provider_id = at_evolink(site, evolink, complete=False)
    call_back(attempt_id, provider_id)
    task = VideoTask.objects.get()
    assert task.status == TaskStatus.PENDING
    evolink.complete(provider_id)
    assert site.finish(task).status == TaskStatus.COMPLETED


@pytest.mark.fault("K2.orphan-evolink-away")
def test_while_evolink_cannot_be_asked_it_stays_due(site: Site, evolink: Simulator):
    attempt_id, provider_id = at_evolink(site, evolink)
    evolink.faults.add("get", "500")
    call_back(attempt_id, provider_id)
    assert not VideoTask.objects.exists()
    assert CallbackReceipt.objects.get().process_at is not None
    site.make_due()
    jobs.sync()
    assert VideoTask.objects.get().attempt.provider_task_id == provider_id


@pytest.mark.fault("K2.orphan-made-up")
def test_what_evolink_does_not_confirm_makes_nothing(site: Site):
    call_back(uuid.uuid4(), "task-unified-1757169743-madeup00")
    assert not VideoTask.objects.exists()


@pytest.mark.fault("K2.orphan-names-another-tasks-video")
def test_it_cannot_take_another_tasks_video(site: Site, evolink: Simulator):
    other = site.send(site.queued())
    call_back(uuid.uuid4(), other.attempt.provider_task_id)
    assert VideoTask.objects.get() == other
    assert Attempt.objects.get() == other.attempt


@pytest.mark.fault("K2.orphan-without-an-id")
def test_one_that_names_nothing_is_logged(site: Site, caplog: pytest.LogCaptureFixture):
    attempt_id = uuid.uuid4()
    call_back(attempt_id, "")
    assert str(attempt_id) in caplog.text
    assert CallbackReceipt.objects.get().process_at is None


@pytest.mark.fault("K2.deleted-task-settles-the-ledger")
@pytest.mark.parametrize(
    ("end", "outcome", "used"),
    [("complete", CreditOutcome.CHARGED, True), ("fail", CreditOutcome.RELEASED, False)],
)
def test_the_ledger_of_a_deleted_task_is_settled_and_nothing_revived(
    site: Site, evolink: Simulator, end: str, outcome: CreditOutcome, used: bool
):
    attempt_id, provider_id = at_evolink(site, evolink, complete=False)
    entry = remembered(attempt_id)
    getattr(evolink, end)(provider_id)
    call_back(attempt_id, provider_id)
    entry.refresh_from_db()
    assert (entry.outcome, entry.settled_at is not None, bool(entry.used)) == (outcome, True, used)
    assert not VideoTask.objects.exists()
    assert CallbackReceipt.objects.get().process_at is None
    gets = site.gets()
    call_back(attempt_id, provider_id)
    assert site.gets() == gets, "what is settled is not asked about again"


@pytest.mark.fault("K2.tombstone-revives-nothing")
def test_what_a_tombstone_knows_is_not_revived(site: Site, evolink: Simulator, caplog: pytest.LogCaptureFixture):
    task = site.send(site.queued())
    attempt = task.attempt
    DeletedTask.objects.create(task_id=task.pk, idempotency_key="order-17", created_at=task.created_at)
    VideoTask.objects.update(status=TaskStatus.FAILED)
    VideoTask.objects.get().delete()
    CreditEntry.objects.all().delete()
    call_back(attempt.pk, attempt.provider_task_id)
    assert not VideoTask.objects.exists()
    assert "whose task was deleted" in caplog.text


@pytest.mark.fault("K2.forgotten-retry")
def test_attempt_forgotten_by_task_that_did_not_wait(site: Site, evolink: Simulator):
    """An attempt forgotten by a task that did not wait is kept beside it.

    The backup knew it as failed; it was tried again, accepted, and that is forgotten.
    """
    task = site.send(site.queued())
    attempt = task.attempt
    Attempt.objects.all().delete()
    VideoTask.objects.update(status=TaskStatus.FAILED, accepted_at=None)
    evolink.complete(attempt.provider_task_id)
    call_back(attempt.pk, attempt.provider_task_id)
    second = VideoTask.objects.exclude(pk=task.pk).get()
    assert (second.parent, second.attempt.provider_task_id) == (task, attempt.provider_task_id)
    assert site.finish(second).status == TaskStatus.COMPLETED
    assert task.events.filter(kind=EventKind.DUPLICATE).count() == 1


@pytest.mark.fault("K2.only-resolvers-see-it")
def test_only_those_who_may_settle_see_it(site: Site, evolink: Simulator, django_user_model: Any):
    from django.contrib.auth.models import Permission

    attempt_id, provider_id = at_evolink(site, evolink)
    call_back(attempt_id, provider_id)
    task = VideoTask.objects.get()
    people = {}
    for name, codes in {"viewer": ["view"], "resolver": ["view", "resolve"]}.items():
        person = django_user_model.objects.create_user(name, is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=[f"{code}_videotask" for code in codes]))
        people[name] = Client()
        people[name].force_login(person)
    for name, seen in (("viewer", False), ("resolver", True)):
        listed = people[name].get(url("changelist")).content.decode()
        assert (str(task.pk) in listed) is seen, name
        assert (people[name].get(url("change", task.pk)).status_code == 200) is seen, name
    page = people["resolver"].get(url("change", task.pk)).content.decode()
    assert "this database does not know" in page


class TestLeakedAddress:
    """Somebody else knows the address of one attempt."""

    @pytest.mark.fault("K10.leaked-token-receipts")
    def test_it_fills_no_table(self, site: Site, evolink: Simulator):
        attempt = site.send(site.queued()).attempt
        for number in range(receipts.MOST_RECEIPTS + 60):
            call_back(attempt.pk, f"task-unified-17571697{number:03}-madeup00", read=False)
        assert CallbackReceipt.objects.count() == receipts.MOST_RECEIPTS

    @pytest.mark.fault("K10.leaked-token-reads")
    def test_made_up_ids_are_not_all_asked_about(self, site: Site, evolink: Simulator):
        attempt = site.send(site.queued()).attempt
        before = site.gets()
        for number in range(90):
            call_back(attempt.pk, f"task-unified-17571697{number:03}-madeup00", read=False)
        for _pass in range(3):
            site.make_due()
            jobs.sync()
        assert site.gets() - before <= 3 * receipts.MOST_IDS
        assert CallbackReceipt.objects.filter(process_at__isnull=False).count() <= receipts.MOST_IDS
        call_back(attempt.pk, attempt.provider_task_id)
        assert CallbackReceipt.objects.filter(provider_task_id=attempt.provider_task_id).get().process_at is None

    @pytest.mark.fault("K10.leaked-token-unknown-attempt")
    def test_one_of_an_attempt_that_is_not_there_is_bounded_too(self, site: Site, evolink: Simulator):
        attempt_id = uuid.uuid4()
        for number in range(60):
            call_back(attempt_id, f"task-unified-17571697{number:03}-madeup00", read=False)
        for _pass in range(3):
            site.make_due()
            jobs.sync()
        assert site.gets() <= 3 * receipts.MOST_IDS

    @pytest.mark.fault("K10.leaked-token-second-results")
    def test_the_accounts_other_videos_do_not_all_become_second_results(self, site: Site, evolink: Simulator):
        attempt = site.send(site.queued()).attempt
        others = [site.send(site.queued(f"Other, {n}")).attempt for n in range(12)]
        ids = [other.provider_task_id for other in others]
        # Of another site on the same account: these rows do not know them.
        VideoTask.objects.exclude(pk=attempt.task_id).update(status=TaskStatus.FAILED)
        for task in VideoTask.objects.exclude(pk=attempt.task_id):
            task.delete()
        for provider_id in ids:
            call_back(attempt.pk, provider_id)
        assert VideoTask.objects.filter(parent=attempt.task_id).count() <= 2

    @pytest.mark.fault("K10.leaked-token-other-attempts")
    def test_other_attempts_are_not_concerned(self, site: Site):
        leaked, other = (make_attempt(site.draft(), AttemptState.UNCONFIRMED) for _n in range(2))
        for number in range(receipts.MOST_RECEIPTS + 5):
            call_back(leaked.pk, f"task-unified-17571697{number:03}-madeup00", read=False)
        call_back(other.pk, "task-unified-1757169743-abcdefgh", read=False)
        assert CallbackReceipt.objects.filter(attempt=other).count() == 1


@pytest.mark.fault("K2.keys-are-derived")
def test_an_attempt_is_known_by_its_task_and_number():
    task_id = uuid.UUID("0190a6f0-0000-4000-8000-000000000001")
    first = attempt_id_of(task_id, 1)
    assert first == attempt_id_of(task_id, 1) != attempt_id_of(task_id, 2)
    assert str(first) == "18555c9c-788a-5d62-a5dc-8072e482e629"
    assert idempotency_key_of(first) == f"wanvideo-{first.hex}"
    assert len(idempotency_key_of(first)) == 41


@pytest.mark.django_db
@pytest.mark.fault("K2.what-was-forgotten-is-counted")
def test_attempts_that_were_forgotten_count_in_the_ledger(wanvideo_wakeups):
    task = make_task(TaskStatus.QUEUED, credits_estimated=6)
    attempt = orphans.give_back(task.pk, 1)
    assert CreditEntry.objects.get(pk=attempt.pk).outcome == CreditOutcome.UNKNOWN
    snapshot = TaskSnapshot("task-unified-1", ProviderStatus.PENDING, credits_reserved=Decimal(6))
    receipt = CallbackReceipt(attempt_id=uuid.uuid4(), provider_task_id=snapshot.id)
    orphans.settle(receipt, snapshot)
    entry = CreditEntry.objects.get(pk=receipt.attempt_id)
    assert (entry.outcome, entry.reserved) == (CreditOutcome.ACCEPTED, 6)
