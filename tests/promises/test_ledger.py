"""The ledger of credits follows each attempt, agrees with EvoLink's own, and outlives tasks and people."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from django_wanvideo import jobs
from django_wanvideo.choices import AttemptState, CreditOutcome, CreditResult, TaskStatus
from django_wanvideo.evolink.types import ProviderStatus, TaskSnapshot
from django_wanvideo.models import Attempt, Batch, CreditEntry, DeletedTask, VideoTask, ledger
from django_wanvideo.services import retention
from django_wanvideo.services.attempts import settlement
from django_wanvideo.services.resolution import decisions
from django_wanvideo.services.sending import submission
from django_wanvideo.services.tracking import callbacks, snapshots
from tests.factories import make_attempt, make_task
from tests.promises.test_binding import call_back, given_up, given_up_and_tried_again, superseded, unconfirmed

if TYPE_CHECKING:
    from django_wanvideo.simulator import Simulator
    from tests.fixtures import Site

pytestmark = pytest.mark.integration

PRICE = Decimal(6)
LONG_AGO = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def spent() -> Decimal:
    """What the limits count, over all time."""
    return ledger.spent({"ever": LONG_AGO})["ever"]


def entry_of(attempt: Attempt) -> CreditEntry:
    return CreditEntry.objects.get(pk=attempt.pk)


def assert_books_agree(evolink: Simulator) -> None:
    """EvoLink billed what our ledger says was used, entry by entry where the attempt is still there."""
    used = sum((entry.used or Decimal(0) for entry in CreditEntry.objects.all()), Decimal(0))
    assert used == evolink.ledger.total
    for attempt in Attempt.objects.exclude(provider_task_id=None):
        assert (entry_of(attempt).used or 0) == evolink.ledger[attempt.provider_task_id].credits, attempt


@pytest.mark.fault("K1.ledger-agrees-with-the-bill")
def test_after_a_mixed_run_the_ledger_agrees_with_what_evolink_billed(site: Site, evolink: Simulator):
    stored = site.send(site.queued("Stored"))
    deleted = site.send(site.queued("Deleted while in history"))
    evolink.complete(stored.attempt.provider_task_id)
    evolink.complete(deleted.attempt.provider_task_id)
    site.finish(stored)
    site.finish(deleted)
    deleted.delete()

    refunded = site.send(site.queued("Failed and refunded"))
    evolink.fail(refunded.attempt.provider_task_id, "content_policy_violation")
    site.finish(refunded)
    refunded.retry()
    site.make_due()
    site.send(refunded)
    evolink.complete(refunded.attempts.get(number=2).provider_task_id)
    site.finish(refunded)

    evolink.faults.add("create", "400")
    rejected = site.send(site.queued("Rejected"))
    assert rejected.status == TaskStatus.FAILED

    attached, own = unconfirmed(site, "Lost and attached")
    decisions.attach(attached, own)
    evolink.complete(own)
    site.finish(attached)

    twice, first, own = superseded(site)
    site.send(twice)
    for accepted in evolink.tasks.values():
        if not accepted.final:
            evolink.complete(accepted.id)
    call_back(first, own)
    site.finish(twice)
    site.finish(twice.children.get())

    evolink.faults.add("create", "500")
    denied = site.send(site.queued("Unknown, and not accepted"))
    decisions.mark_not_accepted(denied)

    assert_books_agree(evolink)
    assert spent() == evolink.ledger.total == 6 * PRICE
    # One for each attempt, those of the deleted task and of the second result among them.
    assert CreditEntry.objects.count() == Attempt.objects.count() + 1 == 10
    open_ = CreditEntry.objects.exclude(outcome__in=[CreditOutcome.CHARGED, CreditOutcome.RELEASED])
    assert not open_.exists()
    # Refunded, rejected and not accepted have failed; the answer that was lost made way for a second result.
    results = Counter(CreditEntry.objects.values_list("result", flat=True))
    assert results == {CreditResult.VIDEO: 6, CreditResult.FAILED: 3, "": 1}
    videos = CreditEntry.objects.filter(result=CreditResult.VIDEO)
    assert videos.filter(seconds_to_video__isnull=False).count() == 6


@pytest.mark.fault("K1.entry-is-written-with-the-claim")
def test_the_entry_is_written_in_the_claims_own_transaction(site: Site, monkeypatch):
    task = site.queued(owner=get_user_model().objects.create_user("ann", first_name="Ann", last_name="Secret"))

    def dies(*args, **options):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(ledger.CreditEntry.objects, "create", dies)
        with pytest.raises(RuntimeError):
            jobs.submit(str(task.pk))
    task.refresh_from_db()
    assert (task.status, site.posts(), Attempt.objects.count()) == (TaskStatus.QUEUED, 0, 0)

    VideoTask.objects.update(lease_expires_at=None)
    site.send(task)
    entry = CreditEntry.objects.get()
    assert (entry.attempt_id, entry.task_id, entry.owner) == (task.attempt.pk, task.pk, task.owner)
    assert entry.owner_label == "ann", "the name that one signs in with, not the person's"
    assert (entry.model, entry.seconds, entry.quality) == (task.model, 2, "720p")
    assert (entry.estimated, entry.reserved, entry.used) == (PRICE, PRICE, None)
    assert (entry.outcome, entry.claimed_at) == (CreditOutcome.ACCEPTED, task.attempt.claimed_at)
    assert entry.accepted_at is not None
    assert entry.settled_at is None


def claimed(task: VideoTask) -> Attempt:
    attempt = make_attempt(task, AttemptState.CLAIMED)
    ledger.open_entry(task, attempt)
    return attempt


@pytest.mark.django_db
def test_an_attempt_that_was_never_sent_gives_its_credits_back(wanvideo_wakeups):
    attempt = claimed(make_task(TaskStatus.SUBMITTING, credits_estimated=PRICE))
    assert spent() == PRICE, "the request may leave at any moment"
    settlement.recover_stale_claim(attempt.task_id)
    assert entry_of(attempt).outcome == CreditOutcome.RELEASED
    assert spent() == 0


@pytest.mark.django_db
def test_what_is_unknown_counts_with_its_estimate_until_it_is_settled(wanvideo_wakeups):
    task = make_task(TaskStatus.SUBMITTING, credits_estimated=PRICE)
    attempt = claimed(task)
    settlement.mark_unconfirmed(attempt, RuntimeError("reset"))
    assert (entry_of(attempt).outcome, entry_of(attempt).settled_at, spent()) == (CreditOutcome.UNKNOWN, None, PRICE)
    decisions.resend(task)
    assert (entry_of(attempt).outcome, spent()) == (CreditOutcome.UNKNOWN, PRICE), "it may still have been accepted"


@pytest.mark.django_db
def test_a_person_who_settles_it_as_not_accepted_gives_the_credits_back(wanvideo_wakeups):
    task = make_task(TaskStatus.SUBMITTING, credits_estimated=PRICE)
    attempt = claimed(task)
    settlement.mark_unconfirmed(attempt, RuntimeError("reset"))
    decisions.mark_not_accepted(task)
    entry = entry_of(attempt)
    assert (entry.outcome, spent()) == (CreditOutcome.RELEASED, 0)
    assert entry.settled_at is not None


@pytest.mark.fault("K1.two-attempts-of-one-task-count-each")
def test_two_attempts_of_one_task_count_each_with_their_own_figures(site: Site, evolink: Simulator):
    task = site.send(site.queued())
    evolink.cancel(task.attempt.provider_task_id)
    site.finish(task)
    task.retry()
    assert task.credits_used is None
    assert spent() == PRICE, "a cancelled one may have been charged, and its retry has not been sent"
    site.make_due()
    site.send(task)
    assert spent() == 2 * PRICE
    ledger.report(
        task.attempts.get(number=1).pk,
        TaskSnapshot("task-unified-1", ProviderStatus.CANCELLED, credits_used=Decimal(0)),
    )
    assert spent() == PRICE


REPORTS = [
    # EvoLink's word, what it says was used, what was known before, then: outcome, used, counted
    (ProviderStatus.PROCESSING, Decimal(0), None, CreditOutcome.ACCEPTED, None, 11),
    (ProviderStatus.COMPLETED, Decimal(5), None, CreditOutcome.CHARGED, 5, 5),
    (ProviderStatus.COMPLETED, None, None, CreditOutcome.CHARGED, None, 11),
    (ProviderStatus.COMPLETED, None, Decimal(5), CreditOutcome.CHARGED, 5, 5),
    (ProviderStatus.COMPLETED, Decimal(10) ** 12, None, CreditOutcome.CHARGED, None, 11),
    (ProviderStatus.COMPLETED, Decimal(7), Decimal(5), CreditOutcome.CHARGED, 7, 7),
    (ProviderStatus.FAILED, Decimal(0), None, CreditOutcome.RELEASED, 0, 0),
    (ProviderStatus.FAILED, Decimal(0), Decimal(5), CreditOutcome.RELEASED, 0, 0),
    (ProviderStatus.FAILED, Decimal(3), None, CreditOutcome.CHARGED, 3, 3),
    (ProviderStatus.FAILED, None, None, CreditOutcome.RELEASED, None, 0),
    (ProviderStatus.FAILED, None, Decimal(5), CreditOutcome.CHARGED, 5, 5),
    (ProviderStatus.CANCELLED, None, None, CreditOutcome.ACCEPTED, None, 11),
    (ProviderStatus.CANCELLED, Decimal(0), None, CreditOutcome.RELEASED, 0, 0),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("status", "used", "before", "outcome", "then", "counted"), REPORTS)
def test_what_evolink_reports_is_taken_over_and_nothing_more(status, used, before, outcome, then, counted):
    task = make_task(TaskStatus.PENDING, credits_estimated=PRICE)
    attempt = make_attempt(task)
    ledger.open_entry(task, attempt, reserved=Decimal(11))
    if before is not None:
        ledger.report(attempt.pk, TaskSnapshot("x", ProviderStatus.COMPLETED, credits_used=before))
    ledger.report(attempt.pk, TaskSnapshot("x", status, credits_used=used))
    entry = entry_of(attempt)
    assert (entry.outcome, entry.used, spent()) == (outcome, then, counted)
    assert (entry.settled_at is None) is (outcome == CreditOutcome.ACCEPTED)


@pytest.mark.django_db
@pytest.mark.fault("K1.late-word-about-an-earlier-attempt")
def test_late_word_about_earlier_attempt_corrects(wanvideo_wakeups):
    """A late word about an earlier attempt corrects its entry and leaves the task alone."""
    task = make_task(TaskStatus.PENDING, credits_estimated=PRICE)
    first = make_attempt(task, AttemptState.FINISHED)
    second = make_attempt(task)
    for attempt in (first, second):
        ledger.open_entry(task, attempt, reserved=PRICE)
        ledger.follow(attempt.pk, AttemptState.ACCEPTED, reserved=PRICE)
    word = TaskSnapshot(first.provider_task_id, ProviderStatus.FAILED, credits_used=Decimal(0))
    snapshots.apply_snapshot(first, word, source="callback")
    task.refresh_from_db()
    assert (task.status, task.credits_used) == (TaskStatus.PENDING, None)
    assert (entry_of(first).outcome, entry_of(second).outcome) == (CreditOutcome.RELEASED, CreditOutcome.ACCEPTED)


@pytest.mark.fault("K1.a-paid-video-that-came-after-all")
def test_a_video_that_came_after_all_is_counted_with_what_it_cost(site: Site, evolink: Simulator):
    _task, attempt = given_up(site)
    assert entry_of(attempt).outcome == CreditOutcome.ACCEPTED, "nobody has said what it cost"
    evolink.complete(attempt.provider_task_id)
    call_back(attempt, attempt.provider_task_id)
    assert (entry_of(attempt).outcome, entry_of(attempt).used) == (CreditOutcome.CHARGED, PRICE)
    assert_books_agree(evolink)


@pytest.mark.fault("K1.second-result-is-counted-once")
@pytest.mark.parametrize("how", [superseded, given_up_and_tried_again])
def test_a_second_result_is_counted_once_and_on_the_day_of_the_first_claim(site: Site, evolink: Simulator, how):
    task, first = (how(site, evolink) if how is given_up_and_tried_again else how(site))[:2]
    yesterday = timezone.now() - dt.timedelta(days=1)
    own = next(iter(evolink.tasks.values())).id
    # Else what it has would come home before another is sent.
    evolink.faults.add("get", "404", times=3)
    for _look in range(3):
        site.make_due()
        site.send(task)
    evolink.faults.clear()
    assert spent() == 2 * PRICE, "the first may have been accepted"
    evolink.complete(task.attempt.provider_task_id)
    if not evolink.tasks[own].final:
        evolink.complete(own)
    Attempt.objects.filter(pk=first.pk).update(claimed_at=yesterday)
    call_back(first, own)
    second = task.children.get()
    site.finish(task)
    site.finish(second)
    assert spent() == 2 * PRICE
    assert entry_of(first).outcome == CreditOutcome.RELEASED
    assert entry_of(second.attempt).claimed_at == yesterday
    assert_books_agree(evolink)


@pytest.mark.fault("K1.taken-up-again-is-counted-once")
def test_what_was_taken_up_again_counts_again(site: Site, evolink: Simulator):
    task, first, own = superseded(site)
    evolink.complete(own)
    call_back(first, own)
    site.finish(task)
    assert CreditEntry.objects.count() == 1
    assert_books_agree(evolink)


@pytest.mark.fault("K1.day-of-the-claim")
def test_what_is_accepted_after_midnight_belongs_to_the_day_of_its_claim(site: Site, monkeypatch):
    midnight = dt.datetime.combine(timezone.now().date() + dt.timedelta(days=1), dt.time.min, tzinfo=dt.UTC)
    now = [midnight - dt.timedelta(seconds=1)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    task = site.queued()
    attempts = []
    monkeypatch.setattr(submission, "post", lambda attempt, client: attempts.append((attempt, client)))
    submission.send(task.pk)
    now[0] = midnight + dt.timedelta(seconds=1)
    monkeypatch.undo()
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    submission.post(*attempts[0])
    task.refresh_from_db()
    entry = CreditEntry.objects.get()
    assert task.status == TaskStatus.PENDING
    assert entry.claimed_at < midnight < entry.accepted_at
    days = {"yesterday": midnight - dt.timedelta(days=1), "today": midnight}
    assert ledger.spent(days) == {"yesterday": PRICE, "today": 0}


@pytest.mark.fault("K1.limits-lifted-by-deleting")
@pytest.mark.parametrize("how", ["delete", "queryset", "prune"])
def test_deleting_and_pruning_tasks_lifts_no_limit(site: Site, evolink: Simulator, how):
    site.configure(DAILY_CREDIT_LIMIT=20)
    for _time in range(5):
        task = site.send(site.queued(duration=5))
        if task.status != TaskStatus.PENDING:
            break
        evolink.complete(task.attempt.provider_task_id)
        site.finish(task)
        if how == "delete":
            task.delete()
        elif how == "queryset":
            VideoTask.objects.filter(pk=task.pk).delete()
        else:
            retention.prune_tasks(timezone.now() + dt.timedelta(days=1), [TaskStatus.COMPLETED])
        assert not VideoTask.objects.exists()
    assert (site.posts(), evolink.ledger.total) == (1, Decimal("11.9"))
    assert (task.status, task.delay_reason) == (TaskStatus.QUEUED, "daily_credit_limit")
    assert CreditEntry.objects.get().used == Decimal("11.9")


@pytest.mark.fault("K1.rate-lifted-by-deleting")
def test_deleting_tasks_makes_no_room_in_this_minute_either(site: Site, evolink: Simulator):
    site.configure(MAX_SUBMITS_PER_MINUTE=1)
    evolink.faults.add("create", "400", times=2)
    site.send(site.queued()).delete()
    assert site.send(site.queued()).delay_reason == "max_per_minute"
    assert site.posts() == 1


@pytest.mark.fault("K1.limits-lifted-by-deleting-people")
def test_entries_stay_when_their_owner_is_deleted(site: Site, django_user_model):
    """Entries stay when their owner is deleted and the name goes when asked."""
    ann = django_user_model.objects.create_user("ann", first_name="Ann")
    site.send(site.queued(owner=ann))
    ann.delete()
    entry = CreditEntry.objects.get()
    assert (entry.owner_id, entry.owner_label, spent()) == (None, "ann", PRICE)
    assert ledger.forget_user("ann", dry_run=True) == 1
    assert ledger.forget_user("bob") == 0
    assert CreditEntry.objects.get().owner_label == "ann"
    assert ledger.forget_user("ann") == 1
    entry = CreditEntry.objects.get()
    assert (entry.owner_label, spent()) == ("", PRICE)


@pytest.mark.fault("K1.forgetting-lifts-no-limit")
def test_forgetting_the_name_of_somebody_who_is_still_there_lifts_no_limit(site: Site, django_user_model):
    site.configure(USER_DAILY_CREDIT_LIMIT=11)
    ann = django_user_model.objects.create_user("ann")
    site.send(site.queued(owner=ann))
    django_user_model.objects.filter(pk=ann.pk).update(username="anna")
    assert ledger.forget_user("anna") == 1, "also under the name of then"
    assert CreditEntry.objects.get().owner_label == ""
    assert site.send(site.queued(owner=ann)).delay_reason == "user_daily_credit_limit"


@pytest.mark.django_db
def test_video_whose_length_model_chooses():
    """A video whose length the model chooses and one of a model that is gone have entries."""
    smart = make_task(TaskStatus.SUBMITTING, parameters={"duration": -1, "quality": "720p"})
    gone = make_task(TaskStatus.SUBMITTING, model="wan0.9", parameters={"duration": 4, "quality": "1080p"})
    assert CreditEntry.objects.get(pk=claimed(smart).pk).seconds is None
    entry = CreditEntry.objects.get(pk=claimed(gone).pk)
    assert (entry.seconds, entry.quality) == (4, "1080p")


@pytest.mark.django_db
def test_deleting_task_with_callers_key_leaves_row():
    """Deleting a task with a callers key leaves a row and without one none."""
    make_task(TaskStatus.DRAFT).delete()
    assert not DeletedTask.objects.exists()
    task = make_task(TaskStatus.DRAFT, idempotency_key="order-17", idempotency_scope="7")
    pk = task.pk
    task.delete()
    row = DeletedTask.objects.get()
    assert (row.task_id, row.idempotency_key, row.idempotency_scope) == (pk, "order-17", "7")
    assert row.created_at == task.created_at <= row.deleted_at


def test_receipts_of_a_deleted_task_disturb_nothing(site: Site, evolink: Simulator):
    task = site.send(site.queued())
    attempt = task.attempt
    evolink.complete(attempt.provider_task_id)
    site.finish(task)
    task.delete()
    callbacks.process_pending()
    assert CreditEntry.objects.get(pk=attempt.pk).used == PRICE


def test_an_end_in_the_queue_is_no_end_of_an_earlier_attempt(site: Site, evolink: Simulator):
    task = site.send(site.queued())
    evolink.cancel(task.attempt.provider_task_id)
    site.finish(task)
    assert entry_of(task.attempt).result == CreditResult.CANCELLED
    task.retry()
    task.cancel()
    assert [entry.result for entry in CreditEntry.objects.all()] == [CreditResult.CANCELLED]


def test_a_task_that_only_waits_has_not_failed(site: Site, evolink: Simulator):
    evolink.faults.add("create", "429")
    task = site.send(site.queued())
    assert (task.status, CreditEntry.objects.get().result) == (TaskStatus.QUEUED, "")


def test_a_video_that_is_fetched_after_all_has_not_failed(site: Site, evolink: Simulator):
    task = site.send(site.queued())
    evolink.complete(task.attempt.provider_task_id)
    site.configure(MAX_VIDEO_BYTES=10)
    site.finish(task)
    assert (task.status, entry_of(task.attempt).result) == (TaskStatus.FAILED, CreditResult.FAILED)
    assert (entry_of(task.attempt).outcome, entry_of(task.attempt).used) == (CreditOutcome.CHARGED, PRICE)
    site.configure(MAX_VIDEO_BYTES=10**9)
    task.fetch_result()
    site.finish(task)
    assert (task.status, entry_of(task.attempt).result) == (TaskStatus.COMPLETED, CreditResult.VIDEO)


def test_what_batch_and_groups_it_was_for_outlives_them(site: Site, django_user_model):
    ann = django_user_model.objects.create_user("ann")
    groups = [ann.groups.create(name=name) for name in ("Press", "Marketing")]
    batch = Batch.objects.create(name="Spring", owner=ann)
    task = site.queued(owner=ann)
    VideoTask.objects.filter(pk=task.pk).update(batch=batch)
    site.send(task)
    batch_id = batch.pk
    batch.delete()
    ann.delete()
    entry = CreditEntry.objects.get()
    assert (entry.batch_id, entry.batch_label, entry.owner_label) == (batch_id, "Spring", "ann")
    assert entry.group_keys == f",{groups[0].pk},{groups[1].pk},"
