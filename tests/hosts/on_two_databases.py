"""Videos in a database of their own, users and sessions in the other; ``test_sites`` runs this with such settings."""

from __future__ import annotations

import json
import re
import threading
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone

from django_wanvideo import callback_tokens, checks
from django_wanvideo.callbacks.views import CallbackView
from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.db import database
from django_wanvideo.models import Attempt, CallbackReceipt, CreditEntry, SiteState, TaskEvent, VideoTask
from django_wanvideo.services import leases, retention
from django_wanvideo.services import sweep as sweeping
from django_wanvideo.services.holds import pause
from django_wanvideo.testing import picture, run_pending, run_until_finished
from tests.admin.conftest import add_data, hidden, url
from tests.factories import make_attempt, make_task

pytestmark = pytest.mark.django_db(transaction=True)
PICTURE = "https://pictures.example/cat.jpg"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def ann():
    """A person, in the database of persons."""
    return get_user_model().objects.create_superuser("ann")


@pytest.fixture
def admin_client(ann):
    """Ann, signed in."""
    client = Client()
    client.force_login(ann)
    return client


def draft(**options):
    return VideoTask.objects.create_task("A cat", **{"first_frame": PICTURE, "duration": 2} | options)


def test_the_rows_are_where_the_router_says_and_nowhere_else(ann):
    task = draft(owner=ann)
    assert task._state.db == database.alias() == "videos"
    with connections["default"].cursor() as cursor:
        assert not [name for name in connections["default"].introspection.table_names(cursor) if "wanvideo" in name]
    with connections["videos"].cursor() as cursor:
        assert "auth_user" not in connections["videos"].introspection.table_names(cursor)


def test_a_job_is_queued_after_the_commit_of_that_database_and_of_no_other(wanvideo_wakeups):
    task = draft()
    with transaction.atomic(using="videos"):
        task.submit()
        assert wanvideo_wakeups == []
    assert wanvideo_wakeups == [("submit", str(task.pk))]
    with transaction.atomic(using="default"):
        other = draft()
        other.submit()
        assert wanvideo_wakeups[-1] == ("submit", str(other.pk))


def test_what_is_rolled_back_there_is_not_queued(wanvideo_wakeups):
    task = draft()
    with transaction.atomic(using="videos"):
        task.submit()
        transaction.set_rollback(True, using="videos")
    assert wanvideo_wakeups == []
    assert VideoTask.objects.get().status == TaskStatus.DRAFT


def test_from_wish_to_stored_video(evolink_simulator, ann):
    task = draft(owner=ann, first_frame=picture(), idempotency_key="order-17")
    assert draft(owner=ann, first_frame=picture(), idempotency_key="order-17") == task
    task.submit(by=ann)
    run_until_finished(task)
    assert task.status == TaskStatus.COMPLETED
    assert task.video.open("rb").read(12)[4:8] == b"ftyp"
    assert task.events.get(kind="queued").actor == ann
    assert CreditEntry.objects.get().owner_label == "ann"
    evolink_simulator.ledger.assert_charged_once()


def test_two_sweeps_hand_out_each_task_once(wanvideo_wakeups):
    """On PostgreSQL by locks that are skipped, which want a transaction on the right database."""
    past = timezone.now()
    tasks = [make_task(TaskStatus.PENDING, next_action_at=past) for _n in range(6)]
    handed: list[str] = []

    def sweep():
        try:
            sweeping.sweep(lambda job, *ids: handed.extend(ids) or True)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=sweep) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(handed) == sorted(str(task.pk) for task in tasks)


def test_a_lease_is_renewed_from_its_thread(monkeypatch):
    monkeypatch.setattr(leases, "RENEWAL", leases.dt.timedelta(seconds=0.02))
    task = make_task(TaskStatus.STORING)
    lease = leases.acquire(task.pk, TaskStatus.STORING)
    first, seen = lease.until, threading.Event()
    with lease.keep_alive():
        for _look in range(500):
            if VideoTask.objects.get().lease_expires_at > first:
                break
            seen.wait(0.01)
    assert VideoTask.objects.get().lease_expires_at > first
    assert not lease.lost


def test_a_callback_is_taken_in_outside_of_any_transaction(client, wanvideo_wakeups, monkeypatch):
    monkeypatch.setitem(connections["videos"].settings_dict, "ATOMIC_REQUESTS", True)
    assert {"default", "videos"} <= CallbackView.as_view()._non_atomic_requests
    attempt = make_attempt(make_task(TaskStatus.PENDING))
    path = callback_tokens.url_for(attempt.pk).removeprefix("https://site.example")
    answer = client.post(path, json.dumps({"id": attempt.provider_task_id}), content_type="application/json")
    assert answer.status_code == 200
    assert CallbackReceipt.objects.get().attempt == attempt


def test_every_page_of_the_admin(admin_client, ann, evolink_simulator):
    admin_client.post(url("add"), add_data(_generate="1", _save=None))
    task = VideoTask.objects.get()
    assert (task.status, task.owner) == (TaskStatus.QUEUED, ann)
    assert {entry.object_id for entry in LogEntry.objects.all()} == {str(task.pk)}
    for query in ("owner=me", f"owner={ann.pk}", "o=5"):
        page = admin_client.get(f"{url('changelist')}?{query}").content.decode()
        assert re.search(r'field-owned_by[^>]*">(<a [^>]*>)?ann<', page), query
    run_pending()
    run_until_finished(task)
    page = admin_client.get(url("change", task.pk)).content.decode()
    assert "ann pressed Generate." in page
    assert "ann" in admin_client.get(url("history", task.pk)).content.decode()
    other = draft(owner=ann)
    data = {"action": "submit_selected", "_selected_action": [str(other.pk)]}
    admin_client.post(url("send"), {"plan": hidden(admin_client.post(url("changelist"), data, follow=True), "plan")})
    other.refresh_from_db()
    assert other.status == TaskStatus.QUEUED
    lost = make_task(TaskStatus.UNCONFIRMED, owner_id=ann.pk)
    make_attempt(lost, AttemptState.UNCONFIRMED, sent_at=timezone.now())
    assert "Mark as not accepted" in admin_client.get(url("resolve", lost.pk)).content.decode()
    for page in ("make_takes", "delete"):
        assert admin_client.get(url(page, task.pk)).status_code == 200
    admin_client.post(url("delete", task.pk), {"post": "yes"})
    assert not VideoTask.objects.filter(pk=task.pk).exists()
    failed = make_task(TaskStatus.FAILED)
    admin_client.post(
        url("changelist"), {"action": "delete_selected", "_selected_action": [str(failed.pk)], "post": "yes"}
    )
    assert not VideoTask.objects.filter(pk=failed.pk).exists()


def test_the_list_asks_for_all_owners_at_once(admin_client, ann, django_assert_max_num_queries):
    for _n in range(8):
        make_task(owner_id=ann.pk)
    admin_client.get(url("changelist"))
    with django_assert_max_num_queries(5, connection=connections["default"]) as queries:
        admin_client.get(url("changelist"))
    # Of the person who asks, and of the owners of the page.
    assert len([query for query in queries if 'FROM "auth_user"' in query["sql"]]) == 2


def test_owner_is_read_and_set_across_databases(ann):
    """An owner is read and set across databases without a word of the router."""
    task = VideoTask(model="wan2.6-text-to-video", prompt="p", owner=ann)
    task.save()
    task = VideoTask.objects.get()
    assert task.owner == ann
    assert VideoTask.objects.prefetch_related("owner").get().owner == ann
    task.full_clean()
    task.owner = None
    assert task.owner_id is None
    task.owner_id = 4711
    with pytest.raises(ValidationError, match="4711"):
        task.full_clean()


@pytest.mark.parametrize("how", ["one", "many", "rolled back"])
def test_deleted_users_are_forgotten_once_that_is_committed(ann, admin_client, how):
    task = draft(owner=ann)
    CreditEntry.objects.create(attempt_id=task.pk, task_id=task.pk, model="m", owner=ann)
    with transaction.atomic():
        get_user_model().objects.filter(pk=ann.pk).delete() if how == "many" else ann.delete()
        assert VideoTask.objects.get().owner_id is not None
        if how == "rolled back":
            transaction.set_rollback(True)
    left = {VideoTask.objects.get().owner_id, TaskEvent.objects.get().actor_id, CreditEntry.objects.get().owner_id}
    assert (left == {None}) == (how != "rolled back")


def test_the_page_that_asks_before_it_deletes_a_user_changes_nothing(ann, admin_client):
    draft(owner=ann)
    assert admin_client.get(f"/admin/auth/user/{ann.pk}/delete/").status_code == 200
    assert VideoTask.objects.get().owner == ann


def test_an_owner_who_is_gone_unseen_is_nobody(admin_client, ann):
    task = draft(owner=ann)
    VideoTask.objects.update(owner_id=4711)
    TaskEvent.objects.update(actor_id=4711)
    assert VideoTask.objects.get().owner is None
    for page in (url("changelist"), url("changelist") + "?owner=4711", url("change", task.pk)):
        assert admin_client.get(page).status_code == 200
    VideoTask.objects.update(status=TaskStatus.COMPLETED)
    assert admin_client.get(url("change", task.pk)).status_code == 200


def test_pruning_pausing_and_adopting(ann, wanvideo_wakeups):
    old = timezone.now() - sweeping.dt.timedelta(days=9)
    make_task(TaskStatus.FAILED, finished_at=old)
    assert retention.prune_tasks(timezone.now(), ["failed"]).tasks == {"failed": 1}
    pause.pause(by=ann)
    pause.resume(by=ann)
    make_task(TaskStatus.QUEUED)
    call_command("wanvideo_adopt", "--hold", "--yes", stdout=StringIO())
    assert VideoTask.objects.get().status == TaskStatus.DRAFT


def test_a_killed_claim_is_settled_by_the_sweep(wanvideo_wakeups):
    task = make_task(TaskStatus.SUBMITTING, next_action_at=timezone.now())
    make_attempt(task, AttemptState.CLAIMED)
    sweeping.sweep(lambda job, *ids: True)
    assert VideoTask.objects.get().status == TaskStatus.QUEUED
    assert Attempt.objects.get().state == AttemptState.NOT_ACCEPTED


def test_doctor_and_check_look_at_that_database(monkeypatch):
    SiteState.objects.create(name="sweep")
    out = StringIO()
    skipped = [
        word for name in ("queue", "key", "credits", "files", "clock", "ids", "settings") for word in ("--skip", name)
    ]
    call_command("wanvideo_doctor", *skipped, stdout=out)
    assert "tables up to date" in out.getvalue()
    from django.conf import settings

    if connections["videos"].vendor == "sqlite":
        monkeypatch.setitem(settings.DATABASES["videos"], "OPTIONS", {})
        assert [message.id for message in checks.check_sqlite(None)] == ["wanvideo.W003"]


def test_what_breaks_half_way_leaves_nothing_there(monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("django_wanvideo.models.lifecycle.record", broken)
    with pytest.raises(ZeroDivisionError):
        draft()
    assert not VideoTask.objects.exists()
