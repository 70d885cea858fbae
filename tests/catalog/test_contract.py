"""Every model, held against EvoLink's description of it and against what the simulator makes of its pages."""

from __future__ import annotations

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_wanvideo import catalog
from django_wanvideo.choices import InputRole
from django_wanvideo.models import MediaInput, VideoTask
from django_wanvideo.simulator.provider import errors, specs, validation
from tests.catalog import schema, wishes

ALL = pytest.mark.parametrize("spec", catalog.models(), ids=lambda spec: spec.id)
EXAMPLES = 120
#: Where this package refuses what EvoLink would take: what it would cut or leave out without a word, or has no use for.
STRICTER = {"aspect_ratio": "excludes", "generate_audio": "excludes", "shot_type": "requires"}
COUNTS = {kind: Counter() for kind in ("taken", "refused", "wrong")}


@pytest.fixture(scope="module", autouse=True)
def counts(request):
    """Say how much was tried of each model."""
    yield
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and any(COUNTS["taken"].values()):
        with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
            for spec in catalog.models():
                numbers = ", ".join(f"{kind} {found[spec.id]}" for kind, found in COUNTS.items())
                reporter.write_line(
                    f"\n{spec.id}: {numbers}" if spec is catalog.models()[0] else f"{spec.id}: {numbers}"
                )


def simulated(body):
    """Return what the simulator makes of a body: its price, or the field that it refuses."""
    try:
        return validation.validate(body, allow_loopback=False, reject_unknown=True).price, None
    except errors.ApiError as error:
        return None, error.body["error"].get("param") or ""


@ALL
def test_the_kept_description_is_the_published_one(spec):
    published = schema.published(spec.id)
    if published is None:
        pytest.skip("EvoLink's API description is not beside this checkout.")
    assert schema.condensed(published) == schema.contract()[spec.id]


def test_simulator_and_catalogue_have_the_same_models():
    """Every model of the simulator is in the catalogue and the other way round."""
    assert {spec.id for spec in catalog.models()} == set(specs.MODELS) == set(schema.contract())
    assert len(specs.MODELS) == 17


@ALL
def test_what_is_taken_costs_what_evolink_reserves(spec):
    """What is taken fits the description, the simulator takes it too, and its price is the same; what is refused is not."""

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(wishes.of(spec))
    def check(wish):
        prompt, parameters, inputs, callback_url = wish
        cleaned, error = answer(spec, prompt, parameters, inputs)
        if error is not None:
            COUNTS["refused"][spec.id] += 1
            with pytest.raises(ValidationError):
                catalog.build_request(spec, prompt=prompt, parameters=parameters, inputs=inputs)
            assert is_right(spec, error, wish), error.message_dict
            return
        COUNTS["taken"][spec.id] += 1
        body = catalog.build_request(spec, prompt=prompt, parameters=cleaned, inputs=inputs, callback_url=callback_url)
        assert schema.problems(schema.contract()[spec.id], body) == []
        assert simulated(body) == (catalog.estimate(spec, cleaned, inputs), None)
        assert catalog.clean(spec, prompt=prompt, parameters=cleaned, inputs=inputs) == cleaned

    check()


def answer(spec, prompt, parameters, inputs):
    """Return what the catalogue answers: the parameters, or the error."""
    try:
        return catalog.clean(spec, prompt=prompt, parameters=parameters, inputs=inputs), None
    except ValidationError as error:
        return None, error


def is_right(spec, error, wish):
    """Tell whether EvoLink, as the simulator reads it, refuses the wish too, or whether it is known why it is refused."""
    known = {
        name for name, codes in STRICTER.items() if any(item.code == codes for item in error.error_dict.get(name, ()))
    }
    # Voices have no other form in a request than one in which nothing can be wrong, or is left out silently.
    known |= {"voices", "voice_bindings"} & error.error_dict.keys()
    return bool(known) or simulated(as_written(spec, *wish[:3]))[1] is not None


def as_written(spec, prompt, parameters, inputs):
    """Make a body of a wish without asking whether it is right."""
    body = {"model": spec.id} | ({"prompt": prompt} if prompt else {})
    params = {}
    for item in spec.inputs:
        if (given := inputs.get(item.role.value)) and item.role != InputRole.VOICES:
            place = params if "." in item.request_field else body
            place[item.request_field.split(".")[-1]] = given if item.as_list else given[0]
    for item in spec.parameters:
        if (value := parameters.get(item.name)) is not None and item.request_field:
            place = params if "." in item.request_field else body
            place[item.request_field.split(".")[-1]] = value
    return body | ({"model_params": params} if params else {})


def wrong_wishes(spec):
    """Yield what is wrong in one place: the field, and the wish."""
    parameters, inputs = wishes.least(spec)
    prompt = "A cat"
    for item in spec.parameters:
        bad = {
            "integer": [(item.minimum or 0) - 1, (item.maximum or 0) + 1, 2.5, "x", True],
            "boolean": ["true", 1],
            "choice": ["other", 7],
            "text": [5, "x" * ((item.max_length or 0) + 1), "\x00"],
        }[item.kind]
        for value in bad:
            yield item.name, prompt, parameters | {item.name: value}, inputs
    for item in spec.inputs:
        address = wishes.ADDRESS[item.media]
        yield item.role.value, prompt, parameters, inputs | {item.role.value: [address] * (item.max_items + 1)}
        yield item.role.value, prompt, parameters, inputs | {item.role.value: address}
        if item.required:
            yield item.role.value, prompt, parameters, inputs | {item.role.value: []}
    for role in InputRole.values:
        if not spec.has_role(role):
            yield role, prompt, parameters, inputs | {role: ["https://files.example/a"]}
    for name in ("seed", "generation_mode", "aspect_ratio", "generate_audio", "shot_type", "negative_prompt", "size"):
        if all(item.name != name for item in spec.parameters):
            yield name, prompt, parameters | {name: "x"}, inputs
    yield "prompt", "x" * (spec.prompt.max_length + 1), parameters, inputs
    if spec.prompt.required:
        yield "prompt", " ", parameters, inputs


@ALL
def test_what_is_wrong_is_refused_at_its_field(spec):
    for field, prompt, parameters, inputs in wrong_wishes(spec):
        with pytest.raises(ValidationError) as caught:
            catalog.clean(spec, prompt=prompt, parameters=parameters, inputs=inputs)
        assert field in caught.value.error_dict, (field, caught.value.message_dict)
        with pytest.raises(ValidationError):
            catalog.build_request(spec, prompt=prompt, parameters=parameters, inputs=inputs)
        COUNTS["wrong"][spec.id] += 1


@ALL
@pytest.mark.django_db
def test_a_wrong_wish_makes_no_task(spec):
    """Nothing is stored of it, so nothing can be sent."""
    for field, prompt, parameters, inputs in list(wrong_wishes(spec))[::4]:
        # One address instead of a list is taken here, but not what is none at all.
        given = {role: items if isinstance(items, list) else [object()] for role, items in inputs.items()}
        with pytest.raises(ValidationError) as caught:
            VideoTask.objects.create_task(prompt, model=spec.id, **parameters, **given)
        assert field in caught.value.error_dict
    assert not VideoTask.objects.exists()
    assert not MediaInput.objects.exists()


@pytest.mark.parametrize("clips", [0, 1])
@pytest.mark.parametrize("seconds", range(2, 16))
def test_wan_27_makes_at_most_ten_seconds_from_clips(seconds, clips):
    spec = catalog.get("wan2.7-reference-video")
    inputs = {"reference_images": [wishes.ADDRESS["image"]], "reference_videos": [wishes.ADDRESS["video"]] * clips}
    cleaned, error = answer(spec, "A cat", {"duration": seconds}, inputs)
    body = as_written(spec, "A cat", {"duration": seconds}, inputs)
    refused = "duration" if clips and seconds > 10 else None
    assert simulated(body)[1] == refused
    assert (set(error.error_dict) if error else None, bool(cleaned)) == ({refused} if refused else None, not refused)


SIXTEEN = [
    frozenset(
        role for number, role in enumerate(("first_frame", "last_frame", "audio", "source_video")) if bits >> number & 1
    )
    for bits in range(16)
]
VALID = {
    frozenset({"first_frame"}): "first_frame",
    frozenset({"first_frame", "audio"}): "first_frame",
    frozenset({"first_frame", "last_frame"}): "first_last_frame",
    frozenset({"first_frame", "last_frame", "audio"}): "first_last_frame",
    frozenset({"source_video"}): "video_continuation",
    frozenset({"source_video", "last_frame"}): "video_continuation",
}


@pytest.mark.parametrize("given_roles", SIXTEEN, ids=lambda roles: "+".join(sorted(roles)) or "nothing")
def test_wan_27_takes_the_six_combinations_and_says_which_it_is(given_roles):
    spec = catalog.get("wan2.7-image-to-video")
    inputs = {role: [wishes.ADDRESS[spec.input(role).media]] for role in given_roles}
    modes = [None, "first_frame", "first_last_frame", "video_continuation"]
    taken = {}
    for mode in modes:
        try:
            body = catalog.build_request(spec, prompt="", parameters={"generation_mode": mode}, inputs=inputs)
        except ValidationError:
            continue
        taken[mode] = body["generation_mode"]
        assert "prompt" not in body
    mode = VALID.get(given_roles)
    assert taken == ({None: mode, mode: mode} if mode else {})


@settings(max_examples=60, deadline=None, database=None)
@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 5), st.booleans())
def test_each_voice_gets_a_key_of_its_own(pictures, clips, voices, are_named):
    spec = catalog.get("wan2.7-reference-video")
    names = [f"image{n}" for n in range(1, pictures + 1)] + [f"video{n}" for n in range(1, clips + 1)]
    inputs = {
        "reference_images": [wishes.ADDRESS["image"]] * pictures,
        "reference_videos": [wishes.ADDRESS["video"]] * clips,
        "voices": [f"https://files.example/{n}.mp3" for n in range(voices)],
    }
    chosen = names[:voices]
    parameters = {"voice_bindings": ",".join(chosen)} if are_named and chosen else {}
    if not names or len(names) > 5 or voices > len(names):
        with pytest.raises(ValidationError):
            catalog.build_request(spec, prompt="A cat", parameters=parameters, inputs=inputs)
        return
    body = catalog.build_request(spec, prompt="A cat", parameters=parameters, inputs=inputs)
    bound = body.get("model_params", {}).get("voice_bindings", {})
    assert list(bound.values()) == inputs["voices"]
    expected = chosen if parameters else [*names[pictures:], *names[:pictures]][:voices]
    assert list(bound) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("img1", "names no input"),
        ("image01", "names no input"),
        ("image3", "There is no “image3”"),
        ("image1, image1", "stands there twice"),
        ("image1", "2 voices for 1 names"),
    ],
)
def test_keys_of_voices_are_checked_as_evolink_would(text, part):
    spec = catalog.get("wan2.7-reference-video")
    inputs = {"reference_images": ["a", "b"], "voices": ["c", "d"]}
    with pytest.raises(ValidationError) as caught:
        catalog.clean(spec, prompt="A cat", parameters={"voice_bindings": text}, inputs=inputs)
    assert part in caught.value.message_dict["voice_bindings"][0]


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("https://files.example/deck.pptx", "file_url"),
        ("https://files.example/deck.PDF?signed=1", "file_url"),
        ("https://news.example/articles/17", "link_url"),
        ("https://news.example/deck.html", "link_url"),
    ],
)
def test_a_document_is_a_file_or_a_page(address, field):
    body = catalog.build_request(catalog.get("wan3.0-reference-video"), prompt="", inputs={"document": [address]})
    assert body == {"model": "wan3.0-reference-video", "duration": 5, "model_params": {field: address}}
