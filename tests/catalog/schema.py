"""As much of JSON Schema as EvoLink's API description uses, and the description itself: published, or kept here."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
#: What a schema says about values; titles, examples and sentences are left out.
_FACTS = ("type", "enum", "minimum", "maximum", "minItems", "maxItems", "maxLength", "format")
#: The condensed description of every model, for checkouts that have no published one beside them.
CONTRACT = Path(__file__).with_name("contract.json")
#: The published files, one for each model, where somebody has put them beside the checkout or one folder above.
PUBLISHED = next(
    (
        folder
        for parent in Path(__file__).parents[3:5]
        if (folder := parent / "shared" / "reference" / "openapi").is_dir()
    ),
    None,
)


def published(model):
    """Return the published schema of the body that makes a video; None where there is none.

    There are no files of Wan 3.0 Prime, which takes what Wan 3.0 takes.
    """
    if PUBLISHED is None:
        return None
    openapi = json.loads((PUBLISHED / f"{model.replace('-prime', '')}.json").read_text())
    body = openapi["paths"]["/v1/videos/generations"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    found = openapi["components"]["schemas"][name]
    found["properties"]["model"]["enum"] = [model]
    return found


def condensed(schema):
    """Return what a schema says of values, without its words."""
    found = {name: schema[name] for name in _FACTS if name in schema}
    if "properties" in schema:
        found["properties"] = {name: condensed(field) for name, field in sorted(schema["properties"].items())}
        found["required"] = sorted(schema.get("required", []))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            found[name] = condensed(schema[name])
    return found


@cache
def contract():
    """Return the condensed schema of every model by its id."""
    return json.loads(CONTRACT.read_text())


def leaves(schema, prefix=""):
    """Return the dotted names of all fields that hold a value."""
    names = set()
    for name, field in schema["properties"].items():
        names |= leaves(field, f"{prefix}{name}.") if "properties" in field else {prefix + name}
    return names


def find(schema, path):
    """Return the field at a dotted path."""
    for name in path.split("."):
        schema = schema["properties"][name]
    return schema


def problems(schema, value, where="body"):
    """Return what in ``value`` the schema does not allow; fields that it does not name count too."""
    expected = TYPES[schema["type"]]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        return [f"{where} is no {schema['type']}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} is not in {schema['enum']}")
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        found.append(f"{where} is too long")
    if isinstance(value, str) and schema.get("format") == "uri" and not value.startswith(("https://", "http://")):
        found.append(f"{where} is no address")
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where} is out of bounds")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{where} has too many or too few items")
        found += [problem for item in value for problem in problems(schema["items"], item, f"{where}[]")]
    if isinstance(value, dict):
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in schema.get("properties", {}):
                found += problems(schema["properties"][name], item, f"{where}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                found += problems(schema["additionalProperties"], item, f"{where}.{name}")
            else:
                found.append(f"{where}.{name} is not documented")
    return found
