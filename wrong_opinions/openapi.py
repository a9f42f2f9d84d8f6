"""The OpenAPI document: what applies to all operations."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from . import problems
from .problems import COMPONENTS

NO_NULL = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
MAX_IDS = {"id": 2**63 - 1, "tmdb_id": 2**31 - 1}  # the largest that the database stores


class BearerScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema):
        return {"type": "http", "scheme": "bearer", "description": "An access token (JWT) or an API token."}


class Schema(AutoSchema):
    def get_operation(self, *args, **kwargs):
        """With the problems that the view names in `problems`, and the method in its extension `x-problems`."""
        operation = super().get_operation(*args, **kwargs)
        if operation:
            declared = {*getattr(self.view, "problems", ()), *operation.pop("x-problems", ())}
            operation.pop("x-body", None)
            problems.describe(operation, declared, is_read=self.method == "GET")
        return operation

    def get_operation_id(self):
        """Such as `weeks_movies_create`: a name in any language."""
        return super().get_operation_id().removeprefix("api_").replace(".", "_")

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


def describe_parameters(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Add the limits that apply to all parameters."""
    for operations in result["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in MAX_IDS and parameter["in"] == "path":
                    for choice in parameter["schema"].get("anyOf", [parameter["schema"]]):
                        if choice["type"] == "integer":
                            choice.update(minimum=1, maximum=MAX_IDS[parameter["name"]])
                elif parameter["in"] == "query" and not parameter.get("required"):
                    parameter["allowEmptyValue"] = True  # the same as a missing one
                refuse_null_characters(parameter["schema"])
                if parameter["schema"].get("minLength") and parameter["schema"].get("pattern") == NO_NULL:
                    parameter["schema"]["pattern"] = NOT_BLANK
    return result


def describe_bodies(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Say what holds for all requests, and that answers have all their keys."""
    for name, schema in result["components"]["schemas"].items():
        properties = schema.get("properties", {})
        for value in properties.values():
            value.pop("readOnly", None)  # requests have schemas of their own
            if name.endswith("Request"):
                value.pop("default", None)  # generators of clients take it for a key that is always there
                refuse_null_characters(value)
        if properties and not name.endswith("Request") and name not in COMPONENTS["schemas"]:
            schema["required"] = list(properties)
    return result


def refuse_null_characters(schema: dict[str, Any]) -> None:
    """Exclude null characters from plain text."""
    types = schema.get("type", [])
    if "string" in ([types] if isinstance(types, str) else types) and not {"enum", "format", "pattern"} & set(schema):
        schema["pattern"] = NO_NULL
