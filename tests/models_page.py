"""The catalogue beside EvoLink's description, field by field: ``python -m tests.models_page`` writes ``docs/models.md``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.utils import translation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_wanvideo.catalog import InputSpec, ModelSpec, ParameterSpec, PriceRule

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
HEAD = """# Models

Written by `make models-page` from the catalogue; a test compares. *Documented* is what EvoLink's machine-readable
description says of a field; many limits stand only in the words of its pages, and are in the last column.

Inputs are given to `create_task` by their role, parameters by their name. A site adds, changes and
leaves out models with `MODELS`: [](settings.md).
"""
_WORDS = {
    "minimum": "from",
    "maximum": "to",
    "maxLength": "characters up to",
    "maxItems": "up to",
    "minItems": "at least",
}


def text() -> str:
    """Return the page."""
    from django_wanvideo import catalog
    from tests.catalog import schema

    with translation.override("en"):
        parts = [HEAD, *_overview(catalog.models())]
        for spec in catalog.models():
            parts += _model(spec, schema.contract()[spec.id])
        return "\n".join(parts)


def _overview(models: tuple[ModelSpec, ...]) -> Iterator[str]:
    yield "| model | made from | seconds | qualities | credits per second | smallest charge |\n| --- | --- | --- | --- | --- | --- |"
    for spec in models:
        inputs = ", ".join(f"`{item.role.value}`" + ("" if item.required else "?") for item in spec.inputs) or "words"
        qualities = [str(option.value) for option in spec.parameter("quality").options]
        rates = [
            f"{spec.price.rate_for(spec.effective_values({'quality': value})).normalize():f}" for value in qualities
        ]
        cells = [f"`{spec.id}`", inputs, _range(spec.parameter("duration")), ", ".join(qualities), ", ".join(rates)]
        yield _row(*cells, f"{spec.price.minimum:f}")
    yield "\nA question mark stands behind what may be left out."


def _model(spec: ModelSpec, documented: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {spec.label}\n"
    yield f"`{spec.id}`, as on [EvoLink’s page]({spec.source}) of {spec.as_of}."
    if spec.withdrawn is not None:
        yield f"EvoLink has withdrawn it on {spec.withdrawn}."
    yield "\n| field of the request | name | documented | in the catalogue |\n| --- | --- | --- | --- |"
    cut = "; EvoLink would cut what is longer, it is refused here" if spec.prompt.is_truncated else ""
    need = "needed" if spec.prompt.required else "may be left out"
    yield _row(
        "`prompt`",
        "`prompt`",
        _documented(documented, "prompt"),
        f"{need}; up to {spec.prompt.max_length} characters{cut}",
    )
    for item in spec.inputs:
        for field in item.request_fields:
            yield _row(f"`{field}`", f"`{item.role.value}`", _documented(documented, field), _input(item))
    for parameter in spec.parameters:
        field = parameter.request_field
        shown = f"`{field}`" if field else "–"
        yield _row(
            shown, f"`{parameter.name}`", _documented(documented, field) if field else "–", _parameter(parameter)
        )
    for field, reason in spec.not_sent:
        yield _row(f"`{field}`", "–", _documented(documented, field), f"not sent: {reason}")
    rules = [str(rule.message) for rule in spec.rules]
    rules += [str(one.message) for one in spec.one_of] + [str(together.message) for together in spec.counted_together]
    if rules:
        yield "\nWhat is refused together, and what is said:\n"
        yield from (f"- {rule}" for rule in rules)
    yield f"\n{_price(spec.price)}"
    if spec.sizes:
        yield "\n| quality | " + " | ".join(dict.fromkeys(size.aspect_ratio for size in spec.sizes)) + " |"
        yield "| --- |" + " --- |" * len({size.aspect_ratio for size in spec.sizes})
        for quality in dict.fromkeys(size.quality for size in spec.sizes):
            yield _row(quality, *(f"{size.width} × {size.height}" for size in spec.sizes if size.quality == quality))


def _documented(schema: dict[str, Any], field: str) -> str:
    for name in field.split("."):
        required = name in schema.get("required", [])
        schema = schema["properties"][name]
    kind = "array of addresses" if schema["type"] == "array" else schema["type"]
    parts = ["address" if schema.get("format") == "uri" else kind]
    parts += [", ".join(map(str, schema["enum"]))] if "enum" in schema else []
    parts += [f"{words} {schema[name]}" for name, words in _WORDS.items() if name in schema]
    return "; ".join([*parts, *(["required"] if required else [])])


def _input(item: InputSpec) -> str:
    from django_wanvideo.catalog.inputs import MEGABYTE

    parts = ["needed"] if item.required else []
    parts += [f"up to {item.max_items}"] if item.max_items > 1 else []
    parts += [", ".join(item.formats), f"up to {item.max_bytes // MEGABYTE} MB"]
    parts += [f"{item.min_side} to {item.max_side} px"] if item.min_side else []
    parts += [f"sides up to {item.max_ratio}:1"] if item.max_ratio else []
    parts += [f"{item.min_seconds} to {item.max_seconds} s"] if item.max_seconds else []
    parts += [f"together up to {item.total_seconds} s"] if item.total_seconds else []
    parts += [f"with the video up to {item.total_seconds_with_video} s"] if item.total_seconds_with_video else []
    parts += ["the video is at least as long"] if item.is_part_of_video else []
    parts += [f"up to {item.max_pages} pages"] if item.max_pages else []
    parts += ["no transparency"] if not item.allow_transparency else []
    parts += [f"keys by `{item.keys_parameter}`"] if item.keys_parameter else []
    return "; ".join(parts)


def _parameter(item: ParameterSpec) -> str:
    parts = [", ".join(str(option.value) for option in item.options)] if item.options else []
    parts += [_range(item)] if item.kind == "integer" else []
    parts += ["yes or no"] if item.kind == "boolean" else []
    cut = ", not cut but refused" if item.is_truncated else ""
    parts += [f"up to {item.max_length} characters{cut}"] if item.max_length else []
    default = item.label_of(None) if item.default is None else _value(item.default)
    return "; ".join([*parts, f"otherwise {default}", *(["always sent"] if item.always_sent else [])])


def _range(item: ParameterSpec) -> str:
    if item.options:
        return ", ".join(str(option.value) for option in item.options)
    also = "".join(f", or {option.value} ({option.label})" for option in item.also)
    return f"{item.minimum} to {item.maximum}{also}"


def _price(rule: PriceRule) -> str:
    factors = []
    for multiplier in rule.multipliers:
        values = ", ".join(f"{_value(value)} × {factor}" for value, factor in multiplier.values)
        factors.append(f"`{multiplier.parameter}`: {values}")
    billed = ["the video’s"]
    for item in rule.input_seconds:
        each = ", ".join(f"{most:f}" for most in item.most_each)
        shares = f", of one, two or three clips up to {each} each" if each else ""
        billed.append(f"up to {item.most:f} of `{item.role.value}`{shares}")
    reserved = "".join(f" For {value} it is {seconds} seconds that are reserved." for value, seconds in rule.reserved)
    return (
        f"Price of {rule.as_of}: {rule.rate:f} credits a second, at least {rule.minimum:f}; {'; '.join(factors)}. Billed "
        f"seconds: {' and '.join(billed)}.{reserved}"
    )


def _value(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    django.setup()
    PAGE.write_text(text())
