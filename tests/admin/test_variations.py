"""Several drafts like one task."""

from __future__ import annotations

from django_wanvideo.models import VideoTask
from tests.admin.conftest import hidden, url


def test_each_line_becomes_a_draft_with_the_same_picture(boss, make_task):
    task = make_task("completed")
    boss.post(url("variations", task.pk), {"prompts": "in snow\n\n  at night  \n", "seeds": ""})
    assert sorted(task.children.values_list("prompt", flat=True)) == ["at night", "in snow"]
    for child in task.children.all():
        assert (child.status, child.owner, child.first_frame.width) == ("draft", boss.user, 640)


def test_the_same_prompt_several_times(boss, make_task):
    task = make_task()
    boss.post(url("variations", task.pk), {"prompts": "", "seeds": "3"})
    assert list(task.children.values_list("prompt", flat=True)) == [task.prompt] * 3


def test_a_bad_line_is_named_and_nothing_is_made(boss, make_task):
    task = make_task()
    page = boss.post(url("variations", task.pk), {"prompts": "good\n" + "x" * 1501, "seeds": ""})
    assert "Draft 2" in page.content.decode()
    assert VideoTask.objects.count() == 1


def test_nothing_and_too_much_are_refused(boss, make_task):
    task = make_task()
    assert "at least one prompt" in boss.post(url("variations", task.pk), {"prompts": "", "seeds": ""}).content.decode()
    many = "\n".join("x" for _number in range(51))
    assert "At most 50" in boss.post(url("variations", task.pk), {"prompts": many, "seeds": ""}).content.decode()
    assert VideoTask.objects.count() == 1


def test_the_same_form_sent_twice_makes_the_drafts_once(boss, make_task):
    task = make_task()
    nonce = hidden(boss.get(url("variations", task.pk)), "nonce")
    for _time in range(2):
        boss.post(url("variations", task.pk), {"prompts": "one", "seeds": "", "nonce": nonce})
    assert task.children.count() == 1


def test_both_ways_lead_from_one_to_the_other(boss, make_task):
    task = make_task("completed", prompt="the first")
    boss.post(url("variations", task.pk), {"prompts": "the second", "seeds": ""})
    child = task.children.get()
    assert url("change", child.pk) in boss.get(url("change", task.pk)).content.decode()
    VideoTask.objects.filter(pk=child.pk).update(status="failed")
    assert url("change", task.pk) in boss.get(url("change", child.pk)).content.decode()


def test_variations_need_the_permission_to_add(person, make_task):
    assert person("view_videotask").get(url("variations", make_task().pk)).status_code == 403
