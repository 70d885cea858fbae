"""What developers call on a task, beside what workers do with it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms import modelform_factory

from django_wanvideo.choices import TaskStatus
from django_wanvideo.exceptions import TransitionNotAllowed
from django_wanvideo.models import VideoTask

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

LINK = "https://pictures.example/cat.png"
#: Five seconds at 720p, and ten.
FIVE, TEN = Decimal("11.9000"), Decimal("23.8000")


@pytest.fixture
def task():
    return VideoTask.objects.create_task("A cat", LINK)


def stored(task):
    return VideoTask.objects.get(pk=task.pk)


def codes(error):
    return {field: [problem.code for problem in problems] for field, problems in error.error_dict.items()}


def test_saving_a_draft_with_other_parameters_prices_it_anew(task):
    task.parameters = {"duration": 10}
    task.save()
    assert (stored(task).parameters, stored(task).credits_estimated) == ({"duration": 10}, TEN)
    task.parameters["duration"] = 5
    task.save(update_fields=["parameters"])
    assert stored(task).credits_estimated == FIVE


@pytest.mark.parametrize("parameters", [{"duration": 99}, {"durtion": 5}, {"quality": "8k"}, []])
def test_saving_draft_with_parameters_that_its_model(task, parameters):
    """Saving a draft with parameters that its model refuses changes nothing."""
    task.parameters = parameters
    for options in ({}, {"update_fields": ["parameters"]}):
        with pytest.raises(ValidationError) as caught:
            task.save(**options)
        assert set(caught.value.error_dict) == {"parameters"}
    assert (stored(task).parameters, stored(task).credits_estimated) == ({"duration": 5}, FIVE)


def test_saving_a_draft_of_a_model_that_is_gone_still_takes_notes(task):
    VideoTask.objects.filter(pk=task.pk).update(model="wan1.0", parameters={"duration": 99})
    task = stored(task)
    task.notes = "for later"
    task.save()
    assert (stored(task).notes, stored(task).credits_estimated) == ("for later", FIVE)
    task.model = "wan1.1"
    with pytest.raises(ValidationError) as caught:
        task.save()
    assert codes(caught.value)["model"] == ["unknown_model"]


def test_saving_a_sent_task_does_not_look_into_the_catalogue(task):
    VideoTask.objects.filter(pk=task.pk).update(status=TaskStatus.FAILED, parameters={"duration": 99})
    task = stored(task)
    task.notes = "seen"
    task.save()
    task.full_clean()
    assert (stored(task).notes, stored(task).credits_estimated) == ("seen", FIVE)


def test_full_clean_asks_the_catalogue(task):
    task.full_clean()
    task.parameters = {"duration": 99}
    with pytest.raises(ValidationError) as caught:
        task.full_clean()
    assert "duration" in caught.value.message_dict["parameters"][0]
    task.inputs.all().delete()
    with pytest.raises(ValidationError) as caught:
        task.full_clean()
    assert codes(caught.value)[NON_FIELD_ERRORS] == ["required"]


def test_full_clean_of_a_new_row_names_its_model_and_waits_for_its_inputs():
    with pytest.raises(ValidationError) as caught:
        VideoTask(model="nonsense", prompt="A cat").full_clean()
    assert codes(caught.value) == {"model": ["unknown_model"]}
    VideoTask(model="wan2.6-image-to-video", prompt="A cat").full_clean()


def test_a_form_of_the_sites_own_shows_what_the_catalogue_refuses(task):
    form_class = modelform_factory(VideoTask, fields=["prompt", "model", "parameters"])
    data = {"prompt": "A cat", "model": task.model, "parameters": '{"duration": 99}'}
    form = form_class(data, instance=task)
    assert set(form.errors) == {"parameters"}
    assert modelform_factory(VideoTask, fields=["notes"])({"notes": "x"}, instance=stored(task)).is_valid()


def test_update_changes_what_is_named_and_prices_it(task):
    assert task.update(prompt="A dog", duration=10) is task
    assert (task.prompt, task.parameters, task.credits_estimated) == ("A dog", {"duration": 10}, TEN)
    assert stored(task).first_frame.url == LINK
    task.update(duration=None, first_frame="https://pictures.example/dog.png", notes="n", metadata={"a": 1})
    task = stored(task)
    assert (task.parameters, task.first_frame.url) == ({"duration": 5}, "https://pictures.example/dog.png")
    assert (task.prompt, task.notes, task.metadata) == ("A dog", "n", {"a": 1})


def test_update_of_what_somebody_else_changed_keeps_their_part(task):
    stored(task).update(notes="theirs")
    task.update(prompt="Mine")
    assert (stored(task).prompt, stored(task).notes) == ("Mine", "theirs")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"duration": 99}, {"duration": ["max_value"]}),
        ({"durtion": 5}, {"durtion": ["unknown_parameter"]}),
        ({"durtion": None}, {"durtion": ["unknown_parameter"]}),
        ({"owner": None}, {"owner": ["fixed"]}),
        ({"model": "nonsense"}, {"model": ["unknown_model"]}),
    ],
)
def test_update_names_what_it_does_not_take_and_changes_nothing(task, changes, expected):
    with pytest.raises(ValidationError) as caught:
        task.update(prompt="A dog", **changes)
    assert codes(caught.value) == expected
    assert stored(task).prompt == "A cat"


def test_update_takes_drafts_only(task):
    task.submit()
    with pytest.raises(TransitionNotAllowed):
        task.update(prompt="A dog")
    VideoTask.objects.filter(pk=task.pk).update(status=TaskStatus.CANCELLED)
    task.delete()
    with pytest.raises(TransitionNotAllowed):
        task.update(prompt="A dog")


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ({"metadta": {}}, "metadata"),
        ({"ownr": None}, "owner"),
        ({"note": "x"}, "notes"),
        ({"fix_input": True}, "fix_inputs"),
    ],
)
def test_a_misspelled_keyword_never_passes(options, meant):
    with pytest.raises(ValidationError) as caught:
        VideoTask.objects.create_task("A cat", LINK, **options)
    (name,) = options
    assert f"“{meant}”" in caught.value.message_dict[name][0]
    assert not VideoTask.objects.exists()


def test_an_unset_parameter_of_another_model_is_nothing():
    assert VideoTask.objects.create_task("A cat", LINK, seed=None, audio=None).parameters == {"duration": 5}


def test_the_async_forms_do_the_same():
    task = async_to_sync(VideoTask.objects.acreate_task)("A cat", LINK, duration=10)
    assert task.credits_estimated == TEN
    assert async_to_sync(task.asubmit)() is task
    assert stored(task).status == TaskStatus.QUEUED
    with pytest.raises(TransitionNotAllowed):
        async_to_sync(task.arefresh)()
