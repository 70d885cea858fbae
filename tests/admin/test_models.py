"""The form of every model: made from its entry, priced, saved and opened again."""

from __future__ import annotations

import html
from decimal import Decimal

import pytest

from django_wanvideo import catalog
from django_wanvideo.admin.batches.detail import quotes
from django_wanvideo.models import VideoTask
from tests.admin.conftest import FLASH, hidden, url
from tests.catalog import wishes
from tests.pictures import picture

pytestmark = pytest.mark.django_db
ALL = pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
CLIP = "https://files.example/a.mp4"


def typed(spec, **changes):
    """What the page of a model sends with what is needed and otherwise as it stands."""
    data = {"model": spec.id, "shown_model": spec.id, "prompt": "A fox trots on", "_save": "1"}
    for item in spec.parameters:
        if item.kind == "boolean":
            data |= {item.name: "on"} if item.default else {}
        else:
            data[item.name] = "" if item.default is None else str(item.default)
    for role, items in wishes.least(spec)[1].items():
        data[f"{role}_url"] = "\n".join(items)
    return data | changes


@ALL
def test_every_form_makes_a_draft_that_can_be_saved_again(admin_client, spec):
    """The form of every model makes a draft that can be opened and saved again."""
    page = admin_client.get(url("add"), {"model": spec.id})
    assert page.status_code == 200
    form = page.context["adminform"].form
    assert set(form.fields) >= {item.name for item in spec.parameters} | {f"{item.role}_url" for item in spec.inputs}
    assert 'value="None"' not in page.content.decode()
    assert ">None<" not in page.content.decode()
    response = admin_client.post(url("add"), typed(spec))
    assert response.status_code == 302, response.context["adminform"].form.errors
    task = VideoTask.objects.get()
    _parameters, inputs = wishes.least(spec)
    assert task.credits_estimated == catalog.estimate(spec, task.parameters, inputs)
    catalog.clean(spec, prompt=task.prompt, parameters=task.parameters, inputs=inputs)
    opened = admin_client.get(url("change", task.pk))
    assert opened.status_code == 200
    shown = opened.context["adminform"].form
    values = {name: shown[name].value() for name in shown.fields if not name.endswith("_file")}
    again = {name: "on" if value is True else value for name, value in values.items() if value not in (None, "")}
    again = {name: value for name, value in again.items() if value is not False}
    again |= {"metadata": "{}", "shown_model": spec.id, "_save": "1"}
    seen = html.unescape(hidden(opened, "seen") or "")
    before = (task.parameters, task.credits_estimated, sorted(task.inputs.values_list("role", "url")))
    response = admin_client.post(url("change", task.pk), again | ({"seen": seen} if seen else {}))
    assert response.status_code == 302, response.context["adminform"].form.errors
    task.refresh_from_db()
    assert (task.parameters, task.credits_estimated, sorted(task.inputs.values_list("role", "url"))) == before


@ALL
def test_what_stands_in_the_form_of_a_model_goes_over_to_every_other(admin_client, spec):
    """A change of the model shows its settings at their defaults, and none of them at a word for nothing."""
    page = admin_client.post(url("add"), typed(catalog.get(FLASH), model=spec.id, _model="1"))
    assert page.status_code == 200
    form = page.context["adminform"].form
    assert form.spec.id == spec.id
    values = {item.name: form[item.name].value() for item in spec.parameters}
    assert "None" not in map(str, [value for value in values.values() if value is not None])
    for item in spec.parameters:
        if item.default is None:
            assert values[item.name] in {None, ""}


def test_the_price_follows_the_number_of_clips(admin_client):
    spec = catalog.get("wan2.7-reference-video")
    data = {item.name: str(item.default) for item in spec.parameters if item.default and item.kind != "boolean"}
    data["model"] = spec.id
    prices = [
        admin_client.get(url("price"), data | ({"reference_videos_count": count} if count else {})).json()
        for count in ("", "1", "2", "x", "99999999")
    ]
    assert [price["credits"] for price in prices] == ["27.2000", "54.4000", "54.4000", "27.2000", "27.2000"]
    assert ["The most that it can be" in price["remark"] for price in prices] == [False, True, True, False, False]
    assert prices[1]["formula"].replace("\xa0", " ") == "10 s × 5.44 = 54.40 credits"


def test_a_length_that_the_model_chooses_is_priced_at_the_most(admin_client):
    data = {"model": "wan3.0-text-to-video", "duration": "-1", "quality": "720p", "aspect_ratio": "adaptive"}
    price = admin_client.get(url("price"), data).json()
    assert price["credits"] == "153.0000"
    assert "The most that it can be" in price["remark"]


def test_a_last_frame_survives_a_form_that_was_refused(admin_client):
    """A picture for another role than the first is kept too, so that nothing is made without it."""
    spec = catalog.get("wan2.7-image-to-video")
    frames = {
        "first_frame_file": picture(name="a.jpg"),
        "last_frame_file": picture(name="b.jpg"),
        "first_frame_url": "",
    }
    page = admin_client.post(url("add"), typed(spec, duration="99", **frames))
    kept = {name: hidden(page, name) for name in ("first_frame_kept", "last_frame_kept")}
    assert all(kept.values())
    assert "Preview of b.jpg" in page.content.decode()
    response = admin_client.post(url("add"), typed(spec, first_frame_url="", **kept))
    assert response.status_code == 302, response.context["adminform"].form.errors
    task = VideoTask.objects.get()
    assert sorted(task.inputs.values_list("role", flat=True)) == ["first_frame", "last_frame"]
    body = catalog.build_request(
        spec, prompt=task.prompt, parameters=task.parameters, inputs={"first_frame": [CLIP], "last_frame": [CLIP]}
    )
    assert body["generation_mode"] == "first_last_frame"


def test_a_format_is_left_out_beside_a_first_frame(admin_client):
    """A format is left out beside a first frame, also when the draft is saved again."""
    spec = catalog.get("wan2.7-reference-video")
    frame = {"first_frame_file": picture(name="a.jpg")}
    assert admin_client.post(url("add"), typed(spec, **frame)).status_code == 302
    task = VideoTask.objects.get()
    assert "aspect_ratio" not in task.parameters
    response = admin_client.post(url("change", task.pk), typed(spec, prompt="Another"))
    assert response.status_code == 302, response.context["adminform"].form.errors
    task.refresh_from_db()
    assert (task.prompt, "aspect_ratio" in task.parameters, task.inputs.count()) == ("Another", False, 2)


def test_a_batch_is_priced_by_the_clips_of_each_row():
    spec = catalog.get("wan2.6-reference-video")
    for count in (1, 3, 3):
        VideoTask.objects.create_task("A cat", model=spec.id, reference_videos=[CLIP] * count)
    assert quotes.quote(VideoTask.objects.all()).credits == Decimal("47.6") + 2 * Decimal("47.362")


def test_what_was_typed_into_a_draft_that_was_sent_keeps_its_last_frame(admin_client):
    spec = catalog.get("wan2.7-image-to-video")
    frames = {
        "first_frame_file": picture(name="a.jpg"),
        "last_frame_file": picture(name="b.jpg"),
        "first_frame_url": "",
    }
    admin_client.post(url("add"), typed(spec, **frames))
    task = VideoTask.objects.get()
    VideoTask.objects.update(status="queued")
    page = admin_client.post(url("change", task.pk), typed(spec, prompt="Another", first_frame_url=""))
    assert page.status_code == 200
    assert hidden(page, "first_frame_kept")
    assert hidden(page, "last_frame_kept")
