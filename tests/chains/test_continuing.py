"""Going on from a video: a draft that begins where the video ends, made of what the model takes beside a first frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import chains
from django_wanvideo.exceptions import ConfigurationError, TransitionNotAllowed
from django_wanvideo.models import VideoTask
from django_wanvideo.services.storing import posters
from django_wanvideo.testing import picture
from tests.chains.conftest import SIZE
from tests.clips import clip, colour_of
from tests.factories import make_task

if TYPE_CHECKING:
    from collections.abc import Callable

    Stored = Callable[..., VideoTask]


def test_the_draft_begins_with_the_last_frame_as_large_as_the_video(stored: Stored) -> None:
    task = stored("red", "blue", prompt="A fox trots", parameters={"duration": 9})
    draft = task.continue_with(prompt="It looks up", generate_audio=False)
    frame = draft.first_frame
    assert frame is not None
    assert (frame.width, frame.height, frame.sent_size) == (*SIZE, None)
    with frame.file.open() as content:
        assert colour_of(content.read()) == "blue"
    assert (draft.status, draft.prompt, draft.model) == ("draft", "It looks up", task.model)
    assert draft.parameters == {"duration": 9, "generate_audio": False}
    assert (draft.continues, draft.parent) == (task, task)


def test_a_last_frame_that_is_larger_than_the_model_takes_is_sent_smaller(stored: Stored) -> None:
    """Another model may have made it; so it is where a part is remade after another take."""
    first, other = (stored(content=clip("blue", size=(2160, 1216), fps=1)) for _take in range(2))
    second = first.continue_with()
    VideoTask.objects.filter(pk=second.pk).update(status="completed", video="second.mp4")
    VideoTask.objects.filter(pk__in=[first.pk, other.pk]).update(take_group=first.pk)
    VideoTask.objects.filter(pk=other.pk).update(picked=True)
    for draft in (second, chains.remake(second)[0]):
        frame = draft.first_frame
        assert frame is not None
        assert (frame.width, frame.sent_width) == (2160, 2000)


@pytest.mark.parametrize(
    ("model", "parameters", "expected", "carried"),
    [
        (
            "wan2.6-text-to-video",
            {"duration": 10, "quality": "1080p", "aspect_ratio": "9:16"},
            "wan2.6-image-to-video",
            {"duration": 10, "quality": "1080p"},
        ),
        ("wan3.0-reference-video", {"duration": 20}, "wan3.0-image-to-video", {"duration": 20}),
        ("wan2.7-video-edit", {"duration": 0}, "wan2.7-image-to-video", {"duration": 5}),
    ],
)
def test_a_model_without_first_frame_gives_way_to_one_of_its_family(
    stored: Stored, model: str, parameters: dict[str, object], expected: str, carried: dict[str, object]
) -> None:
    draft = stored("red", model=model, parameters=parameters).continue_with()
    assert (draft.model, draft.parameters) == (expected, carried)


def test_what_belongs_to_the_first_video_only_is_not_carried_on(stored: Stored) -> None:
    origin = VideoTask.objects.create_task(
        "A dance", picture(), model="wan2.7-image-to-video", last_frame=picture(), audio="https://a.example/beat.mp3"
    )
    task = stored("red", model=origin.model, prompt=origin.prompt)
    origin.inputs.update(task=task)
    assert [item.role for item in task.continue_with().inputs.all()] == ["first_frame"]


def test_the_same_key_gives_the_same_draft(stored: Stored) -> None:
    task = stored("red")
    first, second = (task.continue_with(prompt="On", idempotency_key="part-2") for _time in range(2))
    assert first == second
    assert task.continuations.count() == 1


def test_a_copy_goes_on_from_the_same_video(stored: Stored) -> None:
    """A copy goes on from the same video, and one with another picture does not."""
    task = stored("red")
    draft = task.continue_with()
    (take,) = draft.make_takes({"prompt": "Otherwise"})
    assert take.continues == task
    (other,) = draft.make_takes({"first_frame": picture()})
    assert other.continues is None
    draft.update(prompt="On and on")
    assert draft.continues == task
    draft.update(first_frame=picture())
    assert VideoTask.objects.get(pk=draft.pk).continues is None


def test_what_goes_on_from_a_clip_has_it_once_in_the_film(stored: Stored, settings: Any) -> None:
    """Where a model can, it goes on from the clip itself, which the film has once."""
    task = stored("red", "blue", prompt="A fox trots", parameters={"duration": 2}, model="wan2.7-text-to-video")
    assert not chains.can_continue(task, with_clip=True), "EvoLink could not read it"
    settings.WANVIDEO = {**settings.WANVIDEO, "PUBLIC_MEDIA_BASE_URL": "https://media.example.com/"}
    assert chains.can_continue(task, with_clip=True)
    draft = task.continue_with(prompt="It looks up", with_clip=True)
    assert [(item.role, item.file.size) for item in draft.inputs.all()] == [("source_video", task.video.size)]
    assert (draft.model, draft.parameters["duration"], draft.continues) == ("wan2.7-image-to-video", 4, task)
    parts = chains.parts_of(draft)
    assert [part.task for part in chains.shown(parts)] == [draft]
    assert "nothing to join" in chains.why_not(parts)
    (take,) = draft.make_takes({})
    assert take.continues == task


def test_the_parts_after_one_that_is_deleted_stay(stored: Stored) -> None:
    task = stored("red")
    draft = task.continue_with()
    task.delete()
    draft.refresh_from_db()
    assert (draft.continues, draft.first_frame is not None) == (None, True)


def test_what_has_no_video_or_one_that_cannot_be_read_is_refused_in_words(
    stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TransitionNotAllowed, match="Only a stored video"):
        make_task().continue_with()
    task = stored(content=b"\0\0\0\x18ftypisom no video")
    with pytest.raises(ValidationError) as refused:
        task.continue_with()
    assert "cannot be read just now" in refused.value.message_dict["first_frame"][0]
    task.video.storage.delete(task.video.name)
    with pytest.raises(ValidationError):
        task.continue_with()
    monkeypatch.setattr(posters, "is_installed", lambda: False)
    with pytest.raises(ConfigurationError, match=r"django-wanvideo\[posters\]"):
        task.continue_with()
    assert task.continuations.count() == 0
