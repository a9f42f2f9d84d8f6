"""The OpenAPI document: it is served as one, requests come with examples, and those are valid against its schemas."""

import copy
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.test import Client
from jsonschema import Draft202012Validator

from tests import released_api
from wrong_opinions import schema
from wrong_opinions.examples import ANSWERS

PRINT_DIGEST = """
import django, hashlib
django.setup()
from tests import released_api
from wrong_opinions import schema
print(hashlib.sha256(schema.document()[0]).hexdigest())
"""


@pytest.fixture(scope="module")
def document():
    from drf_spectacular.generators import SchemaGenerator

    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_nothing_of_the_released_api_is_gone_or_newly_demanded(document):
    assert released_api.broken(released_api.stored(), released_api.lines(document)) == []


def test_breaking_changes_are_found_and_additions_are_not(document):
    now = released_api.lines(document)
    released = copy.deepcopy(now)
    assert "year:integer!" in now["CreateWeekRequest"]

    now["Week"].add("mood:string")
    now["GET /api/moods"] = {"200:application/json:Mood"}
    assert released_api.broken(released, now) == []

    now["Week"] -= {"notes:string|null"}
    del now["DELETE /api/weeks/{id}"]
    released["CreateWeekRequest"].remove("year:integer!")
    assert {
        "CreateWeekRequest demands year:integer!",
        "Week lacks notes:string|null",
        "DELETE /api/weeks/{id} lacks 204:nothing:-",
    } <= set(released_api.broken(released, now))


def test_the_document_says_its_version(document):
    assert document["info"]["version"] == settings.VERSION


def test_simultaneous_first_requests_get_one_document():
    schema.document.cache_clear()

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: Client().get("/api/schema"), range(36)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert schema.document.cache_info().misses == 1


def test_the_document_is_not_sent_again_while_it_is_the_same():
    first = Client().get("/api/schema")

    again = Client().get("/api/schema", headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Cache-Control"] == "public, no-cache"


def test_all_processes_have_the_same_document():
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONHASHSEED": "1"}

    other = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == hashlib.sha256(schema.document()[0]).hexdigest()


def bodies(operation):
    """The request and the answers of an operation, each with a schema and maybe an example."""
    for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
        yield from body.get("content", {}).values()


def test_every_request_and_required_parameter_has_an_example(document):
    missing = []
    for label, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {"example": None})
        parameters = operation.get("parameters", [])
        missing += [label] if "example" not in content else []
        missing += [f"{label} {p['name']}" for p in parameters if p.get("required") and "example" not in p]

    assert missing == ["POST /api/import"]  # takes a file that an export wrote


def examples(document):
    """Each example with its schema, by the schema's name."""
    shown = [content for _, operation in operations(document) for content in bodies(operation) if "example" in content]
    return {content["schema"]["$ref"].rpartition("/")[2]: (content["schema"], content["example"]) for content in shown}


def test_answers_that_people_read_first_have_examples(document):
    assert examples(document).keys() >= ANSWERS


def test_examples_are_as_their_schemas_say(document, subtests):
    for name, (described, example) in examples(document).items():
        with subtests.test(name):
            validator = Draft202012Validator(described | {"components": document["components"]})
            assert list(validator.iter_errors(example)) == []
