"""What somebody may ask of a model, rightly or wrongly, drawn from its entry."""

from __future__ import annotations

from hypothesis import strategies as st

#: An address of each kind of media.
ADDRESS = {
    "image": "https://files.example/a.png",
    "video": "https://files.example/a.mp4",
    "audio": "https://files.example/a.mp3",
    "document": "https://files.example/a.pdf",
}
PAGE = "https://news.example/articles/17"
CALLBACK = "https://site.example/callback"


def values(parameter):
    """Draw values that the parameter may have by itself, its limits among them."""
    if parameter.kind == "boolean":
        return st.booleans()
    if parameter.options:
        return st.sampled_from([option.value for option in parameter.options])
    if parameter.name == "voice_bindings":
        names = st.sampled_from(["image1", "image2", "video1", "video2", "image01", "picture1"])
        return st.lists(names, min_size=1, max_size=2).map(", ".join)
    if parameter.kind == "text":
        return st.sampled_from(["rain", "x" * parameter.max_length])
    limits = [parameter.minimum, parameter.maximum, *(option.value for option in parameter.also)]
    return st.sampled_from(limits) | st.integers(parameter.minimum, parameter.maximum)


def addresses(wanted):
    given = [ADDRESS[wanted.media], PAGE] if wanted.media == "document" else [ADDRESS[wanted.media]]
    return st.lists(st.sampled_from(given), min_size=1, max_size=wanted.max_items)


def _with_one(drawn):
    roles, one = drawn
    return {one, *roles}


def of(spec):
    """Draw a prompt, parameters, inputs and a callback's address; each right by itself, together perhaps not."""
    words = st.sampled_from(["A cat plays the piano", "猫", "x" * spec.prompt.max_length])
    parameters = {item.name: st.none() | values(item) for item in spec.parameters}
    needed = {item.role.value: addresses(item) for item in spec.inputs if item.required}
    others = {item.role.value: addresses(item) for item in spec.inputs if not item.required}
    # Few at a time: of many, hardly any go together.
    some = st.sets(st.sampled_from(sorted(others)), max_size=3) if others else st.just(set())
    for one in spec.one_of:
        if "prompt" not in one.names:
            some = st.tuples(some, st.sampled_from(one.names)).map(_with_one)
    return st.tuples(
        words if spec.prompt.required else st.just("") | words,
        st.sets(st.sampled_from(sorted(parameters)), max_size=4).flatmap(
            lambda names: st.fixed_dictionaries({name: parameters[name] for name in sorted(names)})
        ),
        some.flatmap(lambda roles: st.fixed_dictionaries(needed | {role: others[role] for role in sorted(roles)})),
        st.none() | st.just(CALLBACK),
    )


def least(spec):
    """Return parameters and inputs that are just enough."""
    inputs = {item.role.value: [ADDRESS[item.media]] for item in spec.inputs if item.required}
    for one in spec.one_of:
        if "prompt" not in one.names:
            inputs.setdefault(one.names[0], [ADDRESS[spec.input(one.names[0]).media]])
    return {}, inputs
