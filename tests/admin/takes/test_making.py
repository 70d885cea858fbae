"""Several drafts like one task."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_wanvideo.models import VideoTask
from tests.admin.conftest import add_data, hidden, url


def test_each_line_becomes_a_draft_with_the_same_picture(boss, make_task):
    task = make_task("completed")
    boss.post(url("make_takes", task.pk), {"prompts": "in snow\n\n  at night  \n", "repeats": ""})
    assert sorted(task.children.values_list("prompt", flat=True)) == ["at night", "in snow"]
    for child in task.children.all():
        assert (child.status, child.owner, child.first_frame.width) == ("draft", boss.user, 640)


def test_the_same_prompt_several_times(boss, make_task):
    task = make_task()
    boss.post(url("make_takes", task.pk), {"prompts": "", "repeats": "3"})
    assert list(task.children.values_list("prompt", flat=True)) == [task.prompt] * 3


def test_a_bad_line_is_named_and_nothing_is_made(boss, make_task):
    task = make_task()
    page = boss.post(url("make_takes", task.pk), {"prompts": "good\n" + "x" * 1501, "repeats": ""})
    assert "Take 2 of these" in page.content.decode()
    assert VideoTask.objects.count() == 1


def test_nothing_and_too_much_are_refused(boss, make_task):
    task = make_task()
    assert (
        "at least one other prompt"
        in boss.post(url("make_takes", task.pk), {"prompts": "", "repeats": ""}).content.decode()
    )
    many = "\n".join("x" for _number in range(51))
    assert "At most 50" in boss.post(url("make_takes", task.pk), {"prompts": many, "repeats": ""}).content.decode()
    assert VideoTask.objects.count() == 1


def test_the_same_form_sent_twice_makes_the_drafts_once(boss, make_task):
    task = make_task()
    key = hidden(boss.get(url("make_takes", task.pk)), "idempotency_key")
    for _time in range(2):
        boss.post(url("make_takes", task.pk), {"prompts": "one", "repeats": "", "idempotency_key": key})
    assert task.children.count() == 1


def test_both_ways_lead_from_one_to_the_other(boss, make_task):
    task = make_task("completed", prompt="the first")
    boss.post(url("make_takes", task.pk), {"prompts": "the second", "repeats": ""})
    child = task.children.get()
    assert url("change", child.pk) in boss.get(url("change", task.pk)).content.decode()
    VideoTask.objects.filter(pk=child.pk).update(status="failed")
    assert url("change", task.pk) in boss.get(url("change", child.pk)).content.decode()


def test_takes_need_the_permission_to_add(person, make_task):
    assert person("view_videotask").get(url("make_takes", make_task().pk)).status_code == 403


def related(client, task):
    """The part of a task's page that shows what it was made from and what was made from it."""
    page = client.get(url("change", task.pk)).content.decode()
    return page.split('id="related-heading"')[1].split("</section>")[0]


@pytest.mark.parametrize("status", ["draft", "completed"])
def test_both_ways_are_shown_on_drafts_and_on_what_was_sent_with_pictures(boss, make_task, status):
    parent = make_task("completed", prompt="the first")
    boss.post(url("make_takes", parent.pk), {"prompts": "the second", "repeats": ""})
    middle = parent.children.get()
    boss.post(url("make_takes", middle.pk), {"prompts": "the third", "repeats": ""})
    VideoTask.objects.filter(pk=middle.pk).update(status=status)
    block = related(boss, middle)
    for other in (parent, middle.children.get()):
        assert url("change", other.pk) in block
        assert other.first_frame.thumbnail.url in block
    assert "#wv-processing" not in block


def test_pictures_of_children_are_read_at_once(boss, make_task):
    task = make_task("completed")

    def count():
        with CaptureQueriesContext(connection) as queries:
            boss.get(url("change", task.pk))
        return len(queries)

    boss.post(url("make_takes", task.pk), {"prompts": "one", "repeats": ""})
    few = count()
    boss.post(url("make_takes", task.pk), {"prompts": "two\nthree\nfour", "repeats": ""})
    assert count() == few


def test_a_draft_can_be_duplicated_with_what_was_just_typed(boss, make_task):
    task = make_task()
    assert 'name="_duplicate"' in related(boss, task)
    answer = boss.post(
        url("change", task.pk), add_data(prompt="newer words", first_frame_file=None, _save=None, _duplicate="1")
    )
    task.refresh_from_db()
    copy = task.children.get()
    assert answer.url == url("change", copy.pk)
    assert (task.prompt, copy.prompt, copy.owner) == ("newer words", "newer words", boss.user)
    assert [entry.action_flag for entry in LogEntry.objects.filter(object_id=str(copy.pk))] == [ADDITION]


def test_takes_of_a_draft_begin_with_what_was_just_typed(boss, make_task):
    task = make_task()
    assert 'name="_make_takes"' in related(boss, task)
    answer = boss.post(
        url("change", task.pk), add_data(prompt="newer words", first_frame_file=None, _save=None, _make_takes="1")
    )
    task.refresh_from_db()
    assert (answer.url, task.prompt) == (url("make_takes", task.pk), "newer words")


def test_a_draft_that_cannot_be_saved_is_not_duplicated(boss, make_task):
    task = make_task()
    page = boss.post(url("change", task.pk), add_data(prompt="", first_frame_file=None, _save=None, _duplicate="1"))
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
