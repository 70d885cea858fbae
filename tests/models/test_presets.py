"""A preset fills in what a call leaves open; what it fills in is checked, and stays with the draft."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from django_wanvideo import batches, catalog
from django_wanvideo.conf import conf
from django_wanvideo.exceptions import IdempotencyConflict
from django_wanvideo.models import Preset, VideoTask
from django_wanvideo.testing import picture
from tests.factories import MODEL

pytestmark = pytest.mark.django_db

SOUND = "https://example.com/voice.mp3"
LINK = "https://example.com/folder/red%20fox.jpg?size=2"


@pytest.fixture
def alice():
    """A person with presets."""
    return get_user_model().objects.create_user("alice")


def preset(name="Slow push-in", **columns):
    """Keep a preset."""
    values = {"model": MODEL, "prompt": "Push in on {name}", "parameters": {"duration": 8}, "is_shared": True}
    made = Preset(name=name, **values | columns)
    made.full_clean()
    made.save()
    return made


def test_a_preset_gives_what_the_call_leaves_open(alice):
    preset()
    task = VideoTask.objects.create_task(first_frame=LINK, preset="slow-push-in", owner=alice)
    assert (task.prompt, task.model, task.parameters["duration"]) == ("Push in on red fox", MODEL, 8)
    assert task.events.get().detail == {"preset": "Slow push-in"}


def test_keywords_of_the_call_come_first():
    preset()
    task = VideoTask.objects.create_task("Stay {still}", LINK, preset="slow-push-in", duration=3)
    assert (task.prompt, task.parameters["duration"]) == ("Stay {still}", 3)
    task = VideoTask.objects.create_task("x", LINK, preset="slow-push-in", duration=None)
    assert catalog.get(MODEL).effective_values(task.parameters)["duration"] == 5


def test_a_draft_keeps_what_it_was_made_with():
    made = preset()
    task = VideoTask.objects.create_task(first_frame=LINK, preset=made)
    Preset.objects.update(prompt="Something else", parameters={"duration": 2})
    task.refresh_from_db()
    assert (task.prompt, task.parameters["duration"]) == ("Push in on red fox", 8)
    made.delete()
    assert VideoTask.objects.filter(pk=task.pk).exists()


def test_ones_own_is_found_before_a_shared_one_and_never_another_persons(alice):
    bob = get_user_model().objects.create_user("bob")
    preset(prompt="everyone")
    preset(prompt="alice", owner=alice, is_shared=False)
    preset("Other", owner=bob, is_shared=False)
    assert VideoTask.objects.create_task(first_frame=LINK, preset="slow-push-in", owner=alice).prompt == "alice"
    assert VideoTask.objects.create_task(first_frame=LINK, preset="slow-push-in", owner=bob).prompt == "everyone"
    assert VideoTask.objects.create_task(first_frame=LINK, preset="slow-push-in").prompt == "everyone"
    with pytest.raises(ValidationError) as caught:
        VideoTask.objects.create_task(first_frame=LINK, preset="other", owner=alice)
    assert set(caught.value.error_dict) == {"preset"}


def test_a_name_that_nothing_stands_for_is_said_at_the_prompt():
    preset()
    file = io.BytesIO(picture().read())
    with pytest.raises(ValidationError, match="no file whose name") as caught:
        VideoTask.objects.create_task(first_frame=file, preset="slow-push-in")
    assert set(caught.value.error_dict) == {"prompt"}
    preset("Table", prompt="{motif}")
    with pytest.raises(ValidationError, match=r"Only \{name\} and \{number\}"):
        VideoTask.objects.create_task(first_frame=LINK, preset="table")


def test_the_same_call_gives_the_same_task():
    """The same call gives the same task, also when the preset has changed."""
    made = preset()
    call = {"first_frame": LINK, "preset": "slow-push-in", "idempotency_key": "order-17"}
    task = VideoTask.objects.create_task(**call)
    Preset.objects.update(prompt="Something else", parameters={"quality": "1080p"})
    assert VideoTask.objects.create_task(**call) == task
    # Said aloud it is the same wish; another preset is another one.
    aloud = {"first_frame": LINK, "idempotency_key": "order-17", "model": MODEL, "prompt": "Push in on red fox"}
    assert VideoTask.objects.create_task(**aloud, duration=8) == task
    other = preset("Other", prompt="Something third")
    with pytest.raises(IdempotencyConflict) as caught:
        VideoTask.objects.create_task(**call | {"preset": other})
    assert caught.value.fields == ["prompt"]
    assert made.slug != other.slug


def test_without_a_preset_a_prompt_is_still_needed():
    with pytest.raises(ValidationError) as caught:
        VideoTask.objects.create_task(first_frame=LINK)
    assert set(caught.value.error_dict) == {"prompt"}


def test_what_the_catalogue_refuses_is_no_preset():
    with pytest.raises(ValidationError) as caught:
        preset(model="wan9", parameters={})
    assert set(caught.value.error_dict) == {"model"}
    with pytest.raises(ValidationError) as caught:
        preset(prompt="{name", parameters={"duration": 99})
    assert set(caught.value.error_dict) == {"prompt", "parameters"}


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("wan2.7-image-to-video", {"generation_mode": "first_last_frame"}),
        ("wan2.7-reference-video", {"voice_bindings": "image1"}),
    ],
)
def test_settings_that_need_inputs_can_be_kept_and_are_judged_beside_them(model, parameters):
    preset(model=model, parameters=parameters)
    with pytest.raises(ValidationError) as caught:
        VideoTask.objects.create_task("A fox", LINK, preset="slow-push-in", reference_images=None)
    assert parameters.keys() <= caught.value.error_dict.keys()
    given = {"last_frame": LINK} if "generation_mode" in parameters else {"reference_images": [LINK], "voices": [SOUND]}
    first = LINK if "generation_mode" in parameters else None
    task = VideoTask.objects.create_task("A fox", first, preset="slow-push-in", **given)
    assert parameters.items() <= task.parameters.items()


def test_the_short_name_is_made_from_the_name(alice):
    assert preset("Größe: näher!").slug == "groe-naher"
    assert preset("近づく").slug == "preset"
    assert preset("Größe näher").slug == "groe-naher-2"
    assert Preset.objects.create(name="By code", model=conf.DEFAULT_MODEL, owner=alice).slug == "by-code"


def test_no_two_shared_and_no_two_own_presets_have_one_name(alice):
    preset()
    preset(owner=alice, is_shared=False)
    for columns in ({}, {"owner": alice, "is_shared": False}):
        with pytest.raises(ValidationError) as caught:
            preset("slow PUSH-IN", **columns)
        assert set(caught.value.error_dict) == {"name"}
        with pytest.raises(ValidationError) as caught:
            preset("Another", slug="slow-push-in", **columns)
        assert "slug" in caught.value.error_dict
    with pytest.raises(IntegrityError), transaction.atomic():
        Preset.objects.create(name="x", slug="slow-push-in", owner=alice, model=MODEL)


def test_a_plan_takes_a_preset_too(alice):
    preset()
    plan = batches.plan([{"first_frame": LINK}], name="Spring", preset="slow-push-in", owner=alice)
    assert plan.create().tasks.get().prompt == "Push in on red fox"
