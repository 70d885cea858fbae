"""What a page has shown is what is sent: anything that has changed between page and press is left alone, and told."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import re
from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from django_wanvideo import catalog
from django_wanvideo.admin.views import bulk_submit, plans
from django_wanvideo.choices import AttemptState, EventKind
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import Attempt, MediaInput, SiteState, VideoTask
from django_wanvideo.models.creation import creation
from django_wanvideo.services.sending import actions, quotes
from tests.admin.conftest import add_data, hidden, url
from tests.threads import at_once

pytestmark = pytest.mark.django_db

LINK = {"error_code": "result_too_large", "result_url": "https://files.example/v.mp4"}


def choose(client, action, *tasks):
    """Choose an action for some tasks; the page that follows."""
    data = {"action": action, "_selected_action": [str(task.pk) for task in tasks]}
    return client.post(url("changelist"), data, follow=True)


def form_of(page, **changes):
    """What the browser sends when the page's button is pressed."""
    text = page.content.decode()
    data = {name: hidden(page, name) for name in ("plan", "at", "shown") if hidden(page, name) is not None}
    return {**data, "t": re.findall(r'name="t" value="(\d+)"[^>]* checked', text), **changes}


def press(client, page, **changes):
    return client.post(url("send"), form_of(page, **changes), follow=True)


def text_of(page):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page.content.decode())))


def fetchable(make_task, hours=1):
    """A failed task whose video is still at EvoLink."""
    return make_task("failed", **LINK, result_expires_at=timezone.now() + dt.timedelta(hours=hours))


def end_link(task):
    VideoTask.objects.filter(pk=task.pk).update(result_expires_at=timezone.now() - dt.timedelta(seconds=1))


def dearer(task):
    creation.update_draft(
        VideoTask.objects.get(pk=task.pk),
        prompt=task.prompt,
        parameters={"duration": 15, "quality": "1080p"},
        notes="",
        metadata={},
    )


def price(task):
    return catalog.estimate(catalog.get(task.model), task.parameters)


def now(task):
    return VideoTask.objects.get(pk=task.pk)


@pytest.mark.fault("K1.free-becomes-paid-on-the-plan")
class TestFree:
    """A retry that was shown as free never pays."""

    def test_link_that_ends_between_page_and_press_is_told(self, admin_client, make_task):
        """A link that ends between page and press is told and nothing is queued."""
        task = fetchable(make_task)
        page = choose(admin_client, "retry_selected", task)
        assert "Fetch 1 file again, free of charge" in text_of(page)
        assert "Price list" not in text_of(page)
        end_link(task)
        after = press(admin_client, page)
        assert "Its link has ended; trying again costs 11.90." in text_of(after)
        assert now(task).status == "failed"

    def test_those_that_still_hold_are_done_all_the_same(self, admin_client, make_task):
        ended, living, failed = (
            fetchable(make_task),
            fetchable(make_task),
            make_task("failed", error_code="service_error"),
        )
        page = choose(admin_client, "retry_selected", ended, living, failed)
        end_link(ended)
        after = text_of(press(admin_client, page))
        assert [now(task).status for task in (ended, living, failed)] == ["failed", "storing", "queued"]
        assert "2 videos will be tried again." in after
        assert "Its link has ended; trying again costs 11.90." in after

    def test_the_page_says_so_when_it_is_reloaded(self, admin_client, make_task):
        task = fetchable(make_task)
        page = choose(admin_client, "retry_selected", task)
        end_link(task)
        again = admin_client.get(url("plan", hidden(page, "plan")))
        assert "trying again costs 11.90" in text_of(again)
        assert hidden(again, "plan") == "", "there is nothing left to press"

    def test_the_button_of_the_task_never_pays_either(self, admin_client, make_task):
        task = fetchable(make_task)
        button = button_of(admin_client.get(url("change", task.pk)), "fetch")
        end_link(task)
        after = admin_client.post(button["url"], button["data"], follow=True)
        assert "Its link has ended; trying again costs 11.90." in text_of(after)
        assert now(task).status == "failed"

    def test_a_video_that_turns_up_after_a_price_was_shown_is_fetched(self, admin_client, make_task):
        task = make_task("failed", error_code="resource_not_found")
        page = choose(admin_client, "retry_selected", task)
        VideoTask.objects.filter(pk=task.pk).update(**LINK, result_expires_at=timezone.now() + dt.timedelta(hours=3))
        press(admin_client, page)
        assert now(task).status == "storing"


def button_of(page, verb):
    """Where a button of a task's page leads, and what it carries."""
    found = re.search(rf'<button[^>]*formaction="([^"]*/do/{verb}/)"[^>]*>', page.content.decode())
    carried = re.search(r'name="quote" value="([^"]*)"', found[0])
    return {"url": found[1], "data": {"quote": html.unescape(carried[1])} if carried else {}}


CHANGES = {
    "settings": (dearer, "11.90 was shown, it is 59.62 now"),
    "prompt": (lambda task: VideoTask.objects.filter(pk=task.pk).update(prompt="A whale"), "changed meanwhile"),
    "picture": (
        lambda task: MediaInput.objects.filter(task=task).update(file="", url="https://pictures.example/w.jpg"),
        "changed meanwhile",
    ),
    "model": (
        lambda task: VideoTask.objects.filter(pk=task.pk).update(model="wan2.5-image-to-video"),
        "was shown, it is",
    ),
    "deleted": (lambda task: task.delete(), "no longer there"),
}


@pytest.mark.fault("K1.price-shown-is-price-sent")
class TestPrice:
    """What is sent is what was shown, at that price."""

    @pytest.mark.parametrize("what", CHANGES)
    def test_a_draft_that_another_person_changes_is_left_alone_and_told(self, admin_client, make_task, what):
        change, words = CHANGES[what]
        task, other = make_task(), make_task()
        page = choose(admin_client, "submit_selected", task, other)
        change(task)
        after = text_of(press(admin_client, page))
        assert words in after
        assert now(other).status == "queued"
        assert not VideoTask.objects.filter(pk=task.pk).exclude(status="draft").exists()

    def test_notes_are_no_matter_of_the_price(self, admin_client, make_task):
        task = make_task()
        page = choose(admin_client, "submit_selected", task)
        VideoTask.objects.filter(pk=task.pk).update(notes="seen", metadata={"sku": "X"})
        press(admin_client, page)
        assert now(task).status == "queued"

    def test_a_new_price_list_is_told(self, admin_client, make_task, monkeypatch):
        task = make_task()
        page = choose(admin_client, "submit_selected", task)
        estimate = catalog.estimate
        monkeypatch.setattr(catalog, "estimate", lambda *given: estimate(*given) + Decimal(1))
        after = text_of(press(admin_client, page))
        assert "The price has changed: 11.90 was shown, it is 12.90 now." in after
        assert now(task).status == "draft"

    def test_one_that_was_tried_again_meanwhile_is_not_tried_a_third_time(self, admin_client, make_task):
        task = make_task("failed", error_code="service_error")
        page = choose(admin_client, "retry_selected", task)
        button = button_of(admin_client.get(url("change", task.pk)), "retry")
        task.retry()
        Attempt.objects.create(
            task=task, number=2, state=AttemptState.NOT_ACCEPTED, idempotency_key="k" * 16, request={}
        )
        VideoTask.objects.filter(pk=task.pk).update(status="failed", error_code="service_error")
        assert "tried again meanwhile" in text_of(press(admin_client, page))
        assert "tried again meanwhile" in text_of(admin_client.post(button["url"], button["data"], follow=True))
        assert now(task).status == "failed"

    def test_one_that_was_retried_and_cancelled_meanwhile_is_asked_about_again(self, admin_client, make_task):
        task = make_task("failed", error_code="service_error")
        page = choose(admin_client, "retry_selected", task)
        task.retry()
        task.cancel()
        assert "changed meanwhile" in text_of(press(admin_client, page))
        assert now(task).status == "cancelled"

    def test_the_form_of_a_draft_sends_at_the_price_beside_its_button(self, admin_client, make_task, monkeypatch):
        task = make_task()
        page = admin_client.get(url("change", task.pk))
        assert hidden(page, "shown_credits") == str(price(task))
        form = add_data(first_frame_file=None, _save=None, _generate="1", shown_credits=hidden(page, "shown_credits"))
        estimate = catalog.estimate
        with monkeypatch.context() as patched:
            patched.setattr(catalog, "estimate", lambda *given: estimate(*given) + Decimal(1))
            after = admin_client.post(url("change", task.pk), form, follow=True)
        assert "11.90 was shown, it is 12.90 now" in text_of(after)
        assert now(task).status == "draft"
        admin_client.post(url("change", task.pk), form)
        assert now(task).status == "queued"

    def test_a_form_whose_price_was_of_other_settings_is_not_sent(self, admin_client):
        form = add_data(_save=None, _generate="1", duration="15", shown_credits="11.9000")
        after = admin_client.post(url("add"), form, follow=True)
        assert "11.90 was shown, it is 35.70 now" in text_of(after)
        assert VideoTask.objects.get().status == "draft", "it is kept"

    def test_a_button_that_is_too_old_or_somebody_elses_is_refused(self, admin_client, person, make_task, monkeypatch):
        task = make_task("failed", error_code="service_error")
        button = button_of(admin_client.get(url("change", task.pk)), "retry")
        other = person("view_videotask", "submit_videotask")
        assert "made for somebody else" in text_of(other.post(button["url"], button["data"], follow=True))
        twin = make_task("failed", error_code="service_error")
        admin_client.post(url("operate", twin.pk, "retry"), button["data"])
        monkeypatch.setattr("django_wanvideo.admin.presentation.prices.LIFETIME", dt.timedelta(seconds=-1))
        assert "more than a day" in text_of(admin_client.post(button["url"], button["data"], follow=True))
        assert {now(task).status, now(twin).status} == {"failed"}


@pytest.mark.fault("K1.price-shown-is-price-sent")
@pytest.mark.integration
class TestRaces:
    """The edit and the press at the same moment."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture(autouse=True)
    def _rows_that_others_see(self, transactional_db):
        pass

    @pytest.mark.parametrize("what", ["settings", "prompt", "picture"])
    @pytest.mark.parametrize("_round", range(3))
    def test_an_edit_and_a_press_at_once_never_send_what_was_not_shown(self, admin_client, make_task, what, _round):
        task = make_task()
        shown = quotes.digest_of(task)
        page = choose(admin_client, "submit_selected", task)
        whole = {"prompt": task.prompt, "parameters": task.parameters, "notes": "", "metadata": {}}
        changed = {
            "settings": {"parameters": {"duration": 15, "quality": "1080p"}},
            "prompt": {"prompt": "A whale"},
            "picture": {"first_frame": "https://pictures.example/w.jpg"},
        }

        def edit():
            with contextlib.suppress(TransitionNotAllowed):
                creation.update_draft(now(task), **whole | changed[what])

        def send():
            press(admin_client, page)

        at_once(edit, send)
        after = now(task)
        VideoTask.objects.filter(pk=task.pk).update(queued_at=None)
        assert (quotes.digest_of(now(task)) == shown) == (after.status == "queued")
        events = after.events.filter(kind=EventKind.QUEUED).count()
        assert events == (after.status == "queued")

    @pytest.mark.parametrize("what", ["prompt", "picture"])
    def test_an_edit_that_commits_after_the_plan_was_compared_is_noticed(self, make_task, monkeypatch, what):
        """Between comparing the row and moving it another person saves, or has to wait until it is moved."""
        task = make_task()
        agreed, shown = quotes.quote(now(task)), quotes.digest_of(task)
        whole = {"prompt": task.prompt, "parameters": task.parameters, "notes": "", "metadata": {}}
        changed = {"prompt": {"prompt": "Other"}, "picture": {"first_frame": "https://pictures.example/w.jpg"}}[what]
        problem, tries = quotes.problem, []

        def and_edit(*args):
            why = problem(*args)
            if not tries:
                tries.append(None)
                try:
                    at_once(lambda: _impatiently(lambda: creation.update_draft(now(task), **whole | changed)))
                except OperationalError as error:
                    tries.append(error)
            return why

        monkeypatch.setattr(quotes, "problem", and_edit)
        if connection.features.has_select_for_update:
            actions.enqueue(task, agreed=agreed)
            assert len(tries) == 2, "the edit had to wait for the press"
        else:
            with pytest.raises(quotes.QuoteChanged):
                actions.enqueue(task, agreed=agreed)
        queued = now(task).status == "queued"
        VideoTask.objects.filter(pk=task.pk).update(queued_at=None)
        assert (quotes.digest_of(now(task)) == shown) == queued

    def test_two_presses_of_one_page_at_once_queue_each_once(self, admin_client, make_task):
        tasks = [make_task() for _number in range(3)]
        page = choose(admin_client, "submit_selected", *tasks)
        clients = [Client() for _tab in range(4)]
        for client in clients:
            client.cookies = admin_client.cookies
        at_once(*(lambda client=client: press(client, page) for client in clients))
        assert [task.events.filter(kind=EventKind.QUEUED).count() for task in tasks] == [1, 1, 1]

    def test_two_presses_of_one_button_at_once_queue_once(self, admin_client, make_task):
        task = make_task("failed", error_code="service_error")
        button = button_of(admin_client.get(url("change", task.pk)), "retry")
        clients = [Client() for _tab in range(4)]
        for client in clients:
            client.cookies = admin_client.cookies
        at_once(*(lambda client=client: client.post(button["url"], button["data"]) for client in clients))
        assert task.events.filter(kind=EventKind.RETRIED).count() == 1


def _impatiently(write):
    """Write, but do not wait for a lock for long."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
    elif connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 300")
    write()


@pytest.mark.fault("K12.back-after-a-bulk-confirmation")
class TestAddress:
    """A plan has an address that can be reloaded and gone back to."""

    def test_the_action_leads_to_a_page_that_is_got(self, admin_client, make_task):
        data = {"action": "submit_selected", "_selected_action": [str(make_task().pk)]}
        response = admin_client.post(url("changelist"), data)
        assert response.status_code == 302
        assert "/plan/" in response.url
        first, again = admin_client.get(response.url), admin_client.get(response.url)
        assert hidden(first, "plan") == hidden(again, "plan")
        assert "Generate 1 video for about 11.9 credits" in text_of(again)
        assert admin_client.post(response.url).status_code == 405

    def test_going_back_after_the_press_shows_that_it_was_sent(self, admin_client, make_task):
        task = make_task()
        page = choose(admin_client, "submit_selected", task)
        address = url("plan", hidden(page, "plan"))
        press(admin_client, page)
        VideoTask.objects.filter(pk=task.pk).update(status="draft", queued_at=None)
        back = admin_client.get(address)
        assert hidden(back, "plan") is None
        assert "1 video will be generated." in text_of(back)
        press(admin_client, page)
        assert now(task).status == "draft"

    def test_another_person_is_refused(self, admin_client, person, make_task):
        page = choose(admin_client, "submit_selected", make_task(prompt="A secret fox"))
        address = url("plan", hidden(page, "plan"))
        other = person("view_videotask", "submit_videotask")
        response = other.get(address)
        assert response.status_code == 302
        assert "not made for you" in str(next(iter(get_messages(response.wsgi_request))))

    def test_it_ends_after_a_day_and_its_rows_are_forgotten(self, admin_client, make_task):
        task = make_task()
        page = choose(admin_client, "submit_selected", task)
        SiteState.objects.filter(name__startswith="plan:").update(updated_at=timezone.now() - dt.timedelta(hours=25))
        assert "too old" in text_of(press(admin_client, page))
        assert now(task).status == "draft"
        SiteState.objects.filter(name__startswith="plan:").update(updated_at=timezone.now() - dt.timedelta(hours=49))
        choose(admin_client, "submit_selected", task)
        assert SiteState.objects.filter(name__startswith="plan:").count() == 1

    def test_what_one_may_no_longer_see_is_not_shown_on_the_plan(self, admin_client, make_task, monkeypatch):
        from django_wanvideo.admin import VideoTaskAdmin

        page = choose(admin_client, "submit_selected", make_task(prompt="A secret fox"))
        monkeypatch.setattr(
            VideoTaskAdmin, "get_visible_queryset", lambda self, request, tasks: tasks.owned_by(request.user)
        )
        again = admin_client.get(url("plan", hidden(page, "plan")))
        assert "A secret fox" not in again.content.decode()

    def test_a_step_whose_process_died_does_not_stop_the_others(self, admin_client, make_task, monkeypatch):
        monkeypatch.setattr(bulk_submit, "STEP", 1)
        tasks = [make_task() for _number in range(3)]
        page = choose(admin_client, "submit_selected", *tasks)
        token = hidden(page, "plan")
        plans.begin_step(token, 0, [0, 1, 2])
        page = admin_client.get(url("plan", token))
        while hidden(page, "at"):
            page = press(admin_client, page)
        assert sorted(task.status for task in VideoTask.objects.all()) == ["draft", "queued", "queued"]

    def test_where_steps_begin_is_not_for_the_browser_to_say(self, admin_client, make_task, monkeypatch):
        monkeypatch.setattr(bulk_submit, "STEP", 2)
        tasks = [make_task() for _number in range(4)]
        page = choose(admin_client, "submit_selected", *tasks)
        press(admin_client, page)
        for at in ("1", "3", "4", "99999999999999999999", "-2", "x"):
            admin_client.post(url("send"), {"plan": hidden(page, "plan"), "at": at})
        assert sorted(task.status for task in VideoTask.objects.all()) == ["draft", "draft", "queued", "queued"]


@pytest.mark.fault("K12.retry-groups-what-helps")
class TestGroups:
    """*Retry selected*: what trying again helps, and what has to be changed first."""

    @pytest.fixture
    def tasks(self, make_task):
        return {
            code: make_task("failed", error_code=code, prompt=f"A fox and {code}")
            for code in ("service_error", "content_policy_violation", "invalid_parameters", "image_processing_error")
        }

    def test_what_was_refused_stands_apart_with_its_reason_and_is_not_chosen(self, admin_client, tasks, make_task):
        page = choose(admin_client, "retry_selected", *tasks.values(), make_task("completed", prompt="A done fox"))
        text = text_of(page)
        order = ["Trying again helps", "A fox and service_error", "Change something first"]
        assert [text.index(words) for words in order] == sorted(text.index(words) for words in order)
        assert "Content refused" in text
        assert "Retry 1 video for about 11.9 credits" in text
        assert "2 videos" not in text
        press(admin_client, page)
        assert {code for code, task in tasks.items() if now(task).status == "queued"} == {"service_error"}

    def test_one_that_is_ticked_all_same_is_sent(self, admin_client, tasks):
        """One that is ticked all the same is sent only after its price was shown."""
        page = choose(admin_client, "retry_selected", *tasks.values())
        boxes = re.findall(r'name="t" value="(\d+)"', page.content.decode())
        assert len(boxes) == 4
        priced = press(admin_client, page, t=boxes)
        assert {now(task).status for task in tasks.values()} == {"failed"}
        assert "Retry 4 videos for about 47.6 credits" in text_of(priced)
        press(admin_client, priced)
        assert {now(task).status for task in tasks.values()} == {"queued"}

    def test_unticking_everything_sends_nothing(self, admin_client, tasks):
        page = choose(admin_client, "retry_selected", *tasks.values())
        nothing = press(admin_client, page, t=[])
        press(admin_client, nothing)
        assert {now(task).status for task in tasks.values()} == {"failed"}

    def test_what_may_still_be_at_evolink_costs_up_to_its_price(self, admin_client, make_task):
        task = make_task("failed", error_code="resource_not_found", provider_task_id="task-unified-1-abcdefgh")
        page = choose(admin_client, "retry_selected", task)
        assert "Retry 1 video for up to 11.9 credits" in text_of(page)
        task_page = text_of(admin_client.get(url("change", task.pk)))
        assert "Retry for up to 11.9 credits" in task_page
        assert "Check with EvoLink again, free of charge" in task_page
