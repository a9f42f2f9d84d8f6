"""The API of the last release in a compact form, which only grows: operations, their parameters and bodies, and the
fields of schemas with their types.

    uv run python -m tests.released_api

writes `released_api.txt` at a release. A line is an operation or a schema, and what belongs to it; "!" follows what a
request has to contain.
"""

from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".txt")
HEAD = "# Written by `uv run python -m tests.released_api` at a release: see docs/api.md, Versions."

Schema = dict[str, Any]


def kind(schema: Schema) -> str:
    """The type of a value, such as `integer`, `string:date|null` or `Week[]`."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "const" in schema or "enum" in schema:
        return "|".join(map(str, schema.get("enum", [schema.get("const")]))).replace(" ", "_")
    for union in ("oneOf", "anyOf", "allOf"):
        if union in schema:
            return "|".join(map(kind, schema[union]))
    names = schema.get("type", "any")
    names = [names] if isinstance(names, str) else names
    return "|".join(_named(name, schema) for name in names)


def _named(name: str, schema: Schema) -> str:
    if name == "array":
        return f"{kind(schema['items'])}[]"
    if name == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"{{{kind(schema['additionalProperties'])}}}"
    return f"{name}:{schema['format']}" if name == "string" and "format" in schema else name


def lines(document: Schema) -> dict[str, set[str]]:
    """What belongs to each operation and each schema of an OpenAPI document."""
    found = {
        f"{method.upper()} {path}": set(_of_operation(operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    for name, schema in document["components"]["schemas"].items():
        required = schema.get("required", []) if name.endswith("Request") else []
        found[name] = {
            f"{field}:{kind(value)}{'!' * (field in required)}" for field, value in schema.get("properties", {}).items()
        } or set(kind(schema).split("|"))
    return found


def _of_operation(operation: Schema):
    for parameter in operation.get("parameters", []):
        yield f"?{parameter['name']}:{kind(parameter['schema'])}{'!' * parameter.get('required', False)}"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<{media}:{kind(content['schema'])}"
    for status, response in operation["responses"].items():
        if status < "400":
            contents = response.get("content", {"nothing": {"schema": {"const": "-"}}})
            yield from (f"{status}:{media}:{kind(content['schema'])}" for media, content in contents.items())


def written(document: Schema) -> str:
    return "\n".join([HEAD, *(" ".join([name, *sorted(words)]) for name, words in sorted(lines(document).items())), ""])


def stored() -> dict[str, set[str]]:
    found = {}
    for line in FILE.read_text().splitlines()[1:]:
        words = line.split(" ")
        length = 2 if words[0].isupper() else 1  # of the name of an operation or a schema
        found[" ".join(words[:length])] = set(words[length:])
    return found


def broken(released: dict[str, set[str]], now: dict[str, set[str]]) -> list[str]:
    """What clients of the release rely on and would miss, and what they would now have to send but do not."""
    found = []
    for name, words in released.items():
        there = now.get(name, set())
        known = {word.rstrip("!") for word in words}
        found += [f"{name} lacks {word}" for word in known - {word.rstrip("!") for word in there}]
        found += [f"{name} demands {word}" for word in there - words if word.endswith("!")]
    return sorted(found)


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    FILE.write_text(written(SchemaGenerator().get_schema(request=None, public=True)))
