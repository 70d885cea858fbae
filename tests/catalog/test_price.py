from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole
from django_wanvideo.spending.money import money

FLASH = catalog.get("wan2.6-image-to-video-flash")

#: Seconds to credits, as EvoLink's price list gives them.
TABLE = {
    ("720p", True): {2: "6", 3: "7.14", 5: "11.90", 10: "23.80", 15: "35.70"},
    ("720p", False): {2: "6", 3: "6", 5: "6", 10: "11.90", 15: "17.85"},
    ("1080p", True): {2: "7.9492", 3: "11.9238", 5: "19.873", 10: "39.746", 15: "59.619"},
    ("1080p", False): {2: "6", 3: "6", 5: "9.9365", 10: "19.873", 15: "29.8095"},
}
CELLS = [
    (quality, sound, seconds, expected) for (quality, sound), row in TABLE.items() for seconds, expected in row.items()
]


@pytest.mark.parametrize(("quality", "sound", "seconds", "expected"), CELLS)
def test_flash_costs_what_the_price_list_says(quality, sound, seconds, expected):
    parameters = {"duration": seconds, "quality": quality, "generate_audio": sound}
    amount = catalog.estimate(FLASH, parameters)
    assert amount == Decimal(expected)
    assert amount.as_tuple().exponent == -4
    assert FLASH.price.is_minimum(parameters) is (expected == "6")


@pytest.mark.parametrize(
    ("quality", "sound", "rate"),
    [("720p", True, "2.38"), ("720p", False, "1.19"), ("1080p", True, "3.9746"), ("1080p", False, "1.9873")],
)
def test_the_rate_for_one_second_is_known_for_display(quality, sound, rate):
    values = FLASH.effective_values({"quality": quality, "generate_audio": sound})
    assert FLASH.price.rate_for(values) == Decimal(rate)


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("wan2.6-image-to-video", {"duration": 5}, "23.80"),
        ("wan2.6-image-to-video", {"duration": 5, "quality": "1080p"}, "39.746"),
        ("wan2.6-text-to-video", {"duration": 2}, "9.52"),
        ("wan2.5-image-to-video", {"duration": 5, "quality": "480p"}, "12.75"),
        ("wan2.5-text-to-video", {"duration": 10, "quality": "1080p"}, "85.17"),
        ("wan2.7-text-to-video", {}, "27.2"),
        ("wan2.7-text-to-video", {"duration": 2}, "10.88"),
        ("wan2.7-image-to-video", {"duration": 15, "quality": "1080p"}, "136.272"),
        ("wan2.7-video-edit", {}, "108.8"),
        ("wan2.7-video-edit", {"quality": "1080p"}, "181.696"),
        ("wan2.7-video-edit", {"duration": 4}, "76.16"),
        ("wan3.0-text-to-video", {"duration": 2, "quality": "480p"}, "5.1"),
        ("wan3.0-text-to-video", {"duration": -1}, "153"),
        ("wan3.0-text-to-video", {"duration": -1, "quality": "480p", "generate_audio": False}, "76.5"),
        ("wan3.0-image-to-video", {"duration": 30, "quality": "1080p"}, "306"),
        ("wan3.0-prime-text-to-video", {"duration": 2, "quality": "480p"}, "7.8608"),
        ("wan3.0-prime-image-to-video", {}, "40.4831"),
        ("wan3.0-prime-text-to-video", {"duration": 10, "quality": "1080p"}, "161.9325"),
    ],
)
def test_the_other_models_cost_their_own_rate(model, parameters, expected):
    spec = catalog.get(model)
    inputs = {item.role.value: ["https://files.example/a.mp4"] for item in spec.inputs if item.required}
    assert catalog.estimate(spec, parameters, inputs) == Decimal(expected)


@pytest.mark.parametrize(
    ("model", "lengths", "seconds"),
    [
        # Clips whose length nobody knows count as long ones.
        ("wan2.6-reference-video", [None], "5"),
        ("wan2.6-reference-video", [None, None], "5"),
        ("wan2.6-reference-video", [None, None, None], "4.95"),
        ("wan2.6-reference-video", ["3"], "3"),
        ("wan2.6-reference-video", ["30", "2"], "4.5"),
        ("wan2.6-reference-video", ["2", "2", "30"], "4.95"),
        ("wan2.6-reference-video-flash", ["2.25", None], "4.75"),
        ("wan2.7-reference-video", [], "0"),
        ("wan2.7-reference-video", ["1.5", "2"], "3.5"),
        ("wan2.7-reference-video", ["4", "4"], "5"),
        ("wan2.7-reference-video", [None, "1"], "5"),
        ("wan2.7-video-edit", ["6.5"], "6.5"),
        ("wan3.0-reference-video", ["4", "9"], "13"),
        ("wan3.0-reference-video", ["14", "9"], "15"),
        ("wan3.0-prime-reference-video", [None], "15"),
        ("wan2.7-image-to-video", ["8"], "0"),
    ],
)
def test_seconds_of_clips_are_billed_up_to_the_documented_most(model, lengths, seconds):
    spec = catalog.get(model)
    role = InputRole.SOURCE_VIDEO if spec.has_role(InputRole.SOURCE_VIDEO) else InputRole.REFERENCE_VIDEOS
    clips = [catalog.MediaFacts(seconds=Decimal(length)) if length else object() for length in lengths]
    values = spec.effective_values({"duration": 5})
    assert spec.price.billed_seconds(values, {role: clips}) == 5 + Decimal(seconds)
    assert spec.price.is_upper_limit(values, {role: clips}) is (None in lengths)
    expected = max(spec.price.minimum, (5 + Decimal(seconds)) * spec.price.rate_for(values))
    assert catalog.estimate(spec, {"duration": 5}, {role: clips}) == expected.quantize(Decimal("0.0001"))


def test_what_is_not_chosen_is_priced_by_its_default():
    assert (
        catalog.estimate(FLASH, {}) == catalog.estimate(FLASH, {"duration": None, "quality": None}) == Decimal("11.9")
    )


def test_parameters_that_cost_nothing_do_not_disturb_the_estimate():
    assert catalog.estimate(FLASH, {"shot_type": 7, "unknown": []}) == Decimal("11.9")


def test_a_value_without_a_price_is_named_and_never_guessed():
    with pytest.raises(ValidationError) as caught:
        catalog.estimate(FLASH, {"duration": "5", "quality": "8k", "generate_audio": 1})
    assert set(caught.value.message_dict) == {"duration", "quality", "generate_audio"}


@pytest.mark.parametrize(
    ("amount", "dollars"),
    [("68", "1"), ("11.90", "0.175"), ("6", "0.0882"), ("59.619", "0.8768"), ("29.8095", "0.4384"), ("2.38", "0.035")],
)
def test_68_credits_are_one_dollar(amount, dollars):
    worth, currency = money(Decimal(amount))
    assert (round(worth, 4), currency) == (Decimal(dollars), "USD")


def test_fractions_of_evolinks_unit_are_rounded_half_up():
    rule = catalog.PriceRule(rate=Decimal("0.00005"), minimum=Decimal(0), as_of=date(2026, 1, 1))
    assert [rule.credits({"duration": seconds}) for seconds in (1, 2, 3)] == [
        Decimal("0.0001"),
        Decimal("0.0001"),
        Decimal("0.0002"),
    ]


@pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
def test_every_choice_of_every_priced_parameter_has_a_price(spec):
    assert spec.price.as_of == date(2026, 10, 10)
    for multiplier in spec.price.multipliers:
        parameter = spec.parameter(multiplier.parameter)
        values = [option.value for option in parameter.options] or [True, False]
        assert [value for value, _factor in multiplier.values] == values
    assert catalog.estimate(spec, {}) > 0


def test_a_factor_is_not_found_by_a_value_that_only_equals_it():
    with pytest.raises(LookupError):
        FLASH.price.rate_for({"duration": 5, "quality": "720p", "generate_audio": 1})


def test_every_model_has_the_minimum_of_the_price_list():
    minimums = {spec.id: str(spec.price.minimum) for spec in catalog.models()}
    assert minimums == {
        "wan2.6-image-to-video-flash": "6",
        "wan2.6-image-to-video": "6",
        "wan2.6-reference-video-flash": "9",
        "wan2.6-reference-video": "9",
        "wan2.7-text-to-video": "10.88",
        "wan2.7-image-to-video": "10.88",
        "wan2.7-reference-video": "10.88",
        "wan2.7-video-edit": "10.88",
        "wan3.0-text-to-video": "5.1",
        "wan3.0-image-to-video": "5.1",
        "wan3.0-reference-video": "5.1",
        "wan3.0-prime-text-to-video": "7.8608",
        "wan3.0-prime-image-to-video": "7.8608",
        "wan3.0-prime-reference-video": "7.8608",
        "wan2.6-text-to-video": "6",
        "wan2.5-image-to-video": "5.1",
        "wan2.5-text-to-video": "5.1",
    }


@pytest.mark.parametrize("seconds", ["5", 5.0, None])
def test_the_rule_itself_counts_whole_seconds_only(seconds):
    with pytest.raises(TypeError):
        FLASH.price.credits({"duration": seconds, "quality": "720p", "generate_audio": True})
