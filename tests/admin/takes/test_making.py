"""Takes of one task: as drafts, or sent at the price on the button, once however often it is pressed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_wanvideo.admin.takes.forms import MakeTakesForm
from django_wanvideo.models import VideoTask
from tests.admin.conftest import add_data, hidden, url


def test_each_line_becomes_a_draft_with_the_same_picture(admin_client, make_task):
    task = make_task("completed")
    admin_client.post(url("make_takes", task.pk), {"prompts": "in snow\n\n  at night  \n", "repeats": ""})
    assert sorted(task.children.values_list("prompt", flat=True)) == ["at night", "in snow"]
    for child in task.children.all():
        assert (child.status, child.owner, child.first_frame.width) == ("draft", admin_client.user, 640)


def test_the_same_prompt_several_times(admin_client, make_task):
    task = make_task()
    admin_client.post(url("make_takes", task.pk), {"prompts": "", "repeats": "3"})
    assert list(task.children.values_list("prompt", flat=True)) == [task.prompt] * 3


def test_a_bad_line_is_named_and_nothing_is_made(admin_client, make_task):
    task = make_task()
    page = admin_client.post(url("make_takes", task.pk), {"prompts": "good\n" + "x" * 1501, "repeats": ""})
    assert "Take 2 of these" in page.content.decode()
    assert VideoTask.objects.count() == 1


def test_nothing_and_too_much_are_refused(admin_client, make_task):
    task = make_task()
    assert (
        "at least one other prompt"
        in admin_client.post(url("make_takes", task.pk), {"prompts": "", "repeats": ""}).content.decode()
    )
    many = "\n".join("x" for _number in range(51))
    assert (
        "At most 50" in admin_client.post(url("make_takes", task.pk), {"prompts": many, "repeats": ""}).content.decode()
    )
    assert VideoTask.objects.count() == 1


def test_the_same_form_sent_twice_makes_the_drafts_once(admin_client, make_task):
    task = make_task()
    key = hidden(admin_client.get(url("make_takes", task.pk)), "idempotency_key")
    for _time in range(2):
        admin_client.post(url("make_takes", task.pk), {"prompts": "one", "repeats": "", "idempotency_key": key})
    assert task.children.count() == 1


def test_both_ways_lead_from_one_to_the_other(admin_client, make_task):
    task = make_task("completed", prompt="the first")
    admin_client.post(url("make_takes", task.pk), {"prompts": "the second", "repeats": ""})
    child = task.children.get()
    assert url("change", child.pk) in admin_client.get(url("change", task.pk)).content.decode()
    VideoTask.objects.filter(pk=child.pk).update(status="failed")
    assert url("change", task.pk) in admin_client.get(url("change", child.pk)).content.decode()


def related(client, task):
    """The part of a task's page that shows what it was made from and what was made from it."""
    page = client.get(url("change", task.pk)).content.decode()
    return page.split('id="related-heading"')[1].split("</section>")[0]


@pytest.mark.parametrize("status", ["draft", "completed"])
def test_both_ways_are_shown_on_drafts_and_on_what_was_sent_with_pictures(admin_client, make_task, status):
    parent = make_task("completed", prompt="the first")
    admin_client.post(url("make_takes", parent.pk), {"prompts": "the second", "repeats": ""})
    middle = parent.children.get()
    admin_client.post(url("make_takes", middle.pk), {"prompts": "the third", "repeats": ""})
    VideoTask.objects.filter(pk=middle.pk).update(status=status)
    block = related(admin_client, middle)
    for other in (parent, middle.children.get()):
        assert url("change", other.pk) in block
        assert other.first_frame.thumbnail.url in block
    assert "#wv-processing" not in block


def test_pictures_of_children_are_read_at_once(admin_client, make_task):
    task = make_task("completed")

    def count():
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(url("change", task.pk))
        return len(queries)

    admin_client.post(url("make_takes", task.pk), {"prompts": "one", "repeats": ""})
    few = count()
    admin_client.post(url("make_takes", task.pk), {"prompts": "two\nthree\nfour", "repeats": ""})
    assert count() == few


def test_a_draft_can_be_duplicated_with_what_was_just_typed(admin_client, make_task):
    task = make_task()
    assert 'name="_duplicate"' in related(admin_client, task)
    answer = admin_client.post(
        url("change", task.pk), add_data(prompt="newer words", first_frame_file=None, _save=None, _duplicate="1")
    )
    task.refresh_from_db()
    copy = task.children.get()
    assert answer.url == url("change", copy.pk)
    assert (task.prompt, copy.prompt, copy.owner) == ("newer words", "newer words", admin_client.user)
    assert [entry.action_flag for entry in LogEntry.objects.filter(object_id=str(copy.pk))] == [ADDITION]


def test_takes_of_a_draft_begin_with_what_was_just_typed(admin_client, make_task):
    task = make_task()
    assert 'name="_make_takes"' in related(admin_client, task)
    answer = admin_client.post(
        url("change", task.pk), add_data(prompt="newer words", first_frame_file=None, _save=None, _make_takes="1")
    )
    task.refresh_from_db()
    assert (answer.url, task.prompt) == (url("make_takes", task.pk), "newer words")


def test_a_draft_that_cannot_be_saved_is_not_duplicated(admin_client, make_task):
    task = make_task()
    page = admin_client.post(
        url("change", task.pk), add_data(prompt="", first_frame_file=None, _save=None, _duplicate="1")
    )
    assert page.status_code == 200
    assert not task.children.exists()


@pytest.mark.parametrize("button", ["_duplicate", "_make_takes"])
def test_copies_of_a_draft_need_the_permission_to_add(person, make_task, button):
    task = make_task()
    client = person("view_videotask", "change_videotask")
    assert f'name="{button}"' not in client.get(url("change", task.pk)).content.decode()
    data = add_data(prompt="newer words", first_frame_file=None, _save=None, **{button: "1"})
    assert client.post(url("change", task.pk), data).status_code == 403
    task.refresh_from_db()
    assert (task.prompt, task.children.count()) == ("A fox trots on", 0)


def generate(client, task, shown="99", **data):
    return client.post(url("make_takes", task.pk), {"shown_credits": shown, "_generate": "1", **data}, follow=True)


def test_takes_are_numbered_sent_and_shown_together(admin_client, make_task):
    """Takes are numbered, sent at their price and shown beside each other."""
    task = make_task("completed")
    page = admin_client.get(url("make_takes", task.pk))
    assert Decimal(hidden(page, "shown_credits")) == Decimal("35.7")
    answer = generate(
        admin_client, task, "35.7", repeats="2", prompts="in snow", idempotency_key=hidden(page, "idempotency_key")
    )
    assert answer.redirect_chain == [(url("takes", task.pk), 302)]
    assert "3 takes will be generated." in answer.content.decode()
    made = task.children.order_by("take_number")
    assert [(take.take_number, take.status, take.prompt, take.credits_estimated) for take in made] == [
        (2, "queued", task.prompt, Decimal("11.9")),
        (3, "queued", task.prompt, Decimal("11.9")),
        (4, "queued", "in snow", Decimal("11.9")),
    ]


@pytest.mark.parametrize("shown", ["23.79", "", "NaN", "x"])
def test_what_costs_more_than_was_shown_is_shown_again(admin_client, make_task, shown):
    """What costs more than was shown is shown again, and neither made nor sent."""
    task = make_task("completed")
    page = generate(admin_client, task, shown, repeats="2")
    assert "this is what it costs now" in page.content.decode()
    assert "Generate 2 for about 23.8 credits" in page.content.decode()
    assert Decimal(hidden(page, "shown_credits")) == Decimal("23.8")
    assert VideoTask.objects.count() == 1


def test_pressed_twice_takes_are_charged_once(admin_client, make_task, wakes):
    task = make_task("completed")
    key = hidden(admin_client.get(url("make_takes", task.pk)), "idempotency_key")
    answers = [generate(admin_client, task, repeats="2", idempotency_key=key) for _time in range(2)]
    assert "nothing was made or sent a second time" in answers[1].content.decode()
    assert task.children.filter(status="queued").count() == 2
    assert len([job for job in wakes if job[0].endswith("submit")]) <= 2


def test_takes_over_a_limit_stay_drafts_and_it_is_said_why(admin_client, make_task, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "DAILY_CREDIT_LIMIT": 5}
    task = make_task("completed")
    page = generate(admin_client, task, repeats="2").content.decode()
    assert set(task.children.values_list("status", "take_number")) == {("draft", 2), ("draft", 3)}
    assert "2 skipped" in page


def test_sending_takes_the_permission_to_spend(person, make_task):
    client, task = person("view_videotask", "add_videotask"), make_task("completed")
    assert "_generate" not in client.get(url("make_takes", task.pk)).content.decode()
    assert generate(client, task, repeats="1").status_code == 403
    assert not task.children.exists()


def test_the_page_asks_what_its_takes_cost(admin_client, make_task):
    task = make_task("completed")

    def price(**query):
        return admin_client.get(url("make_takes", task.pk), {"price": "1", **query}).json()

    found = price(repeats="2", prompts="3")
    assert (found["known"], Decimal(found["credits"])) == (True, Decimal("59.5"))
    assert found["button"] == "Generate 5 for about 59.5 credits"
    assert found["formula"] == "5 × 11.90 = 59.50 credits".replace(" ", "\N{NO-BREAK SPACE}")
    assert price(repeats="", prompts="0")["formula"] == "Nothing to make yet"
    assert "At most 50" in price(repeats="51")["formula"]
    VideoTask.objects.update(model="gone")
    assert not price(repeats="2")["known"]


def test_takes_of_a_take_join_its_group(admin_client, make_task):
    task = make_task("completed")
    save = {"repeats": "1", "_save": "1"}
    admin_client.post(url("make_takes", task.pk), save)
    admin_client.post(url("make_takes", task.children.get().pk), save)
    task.refresh_from_db()
    assert list(
        VideoTask.objects.filter(take_group=task.take_group)
        .values_list("take_number", flat=True)
        .order_by("take_number")
    ) == [1, 2, 3]


def test_seeds_are_taken_where_the_model_has_them(admin_client, make_task):
    task = make_task("completed")
    assert 'name="seeds"' not in admin_client.get(url("make_takes", task.pk)).content.decode()
    task.model = "wan2.7-image-to-video"
    form = MakeTakesForm({"repeats": "1", "seeds": "4711\n90210"}, task=task)
    assert form.is_valid()
    drawn, *chosen = form.changes("key")
    assert chosen == [{"seed": 4711}, {"seed": 90210}]
    assert form.changes("key")[0] == drawn != form.changes("other key")[0]
    assert "seeds" in MakeTakesForm({"seeds": "4711\nmany"}, task=task).errors
    assert "seeds" in MakeTakesForm({"seeds": "2147483648"}, task=task).errors


def test_takes_with_seeds_of_their_own_are_told_apart_by_them(admin_client, make_task):
    task = make_task("completed")
    VideoTask.objects.filter(pk=task.pk).update(model="wan2.7-image-to-video", parameters={})
    admin_client.post(url("make_takes", task.pk), {"seeds": "4711\n90210", "_save": "1"})
    assert [take.parameters["seed"] for take in task.children.order_by("take_number")] == [4711, 90210]
    page = admin_client.get(url("takes", task.pk)).content.decode()
    assert "another one each time" in page
    assert '<dt>Seed</dt><dd><mark class="wv-differs">4711</mark></dd>' in page
    assert '<mark class="wv-differs">marked</mark> is what differs from take 1.' in page
