"""As much of JSON Schema as EvoLink's API description uses."""

from __future__ import annotations

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def request_schema(openapi):
    """Return the schema of the body that creates a video."""
    body = openapi["paths"]["/v1/videos/generations"]["post"]["requestBody"]
    name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[-1]
    return openapi["components"]["schemas"][name]


def leaves(schema, prefix=""):
    """Return the dotted names of all fields that hold a value."""
    names = set()
    for name, field in schema["properties"].items():
        names |= leaves(field, f"{prefix}{name}.") if "properties" in field else {prefix + name}
    return names


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
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where} is out of bounds")
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            found.append(f"{where} has too many items")
        found += [problem for item in value for problem in problems(schema["items"], item, f"{where}[]")]
    if isinstance(value, dict):
        found += [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value]
        for name, item in value.items():
            if name in schema["properties"]:
                found += problems(schema["properties"][name], item, f"{where}.{name}")
            else:
                found.append(f"{where}.{name} is not documented")
    return found
