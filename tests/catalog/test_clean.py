from __future__ import annotations

import copy
from enum import IntEnum, StrEnum

import pytest
from django.core.exceptions import ValidationError
from django.utils.functional import Promise

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole

FLASH = catalog.get("wan2.6-image-to-video-flash")


def problems(spec=FLASH, prompt="A cat plays the piano", parameters=None, inputs=None):
    """Return the messages by field; an empty dict when there is nothing to complain about."""
    given = {"first_frame": ["https://example.com/cat.png"]} if inputs is None else inputs
    try:
        catalog.clean(spec, prompt=prompt, parameters=parameters or {}, inputs=given)
    except ValidationError as error:
        return error.message_dict
    return {}


def codes(spec=FLASH, field="", **kwargs):
    with pytest.raises(ValidationError) as caught:
        catalog.clean(spec, **{"prompt": "A cat", "inputs": {"first_frame": [object()]}} | kwargs)
    return [error.code for error in caught.value.error_dict[field]]


def test_prompt_and_first_frame_are_enough():
    """A prompt and a first frame are enough and only the duration is filled in."""
    assert catalog.clean(FLASH, prompt="A cat", parameters={}, inputs={"first_frame": [object()]}) == {"duration": 5}


def test_parameters_may_be_left_out_altogether():
    assert catalog.clean(FLASH, prompt="A cat", inputs={"first_frame": [object()]}) == {"duration": 5}


def test_everything_that_was_chosen_is_kept_in_the_catalogues_order():
    chosen = {
        "shot_type": "multi",
        "prompt_extend": True,
        "generate_audio": False,
        "quality": "1080p",
        "duration": 15,
    }
    cleaned = catalog.clean(FLASH, prompt="A cat", parameters=chosen, inputs={InputRole.FIRST_FRAME: [object()]})
    assert cleaned == chosen
    assert list(cleaned) == ["duration", "quality", "generate_audio", "prompt_extend", "shot_type"]


def test_none_stands_for_unset_even_for_a_parameter_of_another_model():
    unset = {"duration": None, "quality": None, "seed": None}
    inputs = {"first_frame": [object()], "audio": None, "last_frame": None}
    assert catalog.clean(FLASH, prompt="A cat", parameters=unset, inputs=inputs) == {"duration": 5}


def test_cleaning_changes_nothing_that_it_was_given():
    parameters = {"duration": 7, "quality": None, "prompt_extend": False}
    inputs = {"first_frame": ["https://example.com/cat.png", None], "audio": ()}
    before = copy.deepcopy((parameters, inputs))
    catalog.clean(FLASH, prompt="A cat", parameters=parameters, inputs=inputs)
    catalog.build_request(
        FLASH, prompt="A cat", parameters=parameters, inputs=inputs, callback_url="https://a.example/"
    )
    catalog.estimate(FLASH, parameters)
    assert (parameters, inputs) == before


@pytest.mark.parametrize("prompt", ["", None, " ", "\n\t\r\n", "\u200b\ufeff", "\u00a0\u2003"])
def test_a_prompt_that_shows_nothing_is_missing(prompt):
    assert codes(field="prompt", prompt=prompt) == ["required"]


@pytest.mark.parametrize("character", ["a", "é", "字", "🎹", "\n"])
def test_a_prompt_is_measured_in_code_points(character):
    assert problems(prompt="A" + character * 1498 + "B") == {}
    messages = problems(prompt="A" + character * 1500 + "B")["prompt"]
    assert messages == ["The prompt has 1502 characters; this model takes 1500. Shorten it by 2."]


@pytest.mark.parametrize("prompt", ["a\x00b", "a\ud83d", "\udc00a"])
def test_a_prompt_with_characters_that_cannot_be_sent_is_refused(prompt):
    assert codes(field="prompt", prompt=prompt) == ["invalid_characters"]


@pytest.mark.parametrize("prompt", [5, True, ["A cat"], {"text": "A cat"}, b"A cat"])
def test_a_prompt_is_text(prompt):
    assert codes(field="prompt", prompt=prompt) == ["invalid"]


@pytest.mark.parametrize("duration", range(2, 16))
def test_any_whole_number_of_seconds_from_2_to_15_is_taken(duration):
    assert FLASH.parameter("duration").clean(duration) == duration


@pytest.mark.parametrize(
    ("duration", "code"),
    [(1, "min_value"), (0, "min_value"), (-5, "min_value"), (16, "max_value")],
)
def test_a_duration_outside_its_limits_names_them(duration, code):
    assert codes(field="duration", parameters={"duration": duration}) == [code]
    (message,) = problems(parameters={"duration": duration})["duration"]
    assert message.startswith("Choose from 2 to 15\xa0s;")


def test_a_number_too_large_to_print_is_described():
    assert problems(parameters={"duration": 10**5000})["duration"] == [
        "Choose from 2 to 15\xa0s; a very large number is outside.",
    ]


@pytest.mark.parametrize(
    ("duration", "said"),
    [
        (True, "true"),
        ("5", "the text “5”"),
        (5.0, "5.0"),
        (5.5, "5.5"),
        (float("nan"), "nan"),
        ([5], "a list"),
        ({}, "an object"),
    ],
)
def test_a_duration_that_is_no_whole_number_is_refused_and_quoted(duration, said):
    assert problems(parameters={"duration": duration})["duration"] == [
        f"Give a whole number from 2 to 15\xa0s, such as 5, without a decimal point; got {said}.",
    ]


@pytest.mark.parametrize("quality", ["480p", "4k", "720P", "", 720, True, ["720p"], {}])
def test_an_unknown_quality_is_answered_with_the_known_ones(quality):
    (message,) = problems(parameters={"quality": quality})["quality"]
    assert message.startswith("Choose one of 720p, 1080p; got ")


@pytest.mark.parametrize("name", ["generate_audio", "prompt_extend"])
@pytest.mark.parametrize("value", [0, 1, "true", "", [], {}, 1.0])
def test_switches_are_true_or_false_and_nothing_that_resembles_it(name, value):
    assert codes(field=name, parameters={name: value}) == ["invalid"]


def test_values_come_out_in_plain_types():
    class Seconds(IntEnum):
        FIVE = 5

    class Quality(StrEnum):
        HIGH = "1080p"

    cleaned = catalog.clean(
        FLASH,
        prompt="A cat",
        parameters={"duration": Seconds.FIVE, "quality": Quality.HIGH},
        inputs={"first_frame": [1]},
    )
    assert [type(value) for value in cleaned.values()] == [int, str]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("qualty", "Did you mean “quality”?"),
        ("Duration", "Did you mean “duration”?"),
        ("audio_generate", "Did you mean “generate_audio”?"),
        ("shottype", "Did you mean “shot_type”?"),
        ("model_params", "Did you mean “shot_type”?"),
        ("image_urls", "Did you mean “first_frame”?"),
        ("audio_url", "Did you mean “audio”?"),
        ("xyzzy", "Wan 2.6 Flash takes duration, quality, generate_audio, prompt_extend, shot_type."),
        ("", "Wan 2.6 Flash takes duration"),
        ("aspect_ratio", "or choose a model that does: Wan 2.6 text to video, Wan 2.6 Flash reference"),
        (
            "seed",
            "Wan 2.6 Flash does not take “seed”. Leave it out, or choose a model that does: Wan 2.7 text to video",
        ),
        ("negative_prompt", "Wan 2.6 Flash does not take “negative_prompt”."),
        ("first_frame", "Give “first_frame” as an input"),
        ("callback_url", "does not belong among the parameters"),
        ("prompt", "does not belong among the parameters"),
    ],
)
def test_an_unknown_parameter_is_named_with_what_was_probably_meant(name, part):
    (message,) = problems(parameters={name: 1})[name]
    assert part in message


def test_unknown_names_are_cut_and_made_printable():
    (field,) = problems(parameters={"\ud800" + "x" * 500: 1})
    assert len(field) == 60
    field.encode()


@pytest.mark.parametrize("parameters", [[], "duration=5", 5, True])
def test_parameters_are_given_by_name(parameters):
    if not parameters:
        parameters = [1]
    assert codes(field="parameters", parameters=parameters) == ["invalid"]
    assert codes(field="parameters", parameters={5: 5}) == ["invalid"]


@pytest.mark.parametrize("inputs", [{}, None, {"first_frame": []}, {"first_frame": None}, {"first_frame": [None]}])
def test_a_missing_first_frame_is_asked_for(inputs):
    assert codes(field="first_frame", inputs=inputs) == ["required"]


def test_two_first_frames_are_one_too_many():
    assert problems(inputs={"first_frame": ["a", "b"]}) == {
        "first_frame": ["Wan 2.6 Flash takes at most 1 picture (first frame); 2 were given. Remove the others."],
    }


@pytest.mark.parametrize("role", ["last_frame", "reference_images", "source_video", "voices", "document"])
def test_an_input_that_the_model_does_not_take_is_refused(role):
    assert problems(inputs={"first_frame": [1], role: [2]}) == {
        role: [f"Wan 2.6 Flash does not take “{role}”. Remove it."],
    }


@pytest.mark.parametrize(("role", "part"), [("frst_frame", "mean “first_frame”?"), ("zz", "takes first_frame, audio.")])
def test_an_unknown_role_is_named_with_what_was_probably_meant(role, part):
    (message,) = problems(inputs={"first_frame": [1], role: [2]})[role]
    assert part in message


@pytest.mark.parametrize("items", ["https://example.com/cat.png", 5, {"a": 1}])
def test_inputs_come_in_lists(items):
    assert codes(field="first_frame", inputs={"first_frame": items}) == ["invalid"]


def test_shots_cannot_be_chosen_while_rewriting_is_off():
    parameters = {"shot_type": "single", "prompt_extend": False}
    assert codes(field="shot_type", parameters=parameters) == ["requires"]
    assert set(problems(parameters=parameters)) == {"shot_type"}


@pytest.mark.parametrize("parameters", [{"shot_type": "multi"}, {"shot_type": "multi", "prompt_extend": True}])
def test_shots_can_be_chosen_while_rewriting_is_on_by_choice_or_default(parameters):
    assert problems(parameters=parameters) == {}


def test_a_silent_video_takes_no_sound():
    inputs = {"first_frame": [1], "audio": [2]}
    assert set(problems(parameters={"generate_audio": False}, inputs=inputs)) == {"generate_audio"}
    assert problems(parameters={"generate_audio": True}, inputs=inputs) == {}
    assert problems(parameters={"generate_audio": False}, inputs={"first_frame": [1], "audio": []}) == {}


def test_all_problems_are_told_at_once():
    found = problems(
        prompt=" ",
        parameters={"duration": 99, "quality": "8k", "shot_type": "multi", "prompt_extend": False, "sed": 1},
        inputs={"first_frame": [1, 2], "last_frame": [3]},
    )
    assert set(found) == {"prompt", "duration", "quality", "shot_type", "sed", "first_frame", "last_frame"}


@pytest.mark.parametrize("model", ["wan2.5-image-to-video", "wan2.5-text-to-video"])
def test_wan_25_makes_5_or_10_seconds(model):
    duration = catalog.get(model).parameter("duration")
    assert [duration.clean(value) for value in (5, 10)] == [5, 10]
    for value in (2, 7, 15, 5.0, True, "5"):
        with pytest.raises(ValidationError, match="Choose one of 5, 10; got"):
            duration.clean(value)


def test_wan_25_has_fewer_formats_at_480p():
    spec = catalog.get("wan2.5-text-to-video")
    assert set(problems(spec, parameters={"aspect_ratio": "4:3", "quality": "480p"}, inputs={})) == {"aspect_ratio"}
    assert problems(spec, parameters={"aspect_ratio": "1:1", "quality": "480p"}, inputs={}) == {}
    assert problems(spec, parameters={"aspect_ratio": "4:3"}, inputs={}) == {}


def test_models_differ_in_what_they_take():
    plain, text = catalog.get("wan2.6-image-to-video"), catalog.get("wan2.6-text-to-video")
    assert set(problems(plain, parameters={"generate_audio": True})) == {"generate_audio"}
    assert problems(text, parameters={"aspect_ratio": "9:16"}, inputs={}) == {}
    assert set(problems(text, inputs={"first_frame": [1]})) == {"first_frame"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("duration", " 7 ", 7),
        ("quality", "1080p", "1080p"),
        ("prompt_extend", "off", False),
        ("generate_audio", "TRUE", True),
    ],
)
def test_text_of_a_form_or_command_line_is_read(name, text, value):
    parsed = FLASH.parameter(name).parse(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_text_is_read_for_choices_that_are_numbers():
    assert catalog.get("wan2.5-image-to-video").parameter("duration").parse("10") == 10


@pytest.mark.parametrize(
    ("name", "text"), [("duration", "5.5"), ("duration", ""), ("duration", "9" * 5000), ("prompt_extend", "maybe")]
)
def test_text_that_means_no_value_is_refused(name, text):
    with pytest.raises(ValidationError):
        FLASH.parameter(name).parse(text)


def test_messages_wait_for_the_readers_language():
    with pytest.raises(ValidationError) as caught:
        catalog.clean(
            FLASH,
            prompt=" ",
            parameters={
                "duration": 99,
                "quality": "8k",
                "generate_audio": 1,
                "shot_type": "multi",
                "prompt_extend": False,
                "seed": 1,
                "qualty": 1,
                "xyzzy": 1,
            },
            inputs={"audio": [1, 2], "last_frame": [1], "xyzzy": [1]},
        )
    errors = [error for found in caught.value.error_dict.values() for error in found]
    assert len(errors) == 12
    assert all(isinstance(error.message, Promise) for error in errors)
