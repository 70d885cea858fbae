"""A user model without names, whose key is a UUID and whose user name is a number; ``test_sites`` runs this with it."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from django_wanvideo.choices import AttemptState, TaskStatus
from django_wanvideo.models import CreditEntry, VideoTask
from django_wanvideo.models.base import people
from django_wanvideo.services.holds import pause
from django_wanvideo.services.limits import credit_limits
from django_wanvideo.testing import picture, run_pending, run_until_finished
from tests.admin.conftest import add_data, hidden, url
from tests.factories import make_attempt, make_task
from tests.hosts.badges.models import Holder


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def holder(db):
    return Holder.objects.create(badge=4711)


def kept_fields(page):
    """The signed name of the picture that the form kept."""
    return dict(re.findall(r'name="(first_frame[^"]*kept)" value="([^"]+)"', page.content.decode()))


@pytest.fixture
def admin_client(holder):
    client = Client()
    client.force_login(holder)
    return client


def test_the_model_has_none_of_what_djangos_own_has():
    for name in ("get_full_name", "get_short_name", "username", "email", "first_name", "groups", "is_superuser"):
        assert not hasattr(Holder, name)
    assert not hasattr(Holder.objects, "get_by_natural_key")


def test_every_page_of_a_task_with_an_owner(admin_client, holder, evolink_simulator):
    admin_client.post(url("add"), add_data(_generate="1", _save=None))
    task = VideoTask.objects.get()
    assert (task.status, task.owner) == (TaskStatus.QUEUED, holder)
    assert set(LogEntry.objects.values_list("user", flat=True)) == {holder.pk}
    assert "4711 pressed Generate." in admin_client.get(url("change", task.pk)).content.decode()
    run_until_finished(task)
    page = admin_client.get(url("change", task.pk)).content.decode()
    assert "4711" in page.split("Owner", 1)[1][:200]
    for name in ("history", "make_takes", "delete"):
        assert admin_client.get(url(name, task.pk)).status_code == 200
    for query in ("owner=me", f"owner={holder.pk}"):
        page = admin_client.get(f"{url('changelist')}?{query}").content.decode()
        assert re.search(r'field-owned_by[^>]*">(<a [^>]*>)?badge 4711<', page), query
    copy = VideoTask.objects.create_task("A dog", picture(), owner=holder)
    assert admin_client.get(url("change", copy.pk)).status_code == 200
    data = {"action": "submit_selected", "_selected_action": [str(copy.pk)]}
    admin_client.post(url("send"), {"plan": hidden(admin_client.post(url("changelist"), data, follow=True), "plan")})
    copy.refresh_from_db()
    assert copy.status == TaskStatus.QUEUED
    failed = make_task(TaskStatus.FAILED, owner_id=holder.pk, error_code="content_filter")
    assert admin_client.get(url("change", failed.pk)).status_code == 200
    lost = make_task(TaskStatus.UNCONFIRMED, owner_id=holder.pk)
    make_attempt(lost, AttemptState.UNCONFIRMED, sent_at=timezone.now())
    assert admin_client.get(url("resolve", lost.pk)).status_code == 200
    admin_client.post(url("delete", failed.pk), {"post": "yes"})
    assert not VideoTask.objects.filter(pk=failed.pk).exists()


def test_a_refused_form_keeps_its_picture_for_the_person(admin_client):
    page = admin_client.post(url("add"), add_data(prompt=""))
    assert page.status_code == 200
    assert admin_client.post(url("add"), add_data(first_frame_file=None, **kept_fields(page))).status_code == 302
    assert VideoTask.objects.get().first_frame.file


def test_the_command_takes_the_user_name_whatever_it_is(evolink_simulator, holder, tmp_path):
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(picture().read())
    arguments = ["wanvideo_generate", "--image", str(photo), "--prompt", "A cat", "--yes", "--no-wait"]
    call_command(*arguments, "--owner", "4711", stdout=StringIO())
    assert VideoTask.objects.get().owner == holder
    for nobody in ("1", "ann"):
        with pytest.raises(CommandError, match="no user"):
            call_command(*arguments, "--owner", nobody, stdout=StringIO())
    assert VideoTask.objects.count() == 1


def test_ledger_limits_and_pauses_know_the_person(evolink_simulator, holder, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "CREDIT_LIMITS": lambda user: {"user": {"day": user.badge}}}
    task = VideoTask.objects.create_task("A cat", picture(), owner=holder, duration=2)
    task.submit(by=holder)
    run_pending()
    assert CreditEntry.objects.get().owner_label == "4711"
    assert [limit.credits for limit in credit_limits.limits_for(holder.pk)] == [4711]
    pause.pause(by=holder)
    pause.resume(by=holder)
    call_command("wanvideo_prune", "--forget-user", "4711", stdout=StringIO())
    assert CreditEntry.objects.get().owner_label == ""
    holder.delete()
    assert VideoTask.objects.get().owner is None


def test_a_user_model_that_is_nobodys_child_still_has_a_name():
    class Stranger:
        pk = 7

        def __str__(self):
            return "a stranger"

    class Full(Stranger):
        def get_full_name(self):
            return "Ann Lee"

    class Blank(Stranger):
        def get_full_name(self):
            return None

        def get_username(self):
            return 8

    assert [people.name_of(kind()) for kind in (Stranger, Full, Blank)] == ["a stranger", "Ann Lee", "8"]
    assert [people.username_of(kind()) for kind in (Stranger, Blank)] == ["7", "8"]
