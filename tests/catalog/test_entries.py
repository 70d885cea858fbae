from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import re

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import catalog, conf
from django_wanvideo.catalog import validation
from django_wanvideo.catalog.images import files
from django_wanvideo.catalog.inputs import MEGABYTE
from django_wanvideo.choices import InputRole
from tests.catalog import wishes

FLASH = catalog.get("wan2.6-image-to-video-flash")
ALL = pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)


def test_flash_comes_first_and_every_model_is_found_by_its_id():
    assert catalog.models()[0].id == "wan2.6-image-to-video-flash"
    assert catalog.models()[0].id == conf.Conf.__dict__["DEFAULT_MODEL"].default
    # Each family stands together, in the order in which people see it.
    generations = [spec.id.partition("-")[0] for spec in catalog.models()]
    assert list(dict.fromkeys(generations)) == ["wan2.6", "wan2.7", "wan3.0", "wan2.5"]
    assert generations == sorted(generations, key=["wan2.6", "wan2.7", "wan3.0", "wan2.5"].index)
    assert all(catalog.get(spec.id) is spec for spec in catalog.models())


@pytest.mark.parametrize(
    ("model_id", "part"),
    [
        ("wan2.6-image-to-video-fast", "Did you mean “wan2.6-image-to-video-flash”?"),
        ("WAN2.6-TEXT-TO-VIDEO", "Did you mean “wan2.6-text-to-video”?"),
        ("sora", "Choose one of wan2.6-image-to-video-flash, "),
        ("", "Choose one of wan2.6-image-to-video-flash, "),
        (None, "such as wan2.6-image-to-video-flash"),
        (["wan2.6-image-to-video-flash"], "got a list"),
        ("x" * 100_000, "xxx…”"),
    ],
)
def test_an_unknown_model_is_named_with_what_was_probably_meant(model_id, part):
    with pytest.raises(ValidationError) as caught:
        catalog.get(model_id)
    (message,) = caught.value.message_dict["model"]
    assert part in message


def test_flash_is_what_evolink_documents():
    assert (FLASH.prompt.required, FLASH.prompt.max_length) == (True, 1500)
    facts = {
        item.name: (
            item.kind,
            item.default,
            item.minimum,
            item.maximum,
            [value for value, _label in item.choices],
            item.request_field,
        )
        for item in FLASH.parameters
    }
    assert facts == {
        "duration": ("integer", 5, 2, 15, [], "duration"),
        "quality": ("choice", "720p", None, None, ["720p", "1080p"], "quality"),
        "generate_audio": ("boolean", True, None, None, [], "generate_audio"),
        "prompt_extend": ("boolean", True, None, None, [], "prompt_extend"),
        "shot_type": ("choice", "single", None, None, ["single", "multi"], "model_params.shot_type"),
    }
    assert [item.name for item in FLASH.parameters if item.always_sent] == ["duration"]
    assert FLASH.parameter("duration").unit == "s"


def test_flash_takes_one_picture_and_perhaps_a_sound():
    frame, audio = FLASH.inputs
    assert (frame.role, frame.required, frame.max_items, frame.request_field, frame.as_list) == (
        InputRole.FIRST_FRAME,
        True,
        1,
        "image_urls",
        True,
    )
    assert set(frame.formats) == {"JPEG", "PNG", "WEBP", "BMP"}
    assert (frame.max_bytes, frame.min_side, frame.max_side, frame.allow_transparency) == (10_000_000, 360, 2000, False)
    assert (audio.role, audio.required, audio.max_items, audio.request_field, audio.as_list) == (
        InputRole.AUDIO,
        False,
        1,
        "audio_url",
        False,
    )
    assert (audio.formats, audio.max_bytes, audio.min_seconds, audio.max_seconds) == (("MP3",), 15_000_000, 3, 30)


def test_questions_about_parts_of_a_model_are_answered_by_name():
    assert FLASH.parameter("quality").name == "quality"
    assert FLASH.input("first_frame") is FLASH.input(InputRole.FIRST_FRAME)
    assert FLASH.has_role("audio")
    assert not FLASH.has_role(InputRole.LAST_FRAME)
    with pytest.raises(KeyError):
        FLASH.parameter("seed")
    with pytest.raises(KeyError):
        FLASH.input("last_frame")


def test_file_fields_know_what_to_offer():
    assert FLASH.input("first_frame").accept == "image/jpeg,image/png,image/webp,image/bmp"
    assert FLASH.input("audio").accept == "audio/mpeg"


@ALL
def test_the_data_cannot_be_changed_by_accident(spec):
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.id = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.parameters[0].default = 1
    hash(spec)


@ALL
def test_the_data_survives_being_copied_and_sent_to_another_process(spec):
    assert copy.deepcopy(spec).id == spec.id
    again = pickle.loads(pickle.dumps(spec))
    _parameters, inputs = wishes.least(spec)
    length = catalog.clean(again, prompt="x", inputs=inputs)["duration"]
    assert length == spec.parameter("duration").default


@ALL
def test_everything_that_a_form_shows_has_words(spec):
    assert spec.label
    assert spec.short_label
    assert spec.prompt.label
    assert spec.prompt.help_text
    for item in (*spec.parameters, *spec.inputs):
        assert str(item.label)
    for parameter in spec.parameters:
        assert all(str(option.label) for option in parameter.options)
        assert bool(parameter.options) is (parameter.kind == "choice")
    assert all(str(item.help_text) for item in spec.inputs)


@ALL
def test_every_default_is_a_value_that_the_parameter_takes(spec):
    for parameter in spec.parameters:
        if parameter.default is None:
            assert str(parameter.unset_label)
        else:
            assert parameter.clean(parameter.default) == parameter.default
        assert parameter.name in validation.FAMILY_PARAMETERS


@ALL
def test_rules_speak_of_fields_that_exist_and_can_be_read_by_a_form(spec):
    names = {parameter.name for parameter in spec.parameters} | {item.role.value for item in spec.inputs}
    for rule in spec.rules:
        shown = json.loads(json.dumps(rule.as_dict()))
        assert {shown["parameter"], *shown["others"]} <= names
        assert shown["kind"] in {"requires", "excludes"}
        assert shown["message"]


def test_rules_as_json_say_what_the_server_checks():
    assert [
        {key: rule.as_dict()[key] for key in ("kind", "parameter", "values", "others")} for rule in FLASH.rules
    ] == [
        {"kind": "requires", "parameter": "shot_type", "values": [], "others": {"prompt_extend": True}},
        {"kind": "excludes", "parameter": "generate_audio", "values": [False], "others": {"audio": True}},
    ]


@ALL
def test_help_texts_and_limits_agree(spec):
    for item in spec.inputs:
        words = re.findall(r"\d+", str(item.help_text).replace("MP3", "").replace("MP4", ""))
        limits = [item.min_side, item.max_side, item.min_seconds, item.max_seconds, item.max_bytes // MEGABYTE]
        limits += [item.max_ratio, item.max_pages, item.total_seconds_with_video]
        limits += [item.total_seconds if item.total_seconds_with_video is None else None]
        assert {int(word) for word in words} == {limit for limit in limits if limit is not None}


@ALL
def test_every_picture_that_a_model_takes_is_decoded_before_it_is_paid_for(spec):
    for item in spec.inputs:
        if item.media == "image":
            assert set(item.formats) <= set(files.FORMATS)
            assert item.max_side**2 <= files.MAX_PIXELS
            assert item.max_bytes <= files.MAX_READ_BYTES
