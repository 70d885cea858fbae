"""The simulator's bodies against the provider's published OpenAPI files, where these are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from django_wanvideo.simulator.provider.errors import CREATE_ERRORS, CREDITS_ERRORS, TASK_ERRORS
from django_wanvideo.simulator.provider.specs import MODELS

OPENAPI = Path(__file__).resolve().parents[3] / "shared" / "reference" / "openapi"
FLASH = "wan2.6-image-to-video-flash"
needs_openapi = pytest.mark.skipif(
    not OPENAPI.is_dir(), reason=f"The published OpenAPI files are not in {OPENAPI.name}."
)
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list}


def load(name):
    return json.loads((OPENAPI / f"{name}.json").read_text(encoding="utf-8"))


def check(document, schema, value, where="body"):
    """Every member is documented, of its type, within its limits, and among its choices."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert isinstance(value, KINDS[schema["type"]]), f"{where} is {value!r}, not a {schema['type']}"
    assert value in schema.get("enum", [value]), where
    if schema["type"] == "object":
        assert set(schema.get("required", [])) <= set(value), where
        for name, member in value.items():
            assert name in schema["properties"], f"{where}.{name} is not documented"
            check(document, schema["properties"][name], member, f"{where}.{name}")
    if schema["type"] == "array":
        for member in value:
            check(document, schema["items"], member, f"{where}[]")


def answer_schema(document, path, status="200"):
    (operation,) = document["paths"][path].values()
    return operation["responses"][status]["content"]["application/json"]["schema"]


@needs_openapi
def test_the_answer_to_a_creation_is_as_published(client):
    document = load(FLASH)
    check(document, answer_schema(document, "/v1/videos/generations"), client.post().json())


@needs_openapi
def test_an_unfinished_and_a_failed_task_are_as_published(start):
    client = start(progression="manual")
    document = load("get-task-detail")
    (path,) = document["paths"]
    task_id = client.create()
    # Real bodies also carry `usage`; the published schema of the task does not have it.
    pending = {name: value for name, value in client.get(task_id).items() if name != "usage"}
    check(document, answer_schema(document, path), pending)
    client.sim.fail(task_id, "content_policy_violation")
    check(document, answer_schema(document, path), client.get(task_id))


@needs_openapi
def test_the_balance_quota_and_upload_are_as_published(client):
    from tests.pictures import drawn

    document = load("get-credits")
    check(document, answer_schema(document, "/v1/credits"), client.call("GET", "/v1/credits").json())
    document = load("quota")
    (path,) = document["paths"]
    check(document, answer_schema(document, path), client.call("GET", path).json())
    for name in ("upload-stream", "upload-base64", "upload-url"):
        document = load(name)
        (path,) = document["paths"]
        check(document, answer_schema(document, path), client.upload(drawn()).json())


@needs_openapi
def test_the_error_bodies_are_the_published_ones():
    for name, path, table in [
        (FLASH, "/v1/videos/generations", CREATE_ERRORS),
        ("get-credits", "/v1/credits", CREDITS_ERRORS),
        ("get-task-detail", None, TASK_ERRORS),
    ]:
        document = load(name)
        (operation,) = document["paths"][path or next(iter(document["paths"]))].values()
        for status, response in operation["responses"].items():
            example = response["content"]["application/json"].get("example")
            if status == "200" or example is None:
                continue
            code, message, kind = table[int(status)]
            error = example["error"]
            assert (error["code"], error["message"], error["type"]) == (code, message.replace("{model}", FLASH), kind)


@needs_openapi
@pytest.mark.parametrize("name", [name for name in MODELS if "prime" not in name])
def test_the_table_of_rules_has_exactly_the_published_fields(name):
    schemas = load(name)["components"]["schemas"]
    (published,) = (schema for title, schema in schemas.items() if title.endswith("Request"))
    model = MODELS[name]
    assert set(published["properties"]) == {*model.fields, "model", "callback_url"} | (
        {"model_params"} if model.params else set()
    )
    assert set(published["required"]) == {"model", *(field for field, rule in model.fields.items() if rule.required)}
    if model.params:
        assert set(published["properties"]["model_params"]["properties"]) == set(model.params)
    for field, rule in model.fields.items():
        schema = published["properties"][field]
        if "enum" in schema:
            assert set(schema["enum"]) == set(rule.choices), field
        if "maxLength" in schema:
            assert schema["maxLength"] == rule.max_length, field
        if "maximum" in schema:
            assert (schema["maximum"], schema["minimum"]) == (
                rule.maximum,
                min(rule.minimum, *rule.also, rule.minimum),
            ), field
        if "maxItems" in schema:
            assert schema["maxItems"] == rule.max_items, field
