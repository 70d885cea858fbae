"""``wanvideo_prune`` deletes what is old and done with, and nothing else."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.db.models import ProtectedError
from django.db.models.signals import pre_delete
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.choices import ACTIVE_STATUSES, EventKind, EventSource, TaskStatus
from django_wanvideo.models import Approval, Attempt, CallbackReceipt, CreditEntry, TaskEvent, VideoTask
from django_wanvideo.services import retention

pytestmark = pytest.mark.django_db

OLD = dt.timedelta(days=40)


def make(status: str, *, age: dt.timedelta = OLD, **columns) -> VideoTask:
    then = timezone.now() - age
    ended = status in {"completed", "failed", "cancelled"}
    return VideoTask.objects.create(
        status=status, prompt="A cat", model="m", created_at=then, finished_at=then if ended else None, **columns
    )


def receipt(task: VideoTask, *, read: bool = True, age: dt.timedelta = OLD) -> CallbackReceipt:
    attempt = task.attempts.first() or Attempt.objects.create(
        task=task, number=1, idempotency_key=uuid.uuid4().hex, request={}
    )
    then = timezone.now() - age
    return CallbackReceipt.objects.create(attempt=attempt, received_at=then, process_at=None if read else then)


def event(task: VideoTask, kind: str, *, untold: bool = False, age: dt.timedelta = OLD) -> TaskEvent:
    then = timezone.now() - age
    return TaskEvent.objects.create(
        task=task, kind=kind, source=EventSource.POLL, created_at=then, notify_at=then if untold else None
    )


def test_read_callbacks_go_and_unread_or_young_ones_stay(run):
    task = make("completed")
    gone = [receipt(task), receipt(task)]
    stay = [receipt(task, read=False), receipt(task, age=dt.timedelta(days=1))]
    ran = run("wanvideo_prune", "--older-than", 30)
    assert ran.code == 0
    assert ran.out == "Deleted 2 read callbacks.\n"
    assert set(CallbackReceipt.objects.values_list("pk", flat=True)) == {row.pk for row in stay}
    assert not {row.pk for row in gone} & {row.pk for row in stay}


def test_callbacks_may_have_an_age_of_their_own(run):
    receipt(make("completed"), age=dt.timedelta(days=8))
    run("wanvideo_prune", "--older-than", 30)
    assert CallbackReceipt.objects.count() == 1
    run("wanvideo_prune", "--older-than", 30, "--receipts-older-than", 7)
    assert CallbackReceipt.objects.count() == 0


def test_only_passing_events_of_ended_tasks_go_and_only_when_asked(run):
    ended, going = make("failed"), make("processing")
    event(ended, EventKind.PROGRESS)
    event(ended, EventKind.WAITING)
    stay = {
        event(ended, EventKind.FAILED).pk,
        event(ended, EventKind.ACCEPTED).pk,
        event(ended, EventKind.PROGRESS, age=dt.timedelta(days=1)).pk,
        event(ended, EventKind.PROGRESS, untold=True).pk,
        event(going, EventKind.PROGRESS).pk,
    }
    run("wanvideo_prune", "--older-than", 30)
    assert TaskEvent.objects.count() == len(stay) + 2
    ran = run("wanvideo_prune", "--older-than", 30, "--events")
    assert "Deleted 2 lines of progress and waiting." in ran.out
    assert set(TaskEvent.objects.values_list("pk", flat=True)) == stay


def test_tasks_stay_unless_their_status_is_named(run):
    for status in TaskStatus.values:
        make(status)
    run("wanvideo_prune", "--older-than", 30, "--events")
    assert VideoTask.objects.count() == len(TaskStatus.values)
    ran = run("wanvideo_prune", "--older-than", 30, "--finished", "failed, cancelled")
    assert "Deleted 1 cancelled tasks.\nDeleted 1 failed tasks.\n" in ran.out
    assert set(VideoTask.objects.values_list("status", flat=True)) == set(TaskStatus.values) - {"failed", "cancelled"}


def test_completed_tasks_go_only_with_their_own_flag(run):
    make("completed")
    ran = run("wanvideo_prune", "--older-than", 30, "--finished", "completed")
    assert ran.code != 0
    assert "--completed" in ran.err
    assert VideoTask.objects.count() == 1
    run("wanvideo_prune", "--older-than", 30, "--completed")
    assert VideoTask.objects.count() == 0


@pytest.mark.parametrize("status", sorted(ACTIVE_STATUSES))
def test_a_task_on_its_way_is_never_deleted(run, status):
    make(status)
    assert run("wanvideo_prune", "--older-than", 1, "--finished", status).code != 0
    with pytest.raises(ValueError, match="on their way"):
        retention.prune_tasks(timezone.now(), {status})
    assert VideoTask.objects.count() == 1


def test_young_tasks_and_young_drafts_stay(run):
    young = dt.timedelta(days=2)
    make("failed", age=young)
    make("draft", age=young)
    make("draft")
    ran = run("wanvideo_prune", "--older-than", 30, "--finished", "failed,draft")
    assert "Deleted 1 draft tasks.\nDeleted 0 failed tasks.\n" in ran.out


def test_a_task_with_an_untold_event_stays(run):
    event(make("failed"), EventKind.FAILED, untold=True)
    run("wanvideo_prune", "--older-than", 30, "--finished", "failed")
    assert VideoTask.objects.count() == 1


def test_a_failed_task_whose_paid_video_can_still_be_fetched_stays(run):
    hour = dt.timedelta(hours=1)
    make("failed", result_url="https://files.example/v.mp4", result_expires_at=timezone.now() + hour)
    make("failed", result_url="https://files.example/v.mp4", result_expires_at=timezone.now() - hour)
    ran = run("wanvideo_prune", "--older-than", 30, "--finished", "failed")
    assert "Deleted 1 failed tasks." in ran.out


def test_files_go_with_their_task(run, django_capture_on_commit_callbacks):
    task = make("completed")
    task.video.save("v.mp4", ContentFile(b"video"), save=False)
    task.save(update_fields=["video"])
    storage, name = task.video.storage, task.video.name
    assert storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        run("wanvideo_prune", "--older-than", 30, "--completed")
    assert not storage.exists(name)


def test_approvals_go_once_they_are_old_and_nothing_refers_to_them(run):
    then = timezone.now() - OLD
    made = {"credits": 1, "limit": 0, "requested_at": then}
    waits, shown, young = (Approval.objects.create(**made), *(Approval.objects.create(**made) for _ in range(2)))
    Approval.objects.filter(pk=shown.pk).update(state="returned", decided_at=then)
    Approval.objects.filter(pk=young.pk).update(state="approved", decided_at=timezone.now())
    for approval in (waits, shown):
        make("draft", approval=approval)
    for decided_at in (then, None):
        Approval.objects.create(**made, state="approved", decided_at=decided_at)
    line = event(make("completed"), EventKind.APPROVED)
    ran = run("wanvideo_prune", "--older-than", 30, "--events")
    assert "Deleted 2 approvals that nothing waits for." in ran.out
    assert set(Approval.objects.values_list("pk", flat=True)) == {waits.pk, shown.pk, young.pk}
    assert TaskEvent.objects.filter(pk=line.pk).exists()


def test_a_dry_run_says_the_same_numbers_and_deletes_nothing(run):
    task = make("failed")
    receipt(task)
    event(task, EventKind.PROGRESS)
    options = ["--older-than", 30, "--events", "--finished", "failed"]
    dry = run("wanvideo_prune", *options, "--dry-run")
    assert VideoTask.objects.count() == CallbackReceipt.objects.count() == TaskEvent.objects.count() == 1
    real = run("wanvideo_prune", *options)
    assert dry.out.replace("Would delete", "Deleted") == real.out
    assert VideoTask.objects.count() == 0


def test_small_batches_reach_every_row_also_past_tasks_that_must_stay(run):
    tasks = [make("failed") for _ in range(7)]
    for task in tasks:
        receipt(task)
    held = sorted(tasks, key=lambda task: task.pk)[2]

    def protect(instance, **kwargs):
        if instance.pk == held.pk:
            raise ProtectedError("a bill refers to it", {instance})

    pre_delete.connect(protect, sender=VideoTask)
    try:
        ran = run("wanvideo_prune", "--older-than", 30, "--finished", "failed", "--batch", 2)
    finally:
        pre_delete.disconnect(protect, sender=VideoTask)
    assert "Deleted 7 read callbacks." in ran.out
    assert "Deleted 6 failed tasks.\nKept 1 tasks" in ran.out
    assert list(VideoTask.objects.values_list("pk", flat=True)) == [held.pk]


def test_a_task_that_was_tried_again_meanwhile_stays(monkeypatch):
    task = make("failed")
    found = retention._old_tasks

    def then_retried(*args):
        rows = found(*args)
        list(rows)
        VideoTask.objects.filter(pk=task.pk).update(status="queued")
        return rows

    ids = [task.pk]
    rows = then_retried(timezone.now(), "failed")
    assert retention._delete_task(rows, ids[0]) is None
    assert VideoTask.objects.filter(pk=task.pk).exists()


def test_rows_are_deleted_in_batches(run):
    task = make("completed")
    for _ in range(6):
        receipt(task)
    with CaptureQueriesContext(connection) as queries:
        retention.prune_receipts(timezone.now(), batch=3)
    deletes = [query["sql"] for query in queries if query["sql"].startswith("DELETE")]
    assert len(deletes) == 2


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--older-than", "0"],
        ["--older-than", "-3"],
        ["--older-than", "soon"],
        ["--older-than", "1", "--batch", "0"],
        ["--older-than", "1", "--batch", "999999"],
        ["--older-than", "1", "--finished", "processing"],
        ["--older-than", "1", "--finished", ""],
    ],
)
def test_wrong_options_are_refused(run, options):
    assert run("wanvideo_prune", *options).code != 0


def entry(label: str, owner=None) -> CreditEntry:
    old = timezone.now() - OLD
    return CreditEntry.objects.create(
        attempt_id=uuid.uuid4(), task_id=uuid.uuid4(), model="m", owner=owner, owner_label=label, claimed_at=old
    )


def test_nothing_takes_entries_of_the_ledger_away(run):
    entry("ann")
    ran = run("wanvideo_prune", "--older-than", 1, "--events", "--finished", "failed,cancelled,draft", "--completed")
    assert ran.code == 0
    assert CreditEntry.objects.count() == 1


def test_a_persons_name_is_blanked_in_the_ledger_and_what_was_spent_stays(run, django_user_model):
    ann = django_user_model.objects.create_user("ann")
    rows = [entry("ann", ann), entry("annie", ann), entry("ann"), entry("bob")]
    receipt(make("completed"))
    ran = run("wanvideo_prune", "--forget-user", "ann", "--dry-run")
    assert (ran.code, ran.out) == (0, "Would blank the name in 3 entries of the ledger.\n")
    assert set(CreditEntry.objects.values_list("owner_label", flat=True)) == {"ann", "annie", "bob"}
    ran = run("wanvideo_prune", "--forget-user", "ann")
    assert (ran.code, ran.out) == (0, "Blanked the name in 3 entries of the ledger.\n")
    labels = dict(CreditEntry.objects.values_list("pk", "owner_label"))
    assert [labels[row.pk] for row in rows] == ["", "", "", "bob"]
    assert CreditEntry.objects.filter(owner=ann).count() == 2, "a limit of hers still counts them"
    assert CallbackReceipt.objects.count() == 1, "nothing else was asked for"


def test_without_an_age_or_a_name_nothing_is_done(run):
    ran = run("wanvideo_prune")
    assert ran.code == 1
    assert "--older-than" in ran.err
