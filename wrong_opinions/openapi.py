"""The OpenAPI document: what applies to all operations."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code"],
    "examples": [
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "Week not found",
            "code": "week_not_found",
        }
    ],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One readable sentence."},
        "code": {"type": "string", "description": "Stable, in snake_case."},
        "errors": {
            "type": "array",
            "description": "For invalid input: each error.",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
NO_NULL = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
MAX_IDS = {"id": 2**63 - 1, "tmdb_id": 2**31 - 1}  # the largest that the database stores
DESCRIPTIONS = {
    "400": "The request, or the JSON in its body, cannot be read",
    "401": "Not authenticated, or the token is invalid or has expired",
    "403": "The account is disabled, or the caller may not do this",
    "404": "Not found",
    "413": "The body is too large",
    "422": "Invalid input",
    "429": "Too many requests; see Retry-After",
    "502": "An upstream sent an invalid response",
    "503": "The database or an upstream is unavailable",
    "504": "An upstream did not respond in time",
}


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "An access token (JWT) or an API token."}


class Schema(AutoSchema):
    def get_operation_id(self):
        """Such as `weeks_movies_create`, without the prefix `api_`."""
        return super().get_operation_id().removeprefix("api_")

    def get_summary(self):
        """The first sentence of the view's docstring."""
        return self.get_description().partition(". ")[0].split("\n")[0].removesuffix(".") or None

    def _get_request_body(self, direction="request"):
        """The body, also of a DELETE if the view declares one with `x-body`."""
        if not self.get_extensions().get("x-body"):
            return super()._get_request_body(direction)
        self.method = "POST"
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"

    def map_parsers(self):
        """The media type that clients should send; the parser accepts JSON under any."""
        return ["application/json"]


def describe_inputs(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the limits that apply to all parameters and bodies."""
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in MAX_IDS and parameter["in"] == "path":
                    limit_id(parameter["schema"], MAX_IDS[parameter["name"]])
                elif parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True  # the same as a missing one
                refuse_null_characters(parameter["schema"])
                if parameter["schema"].get("minLength") and parameter["schema"].get("pattern") == NO_NULL:
                    parameter["schema"]["pattern"] = NOT_BLANK
    for name, schema in result["components"]["schemas"].items():
        if name.endswith("Request"):
            for value in schema.get("properties", {}).values():
                refuse_null_characters(value)
    return result


def limit_id(schema: dict[str, Any], largest: int) -> None:
    for choice in schema.get("anyOf", [schema]):
        if choice["type"] == "integer":
            choice.update(minimum=1, maximum=largest)


def refuse_null_characters(schema: dict[str, Any]) -> None:
    """Exclude null characters from plain text."""
    types = schema.get("type", [])
    if "string" in ([types] if isinstance(types, str) else types) and not {"enum", "format", "pattern"} & set(schema):
        schema["pattern"] = NO_NULL


def describe_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the problems with which an operation may respond to those that its view declares."""
    result["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    for operations in result["paths"].values():
        for operation in operations.values():
            responses = operation["responses"]
            for status in problems_of(operation):
                responses.setdefault(status, {"description": DESCRIPTIONS[status]})
            for status, response in responses.items():
                if status >= "400":
                    response["content"] = {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
            operation["responses"] = dict(sorted(responses.items()))
    return result


def problems_of(operation: dict[str, Any]) -> set[str]:
    statuses = {"400", "503"}
    parameters = operation.get("parameters", [])
    if operation.get("security"):
        statuses |= {"401", "403"}
    if "requestBody" in operation:
        statuses |= {"413", "422"}
    if parameters:
        statuses.add("422")
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add("404")
    operation.pop("x-body", None)
    if operation.pop("x-limited", False):
        statuses.add("429")
    if operation.pop("x-upstream", False):
        statuses |= {"429", "502", "504"}
    return statuses
