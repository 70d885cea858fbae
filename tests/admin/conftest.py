"""People with one permission each, pictures, and tasks at every status."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_wanvideo.choices import TaskStatus
from django_wanvideo.evolink.exceptions import NotFoundError, ReadError
from django_wanvideo.evolink.types import Credits, TaskSnapshot
from django_wanvideo.models import VideoTask
from django_wanvideo.services.provider import provider
from tests.factories import make_attempt, state_of
from tests.pictures import picture
from tests.stub_client import StubClient

FLASH = "wan2.6-image-to-video-flash"
ID = "task-unified-1795092608-k3v9m2qa"


class ListingClient(StubClient):
    """One that also lists tasks and tells credits, as the page on which an unconfirmed task is resolved asks."""

    def __init__(self):
        super().__init__()
        self.listed = []
        self.snapshots = {}
        self.broken = False
        self.spendable = Decimal("88.1")
        self.connect_timeout = self.read_timeout = 10.0

    def list_tasks(self, **filters):
        if self.broken:
            raise ReadError("down", http_status=502)
        return self.listed

    def get_credits(self):
        if self.broken:
            raise ReadError("down", http_status=502)
        return Credits(user_remaining=self.spendable, token_remaining=None, unlimited=True)

    def get_task(self, provider_task_id):
        if provider_task_id not in self.snapshots:
            raise NotFoundError("unknown", http_status=404)
        return self.snapshots[provider_task_id]

    def offer(self, seconds=1, model=FLASH):
        """Put one video on EvoLink's list, begun so long after our request."""
        created = int((timezone.now() + dt.timedelta(seconds=seconds)).timestamp())
        body = {"id": ID, "status": "processing", "progress": 40, "model": model, "created": created}
        self.listed = [TaskSnapshot.parse({**body, "task_id": ID, "created_at": created})]
        self.snapshots[ID] = TaskSnapshot.parse(body)


def url(name, *args):
    """The address of a page of video tasks."""
    return reverse(f"admin:wanvideo_videotask_{name}", args=args)


def add_data(**changes):
    """What the add page sends for a good video."""
    data = {
        "prompt": "A fox trots on",
        "model": FLASH,
        "first_frame_file": picture(name="fox.jpg"),
        "duration": "5",
        "quality": "720p",
        "generate_audio": "on",
        "prompt_extend": "on",
        "shot_type": "single",
        "_save": "1",
    }
    data.update(changes)
    return {key: value for key, value in data.items() if value is not None}


def hidden(response, name):
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return found[1] if found else None


def store(task, content):
    """Give a task its video, as the service that copies it would have."""
    task.video.save("v.mp4", ContentFile(content), save=False)
    task.save(update_fields=["video"])


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def wakes(monkeypatch):
    """Jobs that would have been enqueued; no Redis is asked."""
    from django_wanvideo import queue

    woken = []

    def enqueue(job, *ids):
        woken.append((job, *ids))
        return True

    monkeypatch.setattr(queue.jobs, "enqueue", enqueue)
    return woken


@pytest.fixture
def person(db):
    """Make a staff member with exactly the named permissions, and a client that is signed in."""
    numbers = iter(range(1, 100))

    def make(*permissions, name=None, superuser=False):
        user = get_user_model().objects.create_user(
            name or f"person{next(numbers)}", password="x", is_staff=True, is_superuser=superuser
        )
        for codename in permissions:
            user.user_permissions.add(Permission.objects.get(content_type__app_label="wanvideo", codename=codename))
        client = Client()
        client.force_login(user)
        client.user = user
        return client

    return make


@pytest.fixture
def admin_client(person):
    """A superuser's client."""
    return person(superuser=True, name="boss")


@pytest.fixture
def make_task(db):
    """Make a task at a status, as the services would have left it."""

    def make(
        status=TaskStatus.DRAFT, *, owner=None, prompt="A fox trots on", provider_task_id=None, like=None, **fields
    ):
        """``like`` is a task whose picture's files serve for this one as well, so that none is drawn or stored."""
        source = "https://pictures.example/fox.jpg" if like else picture()
        # Anything else may stand in old rows only.
        given = {"metadata": fields.pop("metadata")} if isinstance(fields.get("metadata"), dict) else {}
        task = VideoTask.objects.create_task(prompt=prompt, first_frame=source, owner=owner, duration=5, **given)
        if like is not None:
            task.inputs.all().delete()
            for item in like.inputs.all():
                item.pk, item.task, item._state.adding = None, task, True
                item.save()
        if status != TaskStatus.DRAFT:
            fields = {"queued_at": timezone.now(), **fields}
            VideoTask.objects.filter(pk=task.pk).update(status=status, **fields)
            task.refresh_from_db()
            if status != TaskStatus.QUEUED:
                make_attempt(
                    task,
                    state_of(status),
                    request={"model": FLASH, "prompt": prompt},
                    provider_task_id=provider_task_id,
                    sent_at=timezone.now(),
                )
        elif fields:
            VideoTask.objects.filter(pk=task.pk).update(**fields)
            task.refresh_from_db()
        return task

    return make


@pytest.fixture
def stub_client(monkeypatch):
    """EvoLink as it answers the page on which an unconfirmed task is resolved."""
    answers = ListingClient()
    monkeypatch.setattr(provider, "client", lambda **patience: answers)
    return answers
