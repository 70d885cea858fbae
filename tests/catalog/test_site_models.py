"""Models that a site adds, changes and leaves out, and those that EvoLink has withdrawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError

from django_wanvideo import catalog
from django_wanvideo.catalog import entries, registry, wan
from django_wanvideo.checks import models as checks
from django_wanvideo.models import VideoTask

FLASH = catalog.get("wan2.6-image-to-video-flash")
FRAME = "https://files.example/a.png"
HERE = "tests.catalog.test_site_models"


def chosen(known):
    """Offer one under another name, one of the site's own, and nothing else."""
    return [replace(FLASH, label="Quick clip"), replace(FLASH, id="shop-clip", short_label="Shop clip")]


def without_flash(known):
    return [spec for spec in known if spec.id != FLASH.id]


def withdrawn(known):
    return [replace(spec, withdrawn=date(2026, 11, 1)) if spec.id == FLASH.id else spec for spec in known]


def twice(known):
    return [*known, known[0]]


def contradicting(known):
    return [replace(FLASH, inputs=()), *known[1:]]


def nothing(known):
    return []


def use(settings, name, **others):
    settings.WANVIDEO = settings.WANVIDEO | {"MODELS": f"{HERE}.{name}" if name else None} | others


def test_every_entry_of_ours_is_without_contradiction():
    assert [list(entries.problems(spec)) for spec in wan.MODELS] == [[]] * 17


def test_a_site_changes_adds_and_leaves_out(settings):
    use(settings, "chosen")
    assert [str(spec.label) for spec in catalog.models()] == ["Quick clip", str(FLASH.label)]
    body = catalog.build_request(catalog.get("shop-clip"), prompt="A cat", inputs={"first_frame": [FRAME]})
    assert body["model"] == "shop-clip"
    assert len(catalog.known()) == 18
    with pytest.raises(ValidationError, match=r"Choose one of wan2\.6-image-to-video-flash, shop-clip"):
        catalog.get("nothing")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["without_flash", "withdrawn"])
def test_a_model_that_is_not_offered_takes_no_new_tasks(settings, name):
    """A model that is not offered takes no new tasks, and its old ones stay what they are."""
    task = VideoTask.objects.create_task("A cat", FRAME)
    use(settings, name, DEFAULT_MODEL="wan2.6-text-to-video")
    assert FLASH.id not in {spec.id for spec in catalog.models()}
    with pytest.raises(ValidationError) as caught:
        VideoTask.objects.create_task("A cat", FRAME, model=FLASH.id)
    assert "is not offered any more" in caught.value.message_dict["model"][0]
    with pytest.raises(ValidationError) as caught:
        task.submit()
    assert set(caught.value.message_dict) == {"model"}
    task.refresh_from_db()
    task.notes = "Kept."
    task.save()
    assert (task.notes, task.status, str(task.credits_estimated)) == ("Kept.", "draft", "11.9000")
    spec = catalog.get(task.model)
    assert str(catalog.estimate(spec, task.parameters)) == "11.9000"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["without_flash", "withdrawn"])
def test_pages_show_tasks_of_a_model_that_is_not_offered(settings, name, admin_client):
    task = VideoTask.objects.create_task("A cat", FRAME)
    use(settings, name, DEFAULT_MODEL="wan2.6-text-to-video")
    page = admin_client.get(f"/admin/wanvideo/videotask/{task.pk}/change/")
    assert page.status_code == 200
    content = page.content.decode()
    assert f'<option value="{FLASH.id}" selected>' in content
    listed = admin_client.get("/admin/wanvideo/videotask/").content.decode()
    assert "Wan 2.6 Flash" in listed
    add = admin_client.get("/admin/wanvideo/videotask/add/").content.decode()
    assert f'value="{FLASH.id}"' not in add


def test_what_was_queued_for_a_model_left_out_is_sent(settings):
    """What was queued before a site left a model out is sent, but nothing to a withdrawn one."""
    use(settings, "without_flash", DEFAULT_MODEL="wan2.6-text-to-video")
    body = catalog.build_request(catalog.get(FLASH.id), prompt="A cat", inputs={"first_frame": [FRAME]})
    assert body["model"] == FLASH.id
    use(settings, "withdrawn", DEFAULT_MODEL="wan2.6-text-to-video")
    with pytest.raises(ValidationError) as caught:
        catalog.build_request(catalog.get(FLASH.id), prompt="A cat", inputs={"first_frame": [FRAME]})
    assert set(caught.value.message_dict) == {"model"}


@pytest.mark.parametrize("path", ["nowhere.models", f"{HERE}.nothing", f"{HERE}.FRAME", f"{HERE}.missing", 5])
def test_a_path_that_gives_no_models_is_one_error(settings, path):
    settings.WANVIDEO = settings.WANVIDEO | {"MODELS": path}
    with pytest.raises(ImproperlyConfigured, match="WANVIDEO\\['MODELS'\\]"):
        catalog.models()
    (message,) = checks.offered()
    assert (message.id, bool(message.hint)) == ("wanvideo.E015", True)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("twice", "wan2.6-image-to-video-flash is there twice"),
        ("contradicting", "wan2.6-image-to-video-flash: it speaks of 'audio', which it does not take"),
    ],
)
def test_wrong_entries_are_named(settings, name, says):
    use(settings, name)
    (message,) = checks.offered()
    assert message.id == "wanvideo.E015"
    assert says in message.msg


def test_the_default_is_one_that_is_offered(settings):
    use(settings, "without_flash", DEFAULT_MODEL=FLASH.id)
    (message,) = checks.offered()
    assert message.id == "wanvideo.E012"


def test_the_function_is_asked_once_for_a_path(settings):
    use(settings, "chosen")
    assert catalog.models()[0] is catalog.models()[0]
    assert registry.find("shop-clip") is registry.find("shop-clip")
