"""The addresses and methods of the API, from the URL configuration."""

import json
import re
from functools import cache

from django.urls import URLResolver, get_resolver

from wrong_opinions import schema

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def endpoints(patterns, prefix=""):
    """The address and the view of each pattern below /api, and of /health."""
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns, address)
        elif address.startswith("api/") or address == "health":
            yield address_of(address), pattern


def address_of(route):
    """The address of a route, such as `/api/weeks/{pk}`."""
    return "/" + re.sub(r"\(\?P<(\w+)>[^()]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", route.replace("^", "")).removesuffix("$")


@cache
def documented_codes():
    """The statuses and codes of problems that the OpenAPI document lists, by method and address without names in it."""
    return {
        (method.upper(), re.sub(r"{\w+}", "{}", path)): {
            (int(status), code)
            for status, response in operation["responses"].items()
            for media, content in response.get("content", {}).items()
            if media == "application/problem+json"
            for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]
        }
        for path, operations in json.loads(schema.document()[0])["paths"].items()
        for method, operation in operations.items()
    }


def methods_of(view):
    if actions := getattr(view, "actions", None):
        return {method.upper() for method in actions}
    return {method for method in METHODS if hasattr(view.cls, method.lower())}


VIEWS = {
    address: [pattern.callback for other, pattern in endpoints(get_resolver().url_patterns) if other == address]
    for address, pattern in endpoints(get_resolver().url_patterns)
    if hasattr(pattern.callback, "cls")
}
OPERATIONS = {
    f"{method} {address}" for address, views in VIEWS.items() for view in views for method in methods_of(view)
}
