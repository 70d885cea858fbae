"""The page of takes: who sees which, what stands on it, and how it is come to."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_wanvideo import takes
from django_wanvideo.admin import VideoTaskAdmin
from django_wanvideo.choices import EventKind
from django_wanvideo.models import TaskEvent, VideoTask
from tests.admin.batches import factories as batches
from tests.admin.conftest import hidden, store, url


@pytest.fixture
def group(make_task):
    """Make takes of one group at the given statuses; completed ones have a video."""

    def make(*statuses, **columns):
        made = [make_task(status, **columns) for status in statuses]
        for task in made:
            if task.status == "completed":
                store(task, b"1")
        takes.group(made[0], made[1:])
        return made

    return make


def shown(client, task, **query):
    return client.get(url("takes", task.pk), query).content.decode()


def numbers(page):
    return [int(number) for number in re.findall(r'data-number="(\d+)"', page)]


def pick(client, task, seen="", **data):
    return client.post(url("pick", task.pk), {"seen": seen and str(seen.pk), **(data or {"pick": "1"})})


def picked():
    return list(VideoTask.objects.filter(picked=True).values_list("take_number", flat=True))


def test_every_take_leads_to_the_page_of_all(admin_client, group):
    made = group("completed", "processing", "failed")
    for task in made:
        page = shown(admin_client, task)
        assert numbers(page) == [1, 2, 3]
        assert "1 of 3 completed" in page
        assert "No take is picked yet. 1 is still being made." in page
    assert page.count("<video") == 1
    assert page.count('name="pick"') == 1


def test_a_task_by_itself_leads_to_making_takes(admin_client, person, make_task):
    task = make_task("completed")
    assert admin_client.get(url("takes", task.pk)).url == url("make_takes", task.pk)
    assert person("view_videotask").get(url("takes", task.pk)).url == url("change", task.pk)


def test_six_stand_beside_each_other_and_the_others_behind_a_link(admin_client, make_task):
    made = [make_task("completed")]
    made += [make_task("completed", like=made[0]) for _number in range(12)]
    takes.group(made[0], made[1:])
    assert numbers(shown(admin_client, made[0])) == [1, 2, 3, 4, 5, 6]
    page = shown(admin_client, made[7])
    assert numbers(page) == [7, 8, 9, 10, 11, 12]
    assert re.findall(r">(Takes? [\d to]+)</a></li>", page) == ["Takes 1 to 6", "Takes 7 to 12", "Take 13"]
    # Beyond nine there is no key of that name.
    assert re.findall(r'data-key="(\d+)"', page) == ["1", "2", "3", "4", "5", "6"]
    assert numbers(shown(admin_client, made[0], page="3")) == [13]
    assert numbers(shown(admin_client, made[0], page="9")) == [1, 2, 3, 4, 5, 6]
    answer = admin_client.post(f"{url('pick', made[7].pk)}?page=2", {"pick": "1"})
    assert answer.url == f"{url('takes', made[7].pk)}?page=2"


def test_queries_do_not_grow_with_the_takes(admin_client, make_task):
    def count(takes_made):
        made = [make_task("completed")]
        made += [make_task("completed", like=made[0]) for _number in range(takes_made - 1)]
        takes.group(made[0], made[1:])
        admin_client.get(url("takes", made[0].pk))
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(url("takes", made[0].pk))
        return len(queries)

    assert count(2) == count(9) <= 14


def test_only_what_a_person_may_see_is_shown_and_changed(admin_client, group, monkeypatch):
    first, second, third = group("completed", "completed", "completed")
    VideoTask.objects.filter(pk__in=[first.pk, second.pk]).update(owner=admin_client.user)
    third.pick()
    monkeypatch.setattr(
        VideoTaskAdmin, "get_visible_queryset", lambda self, request, rows: rows.filter(owner=request.user)
    )
    page = shown(admin_client, first)
    assert numbers(page) == [1, 2]
    assert "A take that you may not see is picked." in page
    assert str(third.pk) not in page
    assert 'name="pick"' not in page
    pick(admin_client, first)
    pick(admin_client, first, third)
    assert picked() == [3]
    assert admin_client.get(url("takes", third.pk)).status_code == 404


def test_a_pick_is_told_with_its_name_and_can_be_undone(admin_client, group):
    first, second = group("completed", "completed")
    assert pick(admin_client, second).url == url("takes", second.pk)
    page = shown(admin_client, first)
    assert "Take 2 is picked, by boss at" in page
    assert "Take 2 is picked.</li>" in page
    assert "Download take 2" in page
    assert hidden(admin_client.get(url("takes", first.pk)), "seen") == str(second.pk)
    # Pressed once more, as it was shown.
    pick(admin_client, second)
    assert TaskEvent.objects.filter(kind=EventKind.PICKED).count() == 1
    pick(admin_client, second, second, undo="1")
    pick(admin_client, second, second, undo="1")
    assert picked() == []
    assert "No take is picked yet." in shown(admin_client, first)


def test_who_has_not_seen_the_present_pick_changes_nothing_and_is_told(admin_client, group):
    first, second, third = group("completed", "completed", "completed")
    second.pick()
    answer = admin_client.post(url("pick", third.pk), {"pick": "1", "seen": str(first.pk)}, follow=True)
    assert "Somebody else has just picked take 2. Nothing was changed" in answer.content.decode()
    answer = admin_client.post(url("pick", third.pk), {"pick": "1"}, headers={"X-Requested-With": "wanvideo"})
    assert answer.status_code == 200
    assert "Somebody else has just picked take 2" in answer.content.decode()
    assert picked() == [2]
    pick(admin_client, third, second)
    assert picked() == [3]


def test_picking_needs_the_permission_of_the_hook_for_both_takes(admin_client, person, group, monkeypatch):
    first, second = group("completed", "completed")
    viewer = person("view_videotask")
    assert 'name="pick"' not in shown(viewer, first)
    assert pick(viewer, first).status_code == 403
    first.pick()
    monkeypatch.setattr(VideoTaskAdmin, "has_pick_permission", lambda self, request, obj=None: obj != first)
    assert pick(admin_client, second, first).status_code == 403
    assert admin_client.get(url("pick", second.pk)).url == url("takes", second.pk)
    assert picked() == [1]


def test_the_keys_are_turned_off_for_the_person_in_whatever_browser(admin_client, person, group):
    first, second = group("completed", "completed")
    jonas = person("view_videotask", name="jonas")
    assert jonas.post(url("takes", first.pk), {"keys": "off"}).url == url("takes", first.pk)
    for client, choice in ((Client(), "off"), (admin_client, "on")):
        client.force_login(client.user if client is admin_client else jonas.user)
        assert f'data-wanvideo-keys="{choice}"' in shown(client, second)
    for value in ("odd", "on"):
        jonas.post(url("takes", first.pk), {"keys": value}, headers={"X-Requested-With": "wanvideo"})
        assert f'data-wanvideo-keys="{"off" if value == "odd" else "on"}"' in shown(jonas, first)


def test_a_take_that_is_not_ready_cannot_be_picked(admin_client, group):
    _first, second = group("completed", "processing")
    answer = admin_client.post(url("pick", second.pk), {"pick": "1"}, follow=True)
    assert "its video is not ready" in answer.content.decode()
    assert picked() == []


def test_task_and_list_say_which_take_it_is(admin_client, group):
    first, second = group("completed", "draft")
    first.pick()
    page = admin_client.get(url("change", first.pk)).content.decode()
    assert f'<a href="{url("takes", first.pk)}">Take 1 of 2</a>' in page
    assert "Picked" in page
    page = admin_client.get(url("change", second.pk)).content.decode()
    assert f'<a href="{url("takes", second.pk)}">Take 2 of 2</a>' in page
    page = admin_client.get(url("changelist")).content.decode().replace("\N{NO-BREAK SPACE}", " ")
    assert "· take 1, picked</span>" in page
    assert "· take 2</span>" in page


def test_drafts_are_sent_by_the_way_of_all_drafts(admin_client, person, group):
    first, *_others = group("completed", "draft", "draft")
    page = shown(admin_client, first)
    assert "Generate 2 drafts…" in page
    ids = re.findall(r'name="_selected_action" value="([^"]+)"', page)
    answer = admin_client.post(url("changelist"), {"action": "submit_selected", "_selected_action": ids}, follow=True)
    assert "Generate 2 videos for about 23.8 credits" in answer.content.decode()
    assert "Generate 2 drafts…" not in shown(person("view_videotask"), first)


def test_credits_are_summed_and_a_setting_of_one_is_no_longer_the_same(admin_client, group):
    first, second = group("completed", "completed")
    VideoTask.objects.update(credits_used=Decimal("11.9"))
    assert "11.90 each, 23.80 for these 2" in shown(admin_client, first)
    VideoTask.objects.filter(pk=second.pk).update(credits_used=None, credits_estimated=Decimal(10))
    assert "about 21.90 together" in shown(admin_client, first)


def test_a_batch_of_takes_leads_to_them(admin_client, group):
    batch = batches.made(admin_client.user, 2)
    address = batches.url("change", batch.pk)
    assert "Compare the takes" not in admin_client.get(address).content.decode()
    tasks = list(VideoTask.objects.filter(batch=batch).order_by("row_number"))
    for task in tasks:
        VideoTask.objects.filter(pk=task.pk).update(take_group=batch.pk, take_number=task.row_number)
    page = admin_client.get(address).content.decode()
    assert "Compare the takes" in page
    assert any(f'href="{url("takes", task.pk)}?page=1"' in page for task in tasks)
