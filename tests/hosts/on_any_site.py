"""What stands around the road: batches, takes, films, presets, approvals, mails and sums; ``test_sites`` runs this on odd sites."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_wanvideo import chains, jobs
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import ApprovalRequired
from django_wanvideo.models import Approval, Film, Notification, NotificationChoice, Preset, VideoTask
from django_wanvideo.services.storing import posters
from django_wanvideo.spending import keeping
from django_wanvideo.testing import run_pending, run_until_finished
from tests.admin.batches.forms import checked_table
from tests.admin.batches.forms import url as batch_url
from tests.admin.conftest import FLASH, add_data, hidden, store, url
from tests.clips import clip
from tests.factories import make_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def somebody(number):
    """Somebody who may do everything, signed in."""
    model = get_user_model()
    name = {model.USERNAME_FIELD: number if model.USERNAME_FIELD == "badge" else f"ann{number}"}
    user = model.objects.create(**name) if model.USERNAME_FIELD == "badge" else model.objects.create_superuser(**name)
    client = Client()
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def ann():
    return somebody(4711)


def page(model, name, *args):
    return reverse(f"admin:wanvideo_{model}_{name}", args=args)


def opened(client, address, **query):
    answer = client.get(address, query, follow=True)
    assert answer.status_code == 200, address
    return answer.content.decode()


def draft(owner, **options):
    values = {"first_frame": "https://pictures.example/cat.jpg", "duration": 5} | options
    return VideoTask.objects.create_task("A cat", owner=owner, **values)


def test_many_videos_at_once(ann, evolink_simulator):
    batch = checked_table(ann, 2)
    shown = hidden(ann.get(batch_url("check", batch.pk)), "shown")
    ann.post(batch_url("check", batch.pk), {"shown": shown, "_generate": "1"})
    for _round in range(3):
        jobs.batch(str(batch.pk))
        run_pending()
    batch.refresh_from_db()
    shown = opened(ann, batch_url("change", batch.pk))
    assert str(ann.user.get_username()) in shown + opened(ann, batch_url("changelist"))
    assert VideoTask.objects.filter(batch=batch, owner_id=ann.user.pk).count() == 2
    assert "Videos" in opened(ann, page("videotask", "changelist"), view="grid")


def test_takes_and_what_is_picked(ann, evolink_simulator):
    task = draft(ann.user)
    ann.post(url("make_takes", task.pk), {"prompts": "in snow", "repeats": "1"})
    assert [take.owner for take in task.children.all()] == [ann.user] * 2
    task.submit(by=ann.user)
    run_until_finished(task)
    opened(ann, url("takes", task.pk))
    ann.post(url("pick", task.pk), {"pick": "1"})
    task.refresh_from_db()
    assert task.picked


def test_a_film(ann, monkeypatch):
    monkeypatch.setattr(posters, "is_installed", lambda: True)
    parts = [make_task(TaskStatus.COMPLETED, owner_id=ann.user.pk) for _n in range(2)]
    for part, colour in zip(parts, ("red", "blue"), strict=True):
        store(part, clip(colour, size=(480, 360)))
    VideoTask.objects.filter(pk=parts[1].pk).update(continues=parts[0])
    ann.post(url("join", parts[0].pk))
    film = Film.objects.get()
    jobs.join(str(film.pk))
    assert ann.get(url("film", parts[1].pk, film.pk)).status_code == 200
    assert "Download the film" in opened(ann, url("change", parts[0].pk))
    following = chains.continue_with(parts[1], by=ann.user, prompt="and then")
    assert following.owner == ann.user
    opened(ann, url("change", following.pk))


def test_presets(ann):
    ann.post(url("add"), add_data(_save=None, _save_preset="1", preset_name="Push in"))
    kept = Preset.objects.get()
    assert (kept.owner, kept.model) == (ann.user, FLASH)
    for address in (page("preset", "changelist"), page("preset", "change", kept.pk)):
        assert "Push in" in opened(ann, address)
    assert "Push in" in opened(ann, url("add"), preset=kept.slug)
    assert "Push in" not in opened(somebody(12), page("preset", "changelist"))


def test_a_second_pair_of_eyes(ann, evolink_simulator, settings):
    settings.WANVIDEO = {**settings.WANVIDEO, "APPROVAL_ABOVE": 5}
    task, other = draft(ann.user), somebody(12)
    with pytest.raises(ApprovalRequired):
        task.submit(by=ann.user)
    asked = Approval.objects.get()
    assert str(ann.user.get_username()) in opened(other, url("approvals"))
    other.post(url("approvals"), {"t": [str(asked.pk)], "shown": str(asked.pk), "_approve": "1", "note": ""})
    run_pending()
    task.refresh_from_db()
    assert task.status != TaskStatus.DRAFT
    assert "12" in opened(ann, url("change", task.pk))


def test_mails(ann, evolink_simulator, mailoutbox):
    ann.post(page("notificationchoice", "add"), {"when": "now"})
    assert NotificationChoice.objects.get().user == ann.user
    opened(ann, page("notificationchoice", "changelist"))
    task = draft(ann.user)
    task.submit(by=ann.user)
    run_until_finished(task)
    Notification.objects.update(due_at=timezone.now())
    jobs.mail()
    opened(ann, page("notification", "changelist"))
    has_mail = bool(getattr(ann.user, "email", ""))
    assert len(mailoutbox) == has_mail


def test_where_the_credits_went(ann, evolink_simulator):
    task = draft(ann.user)
    task.submit(by=ann.user)
    run_until_finished(task)
    keeping.keep_sums()
    for query in ({}, {"period": "last-month"}, {"csv": "1"}):
        answer = ann.get(url("spending"), query, follow=True)
        assert answer.status_code == 200, query
    assert str(ann.user.get_username()) in opened(ann, url("spending"))
    for name in ("models", "sending"):
        assert ann.get(url(name), follow=True).status_code in {200, 405}
    assert ann.get(url("totals"), {"status": "completed"}).status_code == 200
