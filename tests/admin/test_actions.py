"""Actions of the list: who may, what is sent, how often, and what is said about it."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_wanvideo.admin import VideoTaskAdmin, action_results, actions
from django_wanvideo.admin.views import bulk_submit
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import ConfigurationError
from django_wanvideo.models import SiteState, VideoTask
from django_wanvideo.services.provider import provider
from django_wanvideo.services.sending import actions as sending_actions
from django_wanvideo.testing import run_pending
from tests.admin.conftest import hidden, url


def run(client, action, *tasks, **data):
    """Choose an action for some tasks; of an action with a page of its own, that page."""
    chosen = {"action": action, "_selected_action": [str(task.pk) for task in tasks], **data}
    response = client.post(url("changelist"), chosen)
    return client.get(response.url) if "/plan/" in getattr(response, "url", "") else response


def send(client, page):
    """Press the button of the confirmation page, as it stands there; of one that is being sent, the page that follows."""
    data = {name: hidden(page, name) for name in ("plan", "at", "shown") if hidden(page, name) is not None}
    ticked = re.findall(r'name="t" value="(\d+)"[^>]* checked', page.content.decode())
    response = client.post(url("send"), {**data, **({"t": ticked} if ticked else {})})
    return client.get(response.url) if "/plan/" in getattr(response, "url", "") else response


def said(response):
    """What the person is told."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses():
    return sorted(VideoTask.objects.values_list("status", flat=True))


def test_submitting_shows_the_total_first_and_sends_nothing(admin_client, make_task):
    first, second = make_task(), make_task()
    page = run(admin_client, "submit_selected", first, second)
    assert page.status_code == 200
    assert "Generate 2 videos for about 23.8 credits" in page.content.decode()
    assert statuses() == ["draft", "draft"]


def test_the_button_of_the_confirmation_sends_each_once_and_logs_it(admin_client, make_task):
    first, second = make_task(), make_task()
    page = run(admin_client, "submit_selected", first, second)
    response = send(admin_client, page)
    assert response.url == url("changelist")
    assert statuses() == ["queued", "queued"]
    assert said(response) == ["2 videos will be generated."]
    assert LogEntry.objects.filter(object_id__in=[str(first.pk), str(second.pk)]).count() == 2


def test_a_confirmation_counts_once_however_often_it_is_sent(admin_client, make_task):
    task = make_task()
    page = run(admin_client, "submit_selected", task)
    send(admin_client, page)
    VideoTask.objects.update(status="draft")
    assert "sent already" in said(send(admin_client, page))[-1]
    assert statuses() == ["draft"]


def test_two_tabs_with_the_same_tasks_send_each_once(admin_client, make_task):
    task = make_task()
    one, two = run(admin_client, "submit_selected", task), run(admin_client, "submit_selected", task)
    send(admin_client, one)
    assert "Only a draft" in said(send(admin_client, two))[-1]
    assert task.events.filter(kind="queued").count() == 1


def test_what_cannot_be_sent_is_shown_with_its_reason_and_not_sent(admin_client, make_task):
    good, done = make_task(), make_task("completed")
    page = run(admin_client, "submit_selected", good, done)
    text = page.content.decode()
    assert "Generate 1 video for about 11.9 credits" in text
    assert "This video is made already." in text
    send(admin_client, page)
    done.refresh_from_db()
    assert done.status == "completed"


def test_a_draft_that_is_not_complete_any_more_is_blocked(admin_client, make_task):
    task = make_task(prompt="x")
    VideoTask.objects.filter(pk=task.pk).update(prompt="")
    page = run(admin_client, "submit_selected", task)
    assert hidden(page, "plan") == ""
    assert "Write a prompt" in page.content.decode()


def test_a_plan_of_another_person_is_refused(admin_client, person, make_task):
    page = run(admin_client, "submit_selected", make_task())
    other = person("view_videotask", "submit_videotask")
    assert "not made for you" in said(send(other, page))[-1]
    assert statuses() == ["draft"]


def test_a_forged_plan_is_refused(admin_client, make_task):
    make_task()
    assert "too old or was not made for you" in said(admin_client.post(url("send"), {"plan": "x:y:z"}))[-1]
    assert statuses() == ["draft"]


def test_sending_is_no_matter_of_a_link(admin_client):
    assert admin_client.get(url("send")).url == url("changelist")


def test_all_across_pages_are_sent_in_steps(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(bulk_submit, "STEP", 2)
    for _number in range(5):
        make_task()
    one = VideoTask.objects.first()
    page = run(admin_client, "submit_selected", one, select_across="1")
    assert "Generate 5 videos" in page.content.decode()
    page = send(admin_client, page)
    assert "2 of 5 are sent" in page.content.decode()
    page = send(admin_client, page)
    response = send(admin_client, page)
    assert statuses() == ["queued"] * 5
    assert said(response) == ["5 videos will be generated."]


def test_a_step_sent_twice_counts_once(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(bulk_submit, "STEP", 1)
    first, second = make_task(), make_task()
    page = send(admin_client, run(admin_client, "submit_selected", first, second))
    send(admin_client, page)
    VideoTask.objects.update(status="draft")
    send(admin_client, page)
    assert statuses() == ["draft", "draft"]


def test_more_than_the_limit_is_refused_as_a_whole(admin_client, make_task, monkeypatch):
    monkeypatch.setattr(bulk_submit, "MOST", 2)
    tasks = [make_task() for _number in range(3)]
    assert "At most 2 tasks" in said(run(admin_client, "submit_selected", *tasks))[-1]


def test_planning_takes_the_same_queries_for_few_and_many(admin_client, make_task, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def count():
        with CaptureQueriesContext(
            connection,
        ) as queries:
            run(admin_client, "submit_selected", VideoTask.objects.first(), select_across="1")
        return len(queries)

    make_task()
    few = count()
    for _number in range(12):
        make_task()
    assert count() == few


def test_retry_shows_its_price_and_queues_what_has_ended(admin_client, make_task):
    failed, draft = make_task("failed", error_code="service_error"), make_task()
    page = run(admin_client, "retry_selected", failed, draft)
    assert "Retry 1 video for about 11.9 credits" in page.content.decode()
    send(admin_client, page)
    assert statuses() == ["draft", "queued"]


def test_cancelling_takes_the_queued_and_says_why_not_the_others(admin_client, make_task):
    queued, draft = make_task("queued"), make_task()
    messages = said(run(admin_client, "cancel_selected", queued, draft))
    assert statuses() == ["cancelled", "draft"]
    assert messages[0] == "1 task was cancelled."
    assert "1 skipped: Only a queued task can be cancelled" in messages[1]
    assert LogEntry.objects.filter(object_id=str(queued.pk)).count() == 1
    assert not LogEntry.objects.filter(object_id=str(draft.pk)).exists()


def test_refresh_says_why_there_is_nothing_to_ask(admin_client, make_task):
    assert "nothing to ask" in said(run(admin_client, "refresh_selected", make_task()))[-1]


def test_duplicate_makes_drafts_of_the_person(admin_client, make_task):
    task = make_task("completed")
    run(admin_client, "duplicate_selected", task)
    copy = task.children.get()
    assert (copy.status, copy.owner, copy.prompt) == ("draft", admin_client.user, task.prompt)


ACTIONS = {
    "submit_selected": "submit_videotask",
    "retry_selected": "submit_videotask",
    "cancel_selected": "change_videotask",
    "duplicate_selected": "add_videotask",
}


@pytest.mark.parametrize(("action", "permission"), ACTIONS.items(), ids=ACTIONS)
def test_an_action_needs_its_permission(action, permission, person, make_task):
    others = {"view_videotask", "add_videotask", "change_videotask", "submit_videotask"} - {permission}
    client = person(*others)
    task = make_task("queued" if action == "cancel_selected" else TaskStatus.DRAFT)
    assert action not in client.get(url("changelist")).content.decode()
    run(client, action, task)
    assert VideoTask.objects.get().status == task.status
    allowed = person("view_videotask", permission)
    assert action in allowed.get(url("changelist")).content.decode()


def test_sending_needs_the_permission_again(person, make_task):
    client = person("view_videotask", "submit_videotask")
    page = run(client, "submit_selected", make_task())
    client.user.user_permissions.clear()
    assert send(client, page).status_code == 403
    assert statuses() == ["draft"]


def test_used_nonces_are_forgotten_after_two_days(admin_client, make_task):
    import datetime as dt

    from django.utils import timezone

    SiteState(name=f"nonce:{uuid.uuid4().hex}", value={}).save()
    SiteState.objects.update(updated_at=timezone.now() - dt.timedelta(days=3))
    send(admin_client, run(admin_client, "submit_selected", make_task()))
    assert SiteState.objects.filter(name__startswith="nonce:").count() == 1


LIVING = {"error_code": "result_too_large", "result_url": "https://files.example/v.mp4"}


def fetchable(make_task, hours=1):
    """A failed task whose video is still at EvoLink."""
    return make_task("failed", **LIVING, result_expires_at=timezone.now() + dt.timedelta(hours=hours))


def test_still_at_evolink_is_fetched_by_retry(admin_client, make_task):
    """What is still at EvoLink is fetched by a retry and shown without a price."""
    paid, failed = fetchable(make_task), make_task("failed", error_code="service_error")
    page = run(admin_client, "retry_selected", paid, failed)
    text = page.content.decode()
    assert "Retry 2 videos for about 11.9 credits" in text
    assert text.count("Fetches the file again") == 1
    send(admin_client, page)
    assert statuses() == ["queued", "storing"]


def test_still_at_evolink_is_fetched(admin_client, make_task):
    """What is still at EvoLink is fetched even where it could not be sent any more."""
    paid = fetchable(make_task)
    VideoTask.objects.filter(pk=paid.pk).update(prompt="")
    page = run(admin_client, "retry_selected", paid)
    assert "Fetch 1 file again, free of charge" in page.content.decode()
    send(admin_client, page)
    assert statuses() == ["storing"]


def test_what_was_made_again_as_a_copy_is_left_alone(admin_client, make_task):
    done, moving, alone = (make_task("failed", error_code="service_error", prompt=text) for text in "ABC")
    copy = make_task("completed", parent=done)
    make_task("processing", parent=moving, progress=42)
    # A take is another video, a failed copy is none.
    make_task("completed", parent=alone, take_group=alone.pk, take_number=2)
    make_task("failed", parent=alone)
    page = run(admin_client, "retry_selected", done, moving, alone)
    text = page.content.decode()
    assert "Retry 1 of 3 selected tasks?" in text
    groups = re.findall(r"<h2 id=.[a-z-]+-heading.>(.+?)</h2>", text)
    assert groups == ["Trying again helps (1)", "Nothing to do (2)"]
    assert text.count("It was tried again as a copy.") == 2
    assert url("change", copy.pk) in text
    assert "processing, 42 %" in text
    send(admin_client, page)
    assert list(VideoTask.objects.filter(status="queued")) == [alone]


def test_a_copy_that_a_person_may_not_see_is_not_told_of(admin_client, make_task, monkeypatch):
    failed = make_task("failed", error_code="service_error", prompt="mine")
    copy = make_task("completed", parent=failed, prompt="not mine")
    hide = lambda self, request, queryset: queryset.exclude(pk=copy.pk)  # noqa: E731
    monkeypatch.setattr(VideoTaskAdmin, "get_visible_queryset", hide)
    text = run(admin_client, "retry_selected", failed).content.decode()
    assert "Retry 1 of 1 selected task?" in text
    assert str(copy.pk) not in text


def test_what_does_not_fail_by_chance_says_what_to_change(admin_client, make_task):
    tasks = [make_task("failed", error_code=code) for code in ("content_policy_violation", "image_processing_error")]
    done = make_task("completed")
    text = run(admin_client, "retry_selected", *tasks, done).content.decode()
    assert "Change something first (2)" in text
    assert (text.count(">Edit a copy<"), text.count(">Choose another picture<")) == (1, 1)
    assert "It did not fail." in text
    assert "Retry 0 of 3 selected tasks?" in text


def test_a_link_that_has_ended_is_no_reason_for_a_lower_price(admin_client, make_task):
    assert (
        "for about 11.9 credits" in run(admin_client, "retry_selected", fetchable(make_task, hours=-1)).content.decode()
    )


def test_planning_a_retry_takes_the_same_queries_for_few_and_many(admin_client, make_task):
    def count():
        with CaptureQueriesContext(connection) as queries:
            run(admin_client, "retry_selected", VideoTask.objects.first(), select_across="1")
        return len(queries)

    fetchable(make_task)
    few = count()
    for _number in range(6):
        fetchable(make_task)
    assert count() == few


class TestTasksThatAPersonMayNotSend:
    """A site's own rule about single tasks."""

    @pytest.fixture(autouse=True)
    def only_foxes(self, monkeypatch):
        real = VideoTaskAdmin.has_submit_permission
        monkeypatch.setattr(
            VideoTaskAdmin,
            "has_submit_permission",
            lambda self, request, obj=None: real(self, request) and (obj is None or "fox" in obj.prompt),
        )

    def test_are_not_offered(self, admin_client, make_task):
        fox, whale = make_task(prompt="A fox"), make_task(prompt="A whale")
        page = run(admin_client, "submit_selected", fox, whale)
        assert "Generate 1 video for about 11.9 credits" in page.content.decode()
        assert "You have no permission to do this with this task." in page.content.decode()
        send(admin_client, page)
        assert list(VideoTask.objects.filter(status="queued")) == [fox]

    def test_stay_while_the_others_are_sent_and_logged(self, admin_client, make_task):
        first, second, third = (make_task(prompt=f"A fox {number}") for number in range(3))
        page = run(admin_client, "submit_selected", first, second, third)
        VideoTask.objects.filter(pk=second.pk).update(prompt="A whale")
        response = send(admin_client, page)
        assert said(response) == [
            "2 videos will be generated.",
            "1 skipped: You have no permission to do this with this task.",
        ]
        assert statuses() == ["draft", "queued", "queued"]
        assert logged() == {str(first.pk), str(third.pk)}


def logged():
    return set(LogEntry.objects.values_list("object_id", flat=True))


def test_what_was_done_before_an_accident_is_logged(admin_client, make_task, monkeypatch):
    tasks = [make_task("queued") for _number in range(3)]
    real, done = sending_actions.cancel, []

    def cancel(task, *, by=None):
        if len(done) == 2:
            raise ZeroDivisionError
        real(task, by=by)
        done.append(str(task.pk))

    monkeypatch.setattr(sending_actions, "cancel", cancel)
    with pytest.raises(ZeroDivisionError):
        run(admin_client, "cancel_selected", *tasks)
    assert logged() == set(done)
    assert len(done) == 2


NO_KEY = "This site has no key for EvoLink. The site administrator can set one."


def test_a_missing_key_is_told_to_staff_in_their_words(admin_client, make_task, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "API_KEY": ""}
    task = make_task("processing", provider_task_id="task-unified-1")
    assert said(run(admin_client, "refresh_selected", task)) == [NO_KEY]
    assert said(admin_client.post(url("operate", task.pk, "refresh")))[-1] == NO_KEY
    lost = make_task("unconfirmed")
    attach = {"decision": "attach", "other": "task-unified-2"}
    assert said(admin_client.post(url("resolve", lost.pk), attach))[-1] == NO_KEY


def test_another_wrong_setting_is_told_without_its_name_and_logged_with_it(caplog):
    error = ConfigurationError("WANVIDEO['BASE_URL'] is no address.")
    words = action_results.reason_of(error)
    assert "WANVIDEO" not in words
    assert "wanvideo_doctor" in words
    assert "BASE_URL" in caplog.text


class TestAskingEvoLink:
    """The action of the list, at the real simulator."""

    @pytest.fixture
    def at_evolink(self, evolink_simulator, make_task):
        """Make tasks that EvoLink has accepted and does not end by itself."""

        def make(count=1):
            tasks = [make_task(prompt=f"[manual] A fox, number {number}") for number in range(count)]
            for task in tasks:
                sending_actions.enqueue(task)
            run_pending()
            for task in tasks:
                task.refresh_from_db()
                assert task.status in {"pending", "processing"}
            return tasks

        return make

    def asked(self, evolink_simulator):
        """How often EvoLink was asked about single tasks."""
        return sum(entry.endpoint == "get" for entry in evolink_simulator.journal)

    def test_finds_the_video_that_is_done(
        self, admin_client, evolink_simulator, at_evolink, django_capture_on_commit_callbacks
    ):
        (task,) = at_evolink()
        evolink_simulator.complete(task.attempt.provider_task_id)
        before = self.asked(evolink_simulator)
        with django_capture_on_commit_callbacks(execute=True):
            response = run(admin_client, "refresh_selected", task)
        assert said(response) == ["The status of 1 task was refreshed."]
        task.refresh_from_db()
        assert (task.status, self.asked(evolink_simulator) - before) == ("storing", 1)
        assert logged() == {str(task.pk)}
        evolink_simulator.ledger.assert_charged_once()

    def test_stops_for_everybody_when_evolink_asks_to_wait(self, admin_client, evolink_simulator, at_evolink):
        tasks = at_evolink(2)
        before = self.asked(evolink_simulator)
        evolink_simulator.faults.add("get", "429", retry_after=30)
        words = said(run(admin_client, "refresh_selected", *tasks))
        assert self.asked(evolink_simulator) - before == 1
        left = (provider.backoff_until() - timezone.now()).total_seconds()
        assert 20 < left <= 30
        assert len(words) == 2
        assert any(re.search(r"EvoLink asked this site to wait for (2\d|30) more seconds\.", text) for text in words)
        assert logged() == set()
        assert {VideoTask.objects.get(pk=task.pk).status for task in tasks} <= {"pending", "processing"}

    def test_leaves_to_workers_what_it_has_no_time_for(
        self,
        admin_client,
        evolink_simulator,
        at_evolink,
        monkeypatch,
        wanvideo_wakeups,
        django_capture_on_commit_callbacks,
    ):
        tasks = at_evolink(2)
        later = timezone.now() + dt.timedelta(hours=1)
        VideoTask.objects.update(next_action_at=later)
        before = self.asked(evolink_simulator)
        wanvideo_wakeups.clear()
        monkeypatch.setattr(actions, "ASKING_SECONDS", -1)
        with django_capture_on_commit_callbacks(execute=True):
            words = said(run(admin_client, "refresh_selected", *tasks))
        assert words == ["2 skipped: A worker will refresh it in a moment."]
        assert self.asked(evolink_simulator) == before
        for task in tasks:
            task.refresh_from_db()
            assert abs((task.next_action_at - timezone.now()).total_seconds()) < 20
        assert sorted(wanvideo_wakeups) == sorted(("sync", str(task.pk)) for task in tasks)
        assert logged() == set()
