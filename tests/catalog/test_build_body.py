"""The request, held against EvoLink's own API description where that is at hand."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import catalog
from tests.catalog import schema

FLASH = catalog.get("wan2.6-image-to-video-flash")
FRAME = "https://example.com/cat.png"
SOUND = "https://example.com/purr.mp3"
CALLBACK = "https://site.example/wanvideo/callbacks/1/token/"


def test_only_the_duration_is_sent_unasked():
    assert catalog.build_request(FLASH, prompt="A cat", inputs={"first_frame": [FRAME]}) == {
        "model": "wan2.6-image-to-video-flash",
        "prompt": "A cat",
        "image_urls": [FRAME],
        "duration": 5,
    }


def test_everything_chosen_goes_where_evolink_reads_it():
    body = catalog.build_request(
        FLASH,
        prompt="A cat\n",
        parameters={
            "duration": 7,
            "quality": "1080p",
            "generate_audio": True,
            "prompt_extend": True,
            "shot_type": "multi",
        },
        inputs={"first_frame": (FRAME,), "audio": [SOUND]},
        callback_url=CALLBACK,
    )
    assert body == {
        "model": "wan2.6-image-to-video-flash",
        "prompt": "A cat\n",
        "image_urls": [FRAME],
        "audio_url": SOUND,
        "duration": 7,
        "quality": "1080p",
        "generate_audio": True,
        "prompt_extend": True,
        "model_params": {"shot_type": "multi"},
        "callback_url": CALLBACK,
    }


def test_false_is_sent_and_none_is_not():
    body = catalog.build_request(
        FLASH,
        prompt="A cat",
        parameters={"generate_audio": False, "quality": None},
        inputs={"first_frame": [FRAME], "audio": None},
    )
    assert body["generate_audio"] is False
    assert {"quality", "audio_url", "callback_url"}.isdisjoint(body)


@pytest.mark.parametrize(
    "wrong",
    [{"parameters": {"seed": 1}}, {"parameters": {"duration": 16}}, {"inputs": {}}, {"prompt": ""}],
)
def test_nothing_is_built_that_would_be_refused(wrong):
    with pytest.raises(ValidationError):
        catalog.build_request(FLASH, **{"prompt": "A cat", "inputs": {"first_frame": [FRAME]}} | wrong)


def test_two_bodies_share_nothing():
    first, second = (
        catalog.build_request(FLASH, prompt="A cat", parameters={"shot_type": "multi"}, inputs={"first_frame": [FRAME]})
        for _ in range(2)
    )
    first["model_params"]["shot_type"] = "single"
    first["image_urls"].append("x")
    assert second["model_params"] == {"shot_type": "multi"}
    assert second["image_urls"] == [FRAME]


def documented(spec):
    return schema.contract()[spec.id]


@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_no_documented_field_is_left_out_of_the_catalogue(spec):
    known = {"model", "prompt", "callback_url"} | {name for name, _reason in spec.not_sent}
    known |= {item.request_field for item in spec.parameters if item.request_field}
    known |= {field for item in spec.inputs for field in item.request_fields}
    assert schema.leaves(documented(spec)) == known


@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_the_limits_are_the_documented_ones(spec):
    fields = documented(spec)["properties"]
    # Wan 3.0's page states it in words only.
    assert fields["prompt"].get("maxLength", 20_000) == spec.prompt.max_length
    assert ("prompt" in documented(spec)["required"]) is spec.prompt.required
    for item in spec.parameters:
        field = schema.find(documented(spec), item.request_field) if item.request_field else {}
        if "enum" in field:
            assert {option.value for option in item.options} == set(field["enum"])
        if item.kind == "text" and field:
            assert field["maxLength"] == item.max_length
        if item.kind == "integer" and "minimum" in field:
            values = [item.minimum, item.maximum, *(option.value for option in item.also)]
            assert (min(values), max(values)) == (field["minimum"], field["maximum"])
    for item in spec.inputs:
        field = schema.find(documented(spec), item.request_field)
        assert (field["type"] == "array") is item.as_list
        # What two kinds of inputs share, or a page states in words only, has no number here.
        assert field.get("maxItems", item.max_items) == item.max_items
        assert item.required is (item.request_field in documented(spec)["required"])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"duration": 16}, "duration"),
        ({"duration": 1}, "duration"),
        ({"duration": True}, "duration"),
        ({"image_urls": ["a", "b"]}, "image_urls"),
        ({"image_urls": None}, "image_urls"),
        ({"seed": 1}, "seed"),
        ({"model_params": {"shot_type": "two"}}, "shot_type"),
        ({"prompt": "x" * 1501}, "prompt"),
        ({"model": "other"}, "model"),
    ],
)
def test_the_check_against_the_description_can_fail(change, part):
    body = catalog.build_request(FLASH, prompt="A cat", inputs={"first_frame": [FRAME]}) | change
    assert part in " ".join(schema.problems(documented(FLASH), body))
