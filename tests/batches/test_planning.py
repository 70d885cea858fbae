"""A plan checks every row before anything is stored, and makes each right one once."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import batches
from django_wanvideo.batches import making, work
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import Batch, BatchItem, MediaInput, VideoTask
from django_wanvideo.signals import batch_finished
from django_wanvideo.testing import picture, run_pending

pytestmark = pytest.mark.django_db

LINK = "https://example.com/fox.jpg"


def rows(count=3, **columns):
    return [{"first_frame": f"{LINK}?{n}", "motif": f"fox {n}", **columns} for n in range(1, count + 1)]


def test_a_plan_stores_nothing():
    plan = batches.plan(rows(), name="Spring", prompt="The {motif} looks up, {number}")
    assert (plan.count, plan.good, plan.problems) == (3, 3, [])
    assert plan.credits_estimated > 0
    assert not Batch.objects.exists()
    assert not VideoTask.objects.exists()


def test_each_right_row_becomes_a_draft():
    plan = batches.plan(rows(duration="5", **{"metadata.sku": "X1"}), name="Spring", prompt="{motif}")
    batch = plan.create()
    tasks = list(batch.tasks.order_by("row_number"))
    assert [task.prompt for task in tasks] == ["fox 1", "fox 2", "fox 3"]
    assert {task.status for task in tasks} == {TaskStatus.DRAFT}
    assert tasks[0].metadata == {"sku": "X1"}
    assert tasks[0].parameters["duration"] == 5
    assert sum(task.credits_estimated for task in tasks) == plan.credits_estimated
    assert batch.state == Batch.State.READY
    assert [item.task for item in batch.items.all()] == tasks
    assert MediaInput.objects.filter(task=tasks[1]).get().url == f"{LINK}?2"


def test_bad_rows_are_named_and_hold_good_ones_back():
    """Bad rows are named, and hold good ones back only where nobody says otherwise."""
    given = rows(3, prompt="x")
    given[1]["duration"] = "20"
    given[2]["prompt"] = "{motiv}"
    plan = batches.plan(given, name="Spring")
    assert [(problem.row, problem.field) for problem in plan.problems] == [(2, "duration"), (3, "prompt")]
    with pytest.raises(ValidationError, match="2 of 3 rows"):
        plan.create()
    assert not Batch.objects.exists()
    batch = plan.create(skip_problems=True)
    assert [task.row_number for task in batch.tasks.all()] == [1]
    assert batch.items.exclude(problems=[]).count() == 2


def test_what_is_filled_in_is_never_filled_in_again():
    plan = batches.plan(rows(1, prompt="{{motif}} {motif}"), name="x")
    assert plan.create().tasks.get().prompt == "{motif} fox 1"
    plan = batches.plan([{"first_frame": LINK, "prompt": "{a}", "a": "{b}", "b": "no"}], name="x")
    assert plan.create().tasks.get().prompt == "{b}"


def test_rows_made_before_are_left_out_unless_they_are_wished_again():
    batches.plan(rows(2, prompt="x"), name="first").create()
    plan = batches.plan(rows(3, prompt="x"), name="second")
    assert plan.repeats == {1, 2}
    assert [task.row_number for task in plan.create().tasks.all()] == [3]
    again = batches.plan(rows(3, prompt="x"), name="third").create(again=True)
    assert again.tasks.count() == 3


def test_open_files_are_stored_once_and_shared(settings):
    file = picture()
    given = [{"first_frame": file, "prompt": f"{n}"} for n in range(3)]
    batch = batches.plan(given, name="x").create()
    names = set(MediaInput.objects.values_list("file", flat=True))
    assert len(names) == 1
    assert batch.tasks.count() == 3
    [name] = names
    storage = MediaInput.objects.first().file.storage
    batch.delete()
    assert VideoTask.objects.count() == 3
    assert storage.exists(name)


def test_a_key_makes_one_task_however_many_rows_have_it():
    given = [{"first_frame": LINK, "prompt": "x", "idempotency_key": "order-17"}] * 2
    batch = batches.plan(given, name="x").create()
    assert VideoTask.objects.count() == 1
    assert batch.items.filter(task__isnull=False).count() == 2
    again = batches.plan(given, name="y").create(again=True)
    assert VideoTask.objects.count() == 1
    assert again.items.filter(task__isnull=False).count() == 2


def test_a_chunk_that_is_interrupted_is_made_once():
    plan = batches.plan(rows(5, prompt="{motif}"), name="x")
    batch = plan.create()
    # As if the process had ended behind its last chunk, before it said so.
    Batch.objects.filter(pk=batch.pk).update(state="creating", cursor=3)
    VideoTask.objects.filter(batch=batch, row_number__gt=3).delete()
    BatchItem.objects.filter(batch=batch, number__gt=3).update(task=None)
    while making.make_chunk(batch.pk, most=1):
        pass
    assert batch.tasks.count() == 5


def test_a_batch_goes_from_rows_to_videos_and_says_once_that_it_has_ended(evolink_simulator):
    heard = []

    def hear(sender, batch, event, **kwargs):
        heard.append((sender, batch.pk, event.detail["completed"]))

    batch_finished.connect(hear)
    try:
        batch = batches.plan([{"first_frame": picture(), "prompt": f"{n}"} for n in range(3)], name="x").create()
        batch.submit()
        for _ in range(60):
            run_pending()
            batch.refresh_from_db()
            if heard:
                break
    finally:
        batch_finished.disconnect(hear)
    assert heard == [(Batch, batch.pk, 3)]
    assert batch.state == Batch.State.ENDED
    evolink_simulator.ledger.assert_charged_once()
    work.work(batch.pk)
    assert len(heard) == 1
