"""Takes are made all or none, know their group, and are numbered once each."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from django_wanvideo import takes
from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask
from tests.factories import make_task
from tests.pictures import picture
from tests.threads import at_once


@pytest.fixture
def first(db: None) -> VideoTask:
    """A draft with a picture."""
    return VideoTask.objects.create_task("A fox trots", picture(), duration=5)


def numbers(task: VideoTask) -> list[tuple[str, int | None]]:
    task.refresh_from_db()
    return [(take.prompt, take.take_number) for take in takes.takes_of(task)]


def test_a_task_becomes_the_first_take_and_its_drafts_the_next(first: VideoTask) -> None:
    made = first.make_takes({}, {"prompt": "A fox sleeps"})
    assert [take.status for take in made] == ["draft", "draft"]
    assert numbers(first) == [("A fox trots", 1), ("A fox trots", 2), ("A fox sleeps", 3)]
    assert all(take.take_group == first.take_group and take.first_frame for take in made)


def test_more_takes_of_a_take_join_its_group(first: VideoTask) -> None:
    (second,) = first.make_takes({})
    second.make_takes({"prompt": "A fox sleeps"})
    assert numbers(first) == [("A fox trots", 1), ("A fox trots", 2), ("A fox sleeps", 3)]


def test_one_wrong_take_leaves_nothing_behind(first: VideoTask) -> None:
    with pytest.raises(ValidationError) as caught:
        first.make_takes({}, {"duration": 99})
    assert set(caught.value.error_dict) == {"duration"}
    assert VideoTask.objects.count() == 1
    first.refresh_from_db()
    assert first.take_group is None


def test_a_task_by_itself_is_its_only_take(first: VideoTask) -> None:
    assert list(takes.takes_of(first)) == [first]


def test_takes_outlive_the_first_one_and_its_number_is_not_given_again(first: VideoTask) -> None:
    second, _third = first.make_takes({}, {})
    VideoTask.objects.get(pk=first.pk).delete()
    second.make_takes({})
    assert [number for _prompt, number in numbers(second)] == [2, 3, 4]


def test_takes_of_a_task_that_is_gone_are_refused(first: VideoTask) -> None:
    VideoTask.objects.filter(pk=first.pk).delete()
    with pytest.raises((TransitionNotAllowed, ValidationError)):
        first.make_takes({})
    assert not VideoTask.objects.exists()


def test_the_database_knows_no_number_and_no_pick_twice(db: None) -> None:
    task = make_task(TaskStatus.COMPLETED)
    one = {"take_group": task.pk, "take_number": 1}
    VideoTask.objects.filter(pk=task.pk).update(**one, picked=True)
    for columns in (one, {"take_group": task.pk, "take_number": 2, "picked": True}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_task(TaskStatus.COMPLETED, **columns)


@pytest.mark.django_db(transaction=True)
def test_takes_made_at_once_get_numbers_of_their_own() -> None:
    task = VideoTask.objects.create_task("A fox trots", picture())
    at_once(*[lambda: VideoTask.objects.get(pk=task.pk).make_takes({}, {})] * 3)
    assert [number for _prompt, number in numbers(task)] == [1, 2, 3, 4, 5, 6, 7]
