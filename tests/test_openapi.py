"""The OpenAPI document: each operation comes with examples, and they are true to its schemas."""

import pytest
from jsonschema import Draft202012Validator

from wrong_opinions.examples import SCHEMAS


@pytest.fixture(scope="module")
def document():
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_every_operation_has_examples(document):
    missing = []
    for label, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += [answer for status, answer in operation["responses"].items() if status < "300"]
        missing += [
            label
            for body in bodies
            for content in body.get("content", {}).values()
            if "example" not in content and content["schema"] != {}
        ]
        missing += [
            f"{label} {parameter['name']}"
            for parameter in operation.get("parameters", [])
            if parameter.get("required") and "example" not in parameter
        ]

    assert missing == []


def test_every_example_is_shown(document):
    shown = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, operation in operations(document)
        for body in [operation.get("requestBody", {}), *operation["responses"].values()]
        for content in body.get("content", {}).values()
        if "example" in content and "$ref" in content["schema"]
    }

    assert shown == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_are_as_their_schemas_say(document, name):
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}

    problems = list(Draft202012Validator(schema).iter_errors(SCHEMAS[name]))

    assert problems == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_examples_have_every_key_and_no_other(document, name):
    def check(schema, example):
        if "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        if "properties" in schema:
            assert set(example) <= set(schema["properties"])
            if not name.startswith("Patched"):
                assert set(example) == set(schema["properties"])
            for key, value in example.items():
                check(schema["properties"][key], value)
        elif isinstance(example, list):
            for value in example:
                check(schema["items"], value)

    check({"$ref": name}, SCHEMAS[name])
