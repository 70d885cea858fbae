"""Which videos a film consists of: of takes the picked one, and what was made of another one is marked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_wanvideo import chains, takes
from django_wanvideo.choices import TaskStatus
from django_wanvideo.models import VideoTask
from tests.factories import make_task

if TYPE_CHECKING:
    from collections.abc import Callable

    Link = Callable[..., VideoTask]

pytestmark = pytest.mark.django_db
S = TaskStatus


@pytest.fixture
def link() -> Link:
    """Make a part; each one a minute after the one before it."""
    made = [timezone.now() - dt.timedelta(hours=1)]

    def make(
        prompt: str, continues: VideoTask | None = None, status: TaskStatus = S.COMPLETED, **columns: Any
    ) -> VideoTask:
        made.append(made[-1] + dt.timedelta(minutes=1))
        video = f"{prompt}.mp4" if status == S.COMPLETED else ""
        return make_task(status, prompt=prompt, continues=continues, created_at=made[-1], video=video, **columns)

    return make


def told(task: VideoTask) -> list[str]:
    """The parts as every one of them tells them; what begins elsewhere with a mark."""
    parts = chains.parts_of(VideoTask.objects.get(pk=task.pk))
    return [part.task.prompt + ("!" if part.begins_elsewhere else "") for part in parts]


def test_every_part_tells_the_whole_film(link: Link) -> None:
    first = link("one")
    second = link("two", first)
    third = link("three", second, S.DRAFT)
    assert told(first) == told(second) == told(third) == ["one", "two", "three"]
    assert told(link("alone")) == []


def test_takes_of_a_part_are_alternatives_and_the_picked_one_counts(link: Link) -> None:
    first = link("one")
    second = link("two", first)
    third = link("three", second)
    again = link("two again", first)
    takes.group(second, [again])
    assert told(third) == ["one", "two", "three"], "nothing changes by itself"
    again.pick()
    assert told(third) == told(first) == told(again) == ["one", "two again", "three!"]
    remade = link("three again", again)
    takes.group(third, [remade])
    assert told(first) == ["one", "two again", "three again"]
    second.pick()
    assert told(first) == ["one", "two", "three"]


def test_what_failed_gives_way_to_what_is_completed(link: Link) -> None:
    first = link("one")
    failed = link("two", first, S.FAILED)
    assert told(first) == ["one", "two"]
    link("two as a copy", first)
    assert told(first) == ["one", "two as a copy"]
    assert told(failed) == ["one", "two"], "from its own page the way leads through it"


def test_of_two_films_with_one_beginning_each_part_tells_its_own(link: Link) -> None:
    first = link("one")
    left, right = link("left", first), link("right", first)
    assert (told(left), told(right), told(first)) == (["one", "left"], ["one", "right"], ["one", "right"])


def test_a_circle_of_parts_has_an_end(link: Link) -> None:
    first = link("one")
    second = link("two", first)
    VideoTask.objects.filter(pk=first.pk).update(continues=second)
    assert len(chains.parts_of(second)) <= 100
