"""Promises that hold for whatever comes in."""

from __future__ import annotations

import copy
import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from django_wanvideo import catalog
from django_wanvideo.catalog import urls

SPECS = st.sampled_from(catalog.models())
#: Any text that Python can hold, lone surrogates and NUL included.
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["duration", "quality", "aspect_ratio", "generate_audio", "prompt_extend", "shot_type", "seed", "model_params"],
)
VALUES = st.sampled_from([None, True, False, 2, 5, 10, 15, 16, "480p", "720p", "1080p", "single", "multi", "4:3"])
ROLES = st.sampled_from(["first_frame", "last_frame", "audio", "image_urls"])
PARAMETERS = st.dictionaries(NAMES | TEXT, VALUES | JSON, max_size=6) | JSON
INPUTS = st.dictionaries(ROLES | TEXT, st.lists(TEXT, max_size=3) | JSON, max_size=3) | JSON


@settings(max_examples=400, deadline=None)
@given(SPECS, TEXT | JSON, PARAMETERS, INPUTS)
def test_clean_answers_anything_with_values(spec, prompt, parameters, inputs):
    """Clean answers anything with values or with a readable validation error."""
    before = copy.deepcopy((prompt, parameters, inputs))
    try:
        cleaned = catalog.clean(spec, prompt=prompt, parameters=parameters, inputs=inputs)
    except ValidationError as error:
        told = error.message_dict
        assert told
        assert all(messages for messages in told.values())
        json.dumps(told, ensure_ascii=False).encode()
    else:
        assert set(cleaned) <= {parameter.name for parameter in spec.parameters}
        assert cleaned["duration"] is not None
    # repr, because NaN does not equal itself.
    assert repr((prompt, parameters, inputs)) == repr(before)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_get_answers_anything_else_with_a_validation_error_at_model(model_id):
    with pytest.raises(ValidationError) as caught:
        catalog.get(model_id)
    assert set(caught.value.message_dict) == {"model"}


@settings(max_examples=200, deadline=None)
@given(JSON | st.from_regex(r"https?://[^/]*/?.*").filter(bool))
def test_check_url_answers_anything_with_silence_or_a_validation_error(url):
    try:
        urls.check_url(url)
    except ValidationError as error:
        told = str(error.messages)
    else:
        told = ""
        assert url.casefold().startswith(("http://", "https://"))
    told.encode()


@settings(max_examples=200, deadline=None)
@given(SPECS, TEXT)
def test_parse_answers_any_text_with_a_value_or_a_validation_error(spec, text):
    for parameter in spec.parameters:
        try:
            value = parameter.parse(text)
        except ValidationError:
            continue
        assert parameter.clean(value) == value
