"""What the database itself refuses, whoever writes; and what the models say of themselves."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.test import skipUnlessDBFeature
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.choices import (
    ACTIVE_STATUSES,
    FINISHED_STATUSES,
    OPEN_ATTEMPT_STATES,
    AttemptState,
    Charge,
    EventKind,
    EventSource,
    InputRole,
    TaskStatus,
)
from django_wanvideo.models import Attempt, CallbackReceipt, MediaInput, SiteState, TaskEvent, VideoTask
from tests.factories import make_attempt, make_task

pytestmark = [pytest.mark.locks, pytest.mark.django_db, pytest.mark.integration]


def refused(write, *args, **kwargs):
    if connection.vendor == "mysql" and any(str(value).isupper() for value in [*args, *kwargs.values()]):
        pytest.skip("this database takes upper for lower case")
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        write(*args, **kwargs)
    return True


@pytest.mark.parametrize("status", TaskStatus.values)
def test_a_known_status_is_taken(status):
    assert VideoTask.objects.get(pk=make_task(status).pk).status == status


@pytest.mark.parametrize("status", ["", "DRAFT", "unknown", "done"])
def test_an_unknown_status_is_refused(status):
    assert refused(make_task, status)
    task = make_task()
    assert refused(VideoTask.objects.filter(pk=task.pk).update, status=status)


@pytest.mark.parametrize("progress", [101, 1000, -1])
def test_a_progress_that_is_no_per_cent_is_refused(progress):
    assert refused(make_task, progress=progress)


@pytest.mark.parametrize("progress", [0, 100])
def test_a_progress_is_a_per_cent(progress):
    assert make_task(progress=progress).progress == progress


@pytest.mark.parametrize("state", ["", "open", "CLAIMED"])
def test_an_unknown_state_of_an_attempt_is_refused(state):
    assert refused(make_attempt, make_task(), state)


@skipUnlessDBFeature("supports_partial_indexes")
@pytest.mark.parametrize("second", sorted(OPEN_ATTEMPT_STATES))
@pytest.mark.parametrize("first", sorted(OPEN_ATTEMPT_STATES))
def test_a_task_has_one_open_attempt_only(first, second):
    task = make_task()
    make_attempt(task, AttemptState(first))
    assert refused(make_attempt, task, AttemptState(second))
    make_attempt(make_task(), AttemptState(second))


@pytest.mark.parametrize("state", sorted(set(AttemptState) - OPEN_ATTEMPT_STATES))
def test_settled_attempts_may_be_many_beside_the_open_one(state):
    task = make_task()
    make_attempt(task, AttemptState(state))
    make_attempt(task, AttemptState(state))
    opened = make_attempt(task, AttemptState.CLAIMED)
    assert opened.is_open
    assert task.attempts.count() == 3


@skipUnlessDBFeature("supports_partial_indexes")
def test_a_settled_attempt_cannot_be_opened_beside_an_open_one():
    task = make_task()
    settled = make_attempt(task, AttemptState.NOT_ACCEPTED)
    make_attempt(task, AttemptState.CLAIMED)
    assert refused(Attempt.objects.filter(pk=settled.pk).update, state=AttemptState.UNCONFIRMED)


def test_the_number_of_an_attempt_is_unique_in_its_task():
    task = make_task()
    make_attempt(task, AttemptState.NOT_ACCEPTED, number=1)
    assert refused(make_attempt, task, AttemptState.CLAIMED, number=1)
    make_attempt(make_task(), AttemptState.CLAIMED, number=1)


def test_evolinks_id_belongs_to_one_attempt_for_ever():
    make_attempt(make_task(), AttemptState.FINISHED, provider_task_id="task-unified-1")
    assert refused(make_attempt, make_task(), AttemptState.ACCEPTED, provider_task_id="task-unified-1")


def test_attempts_without_evolinks_id_are_many():
    assert [make_attempt(make_task(), AttemptState.CLAIMED).provider_task_id for _n in range(3)] == [None] * 3


def test_an_input_is_a_file_or_a_link_and_not_both_or_neither():
    task = make_task()
    assert refused(MediaInput.objects.create, task=task)
    assert refused(MediaInput.objects.create, task=task, url="https://a.example", file="a.png")
    MediaInput.objects.create(task=task, url="https://a.example")
    MediaInput.objects.create(task=task, file="a.png", position=1)


def test_a_place_of_an_input_is_taken_once():
    task = make_task()
    MediaInput.objects.create(task=task, url="https://a.example")
    assert refused(MediaInput.objects.create, task=task, url="https://b.example")


@pytest.mark.parametrize("role", ["", "image", "FIRST_FRAME"])
def test_an_unknown_role_is_refused(role):
    assert refused(MediaInput.objects.create, task=make_task(), url="https://a.example", role=role)


@pytest.mark.parametrize("role", InputRole.values)
def test_a_known_role_is_taken(role):
    MediaInput.objects.create(task=make_task(), url="https://a.example", role=role)


@pytest.mark.parametrize("column", ["credits_estimated", "credits_reserved", "credits_used"])
def test_credits_keep_four_decimals(column):
    task = make_task(**{column: Decimal("12345678.1234")})
    assert getattr(VideoTask.objects.get(pk=task.pk), column) == Decimal("12345678.1234")


@pytest.mark.parametrize("choices", [TaskStatus, AttemptState, EventKind, EventSource, InputRole])
def test_every_word_fits_into_its_column(choices):
    columns = {
        TaskStatus: [
            VideoTask._meta.get_field("status"),
            *(TaskEvent._meta.get_field(f) for f in ("from_status", "to_status")),
        ],
        AttemptState: [Attempt._meta.get_field("state")],
        EventKind: [TaskEvent._meta.get_field("kind")],
        EventSource: [TaskEvent._meta.get_field("source")],
        InputRole: [MediaInput._meta.get_field("role")],
    }[choices]
    assert max(map(len, choices.values)) <= min(column.max_length for column in columns)


def test_a_receipt_needs_no_attempt():
    """Taking it in is one INSERT that cannot fail for want of another row."""
    CallbackReceipt.objects.create(attempt_id=uuid.uuid4())
    # SQLite looks at foreign keys when the transaction ends.
    connection.check_constraints()


def test_deleting_a_task_takes_all_its_rows_along():
    task = make_task(TaskStatus.FAILED)
    attempt = make_attempt(task, AttemptState.FINISHED)
    MediaInput.objects.create(task=task, url="https://a.example")
    TaskEvent.objects.create(task=task, attempt=attempt, kind=EventKind.FAILED, source=EventSource.POLL)
    CallbackReceipt.objects.create(attempt=attempt)
    child = make_task(parent=task)
    task.delete()
    left = [model.objects.count() for model in (VideoTask, Attempt, MediaInput, TaskEvent, CallbackReceipt)]
    assert left == [1, 0, 0, 0, 0]
    child.refresh_from_db()
    assert child.parent_id is None


def test_a_person_who_leaves_leaves_the_tasks(django_user_model):
    person = django_user_model.objects.create_user("ann")
    task = make_task(owner=person)
    event = TaskEvent.objects.create(task=task, kind=EventKind.NOTE, source=EventSource.USER, actor=person)
    person.delete()
    task.refresh_from_db()
    event.refresh_from_db()
    assert (task.owner_id, event.actor_id) == (None, None)


@pytest.mark.parametrize("auto_field", ["django.db.models.BigAutoField", "django.db.models.AutoField"])
def test_no_change_of_the_models_is_without_its_migration(settings, auto_field):
    settings.DEFAULT_AUTO_FIELD = auto_field
    call_command("makemigrations", "wanvideo", check=True, dry_run=True, stdout=StringIO(), stderr=StringIO())


def test_there_is_one_initial_migration():
    names = [name for app, name in MigrationLoader(None).disk_migrations if app == "wanvideo"]
    assert names == ["0001_initial"]


def test_every_constraint_and_index_has_a_name_that_every_database_takes():
    names = [
        item.name
        for model in apps.get_app_config("wanvideo").get_models()
        for item in (*model._meta.constraints, *model._meta.indexes)
    ]
    assert len(names) == len(set(names))
    assert max(map(len, names)) <= 30
    assert all(name.startswith("wanvideo_") for name in names)


def plan(queryset):
    """Return how the database would run a query, with nothing in the tables to mislead it."""
    if connection.vendor == "sqlite":
        return queryset.explain()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    return queryset.explain()


@skipUnlessDBFeature("supports_partial_indexes")
@pytest.mark.parametrize(
    ("index", "query"),
    [
        ("wanvideo_task_due", lambda now: VideoTask.objects.due(now).order_by("next_action_at")[:500]),
        (
            "wanvideo_receipt_due",
            lambda now: CallbackReceipt.objects.filter(process_at__lte=now).order_by("process_at", "id")[:200],
        ),
        (
            "wanvideo_event_outbox",
            lambda now: TaskEvent.objects.filter(notify_at__lte=now).order_by("notify_at", "id")[:500],
        ),
    ],
)
def test_due_rows_are_found_by_an_index_of_those_alone(index, query):
    assert index in plan(query(timezone.now()))


@skipUnlessDBFeature("supports_partial_indexes")
def test_the_changelist_is_ordered_by_an_index():
    # Of an empty table a planner may think anything; what it thinks of tables like this one is what counts.
    statuses = [*["completed"] * 1000, "failed"]
    VideoTask.objects.bulk_create(VideoTask(model="m", prompt=str(n), status=s) for n, s in enumerate(statuses))
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {VideoTask._meta.db_table}")
    assert "wanvideo_task_newest" in plan(VideoTask.objects.all()[:100])
    assert "wanvideo_task_status" in plan(VideoTask.objects.filter(status="failed").order_by("-created_at")[:100])


def test_querysets_select_what_their_names_say(django_user_model):
    ann = django_user_model.objects.create_user("ann")
    now = timezone.now()
    hour = dt.timedelta(hours=1)
    rows = {status: make_task(status) for status in TaskStatus}
    rows["mine"] = make_task(TaskStatus.DRAFT, owner=ann)
    rows["overdue"] = make_task(TaskStatus.PENDING, overdue_notified_at=now)
    rows["due"] = make_task(TaskStatus.DRAFT, next_action_at=now - hour)
    rows["held by a worker"] = make_task(TaskStatus.DRAFT, next_action_at=now - hour, lease_expires_at=now + hour)
    rows["worker gone"] = make_task(TaskStatus.DRAFT, next_action_at=now - hour, lease_expires_at=now - hour)
    rows["later"] = make_task(TaskStatus.DRAFT, next_action_at=now + hour)
    rows["ends soon"] = make_task(TaskStatus.STORING, result_expires_at=now + hour)
    rows["ends late"] = make_task(TaskStatus.STORING, result_expires_at=now + 20 * hour)
    names = {task.pk: name for name, task in rows.items()}

    def found(queryset):
        return {names[task.pk] for task in queryset}

    objects = VideoTask.objects
    assert found(objects.owned_by(ann)) == {"mine"}
    assert found(objects.finished()) == set(FINISHED_STATUSES)
    assert found(objects.unfinished()) == set(rows) - set(FINISHED_STATUSES)
    assert found(objects.in_flight()) == {"submitting", "unconfirmed", "pending", "processing", "overdue"}
    assert found(objects.due()) == {"due", "worker gone"}
    assert found(objects.needing_attention()) == {"unconfirmed", "failed", "overdue"}
    assert found(objects.expiring()) == {"ends soon"}
    assert found(objects.expiring(within=24 * hour)) == {"ends soon", "ends late"}


@pytest.mark.parametrize("status", list(TaskStatus))
def test_a_task_knows_whether_it_is_at_an_end(status):
    assert VideoTask(status=status).is_finished is (status in {"completed", "failed", "cancelled"})


def test_the_statuses_are_divided_without_gap():
    assert set(TaskStatus) == FINISHED_STATUSES | ACTIVE_STATUSES | {TaskStatus.DRAFT}
    assert not FINISHED_STATUSES & ACTIVE_STATUSES


NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("columns", "charge"),
    [
        ({"status": "draft"}, Charge.NONE),
        ({"status": "queued"}, Charge.NONE),
        ({"status": "submitting"}, Charge.MAYBE),
        ({"status": "unconfirmed"}, Charge.MAYBE),
        ({"status": "pending", "accepted_at": NOW}, Charge.EXPECTED),
        ({"status": "processing", "accepted_at": NOW}, Charge.EXPECTED),
        ({"status": "storing", "accepted_at": NOW}, Charge.EXPECTED),
        ({"status": "storing", "accepted_at": NOW, "credits_used": Decimal("11.9")}, Charge.CHARGED),
        ({"status": "completed", "accepted_at": NOW}, Charge.CHARGED),
        ({"status": "failed"}, Charge.NONE),
        ({"status": "failed", "accepted_at": NOW}, Charge.NOT_EXPECTED),
        ({"status": "failed", "accepted_at": NOW, "result_url": "https://a.example/v.mp4"}, Charge.CHARGED),
        ({"status": "failed", "accepted_at": NOW, "credits_used": Decimal(0)}, Charge.NONE),
        ({"status": "failed", "accepted_at": NOW, "credits_used": Decimal(3)}, Charge.CHARGED),
        ({"status": "cancelled"}, Charge.NONE),
        ({"status": "cancelled", "accepted_at": NOW}, Charge.MAYBE),
    ],
)
def test_what_is_known_about_the_money_is_never_more_than_is_known(columns, charge):
    assert VideoTask(**columns).charge == charge


def test_the_latest_attempt_is_the_one_with_the_highest_number():
    task = make_task()
    assert task.attempt is None
    make_attempt(task, AttemptState.NOT_ACCEPTED, number=2)
    latest = make_attempt(task, AttemptState.CLAIMED, number=10)
    assert VideoTask.objects.get(pk=task.pk).attempt == latest


def test_first_frame_and_latest_attempt_cost_no_query():
    """The first frame and the latest attempt cost no query when they are loaded."""
    task = make_task()
    MediaInput.objects.create(task=task, url="https://a.example/cat.png")
    make_attempt(task, AttemptState.CLAIMED)
    (loaded,) = VideoTask.objects.prefetch_related("inputs", "attempts")
    with CaptureQueriesContext(connection) as captured:
        assert loaded.first_frame.url == "https://a.example/cat.png"
        assert loaded.attempt.number == 1
    assert len(captured) == 0


def test_rows_are_called_by_what_people_know_of_them():
    task = make_task(prompt="x" * 200)
    attempt = make_attempt(task)
    assert str(task) == "x" * 59 + "…"
    assert str(make_task(prompt="")) != ""
    assert str(attempt) == f"{task.pk} #1"
    assert str(TaskEvent(kind=EventKind.STORED, created_at=NOW)) == "stored 2026-11-01 00:00:00"
    assert str(CallbackReceipt(attempt_id=attempt.pk, received_at=NOW)) == f"{attempt.pk} 2026-11-01 00:00:00"
    assert str(SiteState(name="sweep")) == "sweep"
    assert str(MediaInput(url="https://a.example")) == "https://a.example"
    assert str(MediaInput(file="a.png")) == "a.png"
    assert str(MediaInput()) == ""


def test_an_upload_at_evolink_is_used_while_it_lives_long_enough():
    hour = dt.timedelta(hours=1)
    until = timezone.now() + 6 * hour
    item = MediaInput(uploaded_url="https://files.example/a.png", uploaded_expires_at=until)
    assert item.fresh_upload_url(spare=5 * hour) == "https://files.example/a.png"
    assert item.fresh_upload_url(spare=7 * hour) == ""
    assert MediaInput().fresh_upload_url(spare=hour) == ""


def test_files_go_where_the_settings_say(settings):
    task = make_task()
    settings.WANVIDEO = {**settings.WANVIDEO, "UPLOAD_TO": "videos/%Y/", "STORAGE": "memory"}
    year = timezone.now().year
    field, picture = VideoTask._meta.get_field("video"), MediaInput._meta.get_field("file")
    assert field.generate_filename(task, "../../etc/a.mp4") == f"videos/{year}/a.mp4"
    assert picture.generate_filename(MediaInput(task=task), "a.png") == f"videos/{year}/inputs/a.png"
    settings.WANVIDEO = {**settings.WANVIDEO, "UPLOAD_TO": lambda instance, name: f"{instance.pk}/{name}"}
    assert field.generate_filename(task, "a.mp4") == f"{task.pk}/a.mp4"


def test_stale_instance_that_is_saved_takes():
    """A stale instance that is saved takes nothing back that a worker did."""
    task = make_task(TaskStatus.QUEUED)
    stale = VideoTask.objects.get(pk=task.pk)
    VideoTask.objects.filter(pk=task.pk).update(
        status=TaskStatus.STORING, result_url="https://x.example/v.mp4", retry_count=3
    )
    stale.notes, stale.metadata = "seen", {"order": 1}
    stale.save()
    task.refresh_from_db()
    assert (task.status, task.result_url, task.retry_count) == (TaskStatus.STORING, "https://x.example/v.mp4", 3)
    assert (task.notes, task.metadata) == ("seen", {"order": 1})


def test_saving_an_instance_that_was_read_in_part_reads_nothing_more(django_assert_num_queries):
    task = VideoTask.objects.only("notes").get(pk=make_task().pk)
    task.notes = "seen"
    with django_assert_num_queries(1):
        task.save()
    assert VideoTask.objects.get(pk=task.pk).notes == "seen"


def test_saving_a_task_that_was_deleted_does_not_bring_it_back():
    task = make_task(TaskStatus.DRAFT)
    VideoTask.objects.filter(pk=task.pk).delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        task.save()
    assert not VideoTask.objects.filter(pk=task.pk).exists()


def test_columns_that_are_named_are_written():
    task = make_task()
    task.progress = 40
    task.save(update_fields=["progress"])
    task.refresh_from_db()
    assert task.progress == 40
