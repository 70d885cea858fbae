"""What needs attention, until it is dealt with: dismissed, tried again, or made after all from a copy."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from django_wanvideo.choices import EventSource, TaskStatus
from django_wanvideo.db.database import connection
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.services.resolution import decisions
from tests.admin.conftest import url

DISMISSED = pytest.mark.fault("K12.needs-attention-dismissed")
RESOLVED = pytest.mark.fault("K12.needs-attention-resolved-by-a-copy")


def needing():
    return set(VideoTask.objects.needing_attention())


def act(client, action, *tasks):
    data = {"action": action, "_selected_action": [str(task.pk) for task in tasks]}
    return client.post(url("changelist"), data, follow=True)


@DISMISSED
def test_a_dismissed_failure_needs_no_attention_and_says_who_dismissed_it(admin_client, make_task):
    seen, other = make_task("failed", error_code="service_error"), make_task("failed", error_code="service_error")
    page = admin_client.get(url("change", seen.pk)).content.decode()
    assert url("operate", seen.pk, "dismiss") in page
    admin_client.post(url("operate", seen.pk, "dismiss"))
    assert needing() == {other}
    event = seen.events.latest("pk")
    assert (event.actor, event.source) == (admin_client.user, EventSource.USER)
    page = admin_client.get(url("change", seen.pk)).content.decode()
    assert "boss dismissed it." in page
    assert url("operate", seen.pk, "dismiss") not in page
    assert "Needs attention" in admin_client.get(url("changelist") + "?attention=needed").content.decode()
    assert LogEntry.objects.filter(object_id=str(seen.pk), change_message__contains="Dismissed").exists()


@DISMISSED
def test_several_are_dismissed_at_once_and_what_has_not_failed_is_refused(admin_client, make_task):
    failed = [make_task("failed", error_code="service_error") for _ in range(2)]
    rest = [make_task("processing"), make_task("unconfirmed"), make_task("completed"), make_task("cancelled")]
    page = act(admin_client, "dismiss_selected", *failed, *rest).content.decode()
    assert "2 tasks were dismissed." in page
    assert "Only a failed task" in page
    assert needing() == {rest[1]}
    assert not VideoTask.objects.filter(pk__in=[task.pk for task in rest], dismissed_at__isnull=False).exists()


@DISMISSED
@pytest.mark.parametrize("permission", ["view_videotask", "submit_videotask", "resolve_videotask"])
def test_only_who_may_change_tasks_may_dismiss(person, make_task, permission):
    task = make_task("failed", error_code="service_error")
    client = person("view_videotask", permission)
    assert client.post(url("operate", task.pk, "dismiss")).status_code == 403
    assert url("operate", task.pk, "dismiss") not in client.get(url("change", task.pk)).content.decode()
    assert "dismiss_selected" not in client.get(url("changelist")).content.decode()
    act(client, "dismiss_selected", task)
    assert needing() == {task}
    changer = person("view_videotask", "change_videotask")
    assert changer.post(url("operate", task.pk, "dismiss")).status_code == 302
    assert needing() == set()


@DISMISSED
def test_what_is_tried_again_and_fails_again_needs_attention_again(admin_client, make_task):
    task = make_task("failed", error_code="service_error")
    decisions.dismiss(task, by=admin_client.user)
    task.retry(by=admin_client.user)
    task.refresh_from_db()
    assert (task.status, task.dismissed_at) == (TaskStatus.QUEUED, None)


@DISMISSED
def test_a_dismissal_can_be_undone(admin_client, make_task):
    task = make_task("failed", error_code="service_error")
    decisions.dismiss(task)
    assert url("operate", task.pk, "undismiss") in admin_client.get(url("change", task.pk)).content.decode()
    admin_client.post(url("operate", task.pk, "undismiss"))
    assert needing() == {task}
    assert "boss undid the dismissal." in admin_client.get(url("change", task.pk)).content.decode()
    with pytest.raises(TransitionNotAllowed):
        decisions.restore(task)


@DISMISSED
def test_paid_video_that_turns_up_for_dismissed(make_task):
    """A paid video that turns up for a dismissed failure needs attention."""
    from django_wanvideo.services.tracking import snapshots

    task = make_task("failed", error_code="never_answered", provider_task_id="task-unified-1")
    decisions.dismiss(task)
    result = {"result_url": "https://files.example/v.mp4", "result_expires_at": timezone.now()}
    snapshots._record_late_result(task.attempt, result, EventSource.POLL)
    assert needing() == {task}


@DISMISSED
def test_a_wish_that_nobody_knows_is_dismissed_while_it_goes_on(admin_client, make_task):
    from django_wanvideo.choices import EventKind
    from django_wanvideo.models import lifecycle

    task = make_task("pending", unmatched=True)
    decisions.dismiss(task, by=admin_client.user)
    assert needing() == set()
    lifecycle.advance(task, TaskStatus.PROCESSING, kind=EventKind.PROGRESS, source=EventSource.POLL)
    assert needing() == set()


@RESOLVED
def test_a_failure_of_which_a_copy_is_completed_is_not_counted(make_task):
    resolved, open_, alone = (make_task("failed", error_code="service_error") for _ in range(3))
    make_task("completed", parent=resolved)
    make_task("failed", error_code="service_error", parent=resolved, dismissed_at=timezone.now())
    copy = make_task("processing", parent=open_)
    assert needing() == {open_, alone}
    VideoTask.objects.filter(pk=copy.pk).update(status="completed")
    assert needing() == {alone}


@RESOLVED
def test_a_completed_copy_does_not_hide_what_a_person_has_to_decide(make_task):
    asked = make_task("unconfirmed")
    make_task("completed", parent=asked)
    assert needing() == {asked}


@DISMISSED
@RESOLVED
def test_what_needs_attention_is_found_by_an_index(make_task):
    if connection().vendor == "mysql":
        pytest.skip("MySQL has no indexes of a part of the rows.")
    if connection().vendor == "sqlite":
        assert "SUBQUERY" in VideoTask.objects.needing_attention().explain()
        return
    with connection().cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            page = VideoTask.objects.needing_attention().order_by("-created_at", "-pk")[:51].explain()
            count = VideoTask.objects.needing_attention().order_by().values_list("pk")[:101].explain()
        finally:
            cursor.execute("RESET enable_seqscan")
    assert "wanvideo_task_attention" in page
    assert "wanvideo_task_attention" in count
    assert "hashed" not in page + count
