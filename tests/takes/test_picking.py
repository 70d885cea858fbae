"""One take of a group is picked: of two people at once one wins, and the other is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model

from django_wanvideo import signals, takes
from django_wanvideo.choices import EventKind, TaskStatus
from django_wanvideo.exceptions import EditConflict, TransitionNotAllowed
from django_wanvideo.models import TaskEvent, VideoTask
from django_wanvideo.services import notifications
from tests.factories import make_task
from tests.threads import outcomes


@pytest.fixture
def group(db: None) -> list[VideoTask]:
    return make_group()


def make_group(count: int = 3) -> list[VideoTask]:
    """Completed takes of one group."""
    first = make_task(TaskStatus.COMPLETED)
    takes.group(first, made := [make_task(TaskStatus.COMPLETED) for _number in range(count - 1)])
    return [first, *made]


def picked() -> list[int | None]:
    return list(VideoTask.objects.filter(picked=True).values_list("take_number", flat=True))


def history(task: VideoTask) -> list[tuple[str, Any]]:
    return [(event.kind, event.detail.get("reason")) for event in task.events.order_by("id")]


def test_a_pick_is_told_once_and_names_who_picked(group: list[VideoTask]) -> None:
    maria = get_user_model().objects.create_user("maria")
    heard: list[tuple[VideoTask, TaskEvent]] = []

    def hear(task: VideoTask, event: TaskEvent, **_more: Any) -> None:
        heard.append((task, event))

    signals.video_picked.connect(hear)
    try:
        assert group[1].pick(by=maria) is group[1]
        group[1].pick(by=maria)
        assert [notifications.deliver(group[1].pk) for _twice in range(2)] == [1, 0]
    finally:
        signals.video_picked.disconnect(hear)
    ((task, event),) = heard
    assert (task, task.picked, event.actor_id) == (group[1], True, maria.pk)
    assert history(group[1]) == [(EventKind.PICKED, None)]
    assert picked() == [2]


def test_picking_another_take_replaces_the_pick(group: list[VideoTask]) -> None:
    group[0].pick()
    group[2].pick()
    assert picked() == [3]
    assert history(group[0]) == [(EventKind.PICKED, None), (EventKind.NOTE, "unpicked")]


def test_undoing_a_pick_leaves_none_and_tells_nobody(group: list[VideoTask]) -> None:
    group[0].pick()
    group[1].unpick()
    assert picked() == [1]
    group[0].unpick()
    assert picked() == []
    assert group[0].picked is None
    assert history(group[0]) == [(EventKind.PICKED, None), (EventKind.NOTE, "unpicked")]


def test_a_pick_that_was_not_seen_is_not_replaced(group: list[VideoTask]) -> None:
    group[0].pick()
    for seen in ([], [group[1].pk]):
        with pytest.raises(EditConflict, match="take 1"):
            takes.pick(group[2], seen=seen)
    assert picked() == [1]
    takes.pick(group[2], seen=[group[0].pk])
    assert picked() == [3]


def test_a_pick_that_was_undone_meanwhile_is_said(group: list[VideoTask]) -> None:
    with pytest.raises(EditConflict, match="undone"):
        takes.pick(group[2], seen=[group[0].pk])
    assert picked() == []


@pytest.mark.parametrize("status", [status for status in TaskStatus if status != TaskStatus.COMPLETED])
def test_only_a_finished_video_can_be_picked(group: list[VideoTask], status: TaskStatus) -> None:
    VideoTask.objects.filter(pk=group[0].pk).update(status=status)
    with pytest.raises(TransitionNotAllowed, match="not ready"):
        group[0].pick()
    assert picked() == []


def test_a_video_without_other_takes_cannot_be_picked(db: None) -> None:
    with pytest.raises(TransitionNotAllowed, match="no other takes"):
        make_task(TaskStatus.COMPLETED).pick()


def test_saving_a_task_that_was_read_before_keeps_the_pick(group: list[VideoTask]) -> None:
    old = VideoTask.objects.get(pk=group[0].pk)
    group[0].pick()
    old.notes = "the best"
    old.save()
    assert picked() == [1]


@pytest.mark.django_db(transaction=True)
def test_of_people_who_pick_at_once_one_wins_and_the_others_are_told() -> None:
    group = make_group(4)
    ended = outcomes(*[lambda take=take: takes.pick(take, seen=[]) for take in group])
    assert sorted(type(one).__name__ for one in ended) == ["EditConflict"] * 3 + ["NoneType"]
    winner = group[ended.index(None)]
    assert picked() == [winner.take_number]
    assert all(str(winner.take_number) in str(one) for one in ended if one)
    assert TaskEvent.objects.filter(kind=EventKind.PICKED).count() == 1
