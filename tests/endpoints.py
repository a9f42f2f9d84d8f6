"""The addresses and methods of the API, from the URL configuration."""

import re

from django.urls import URLResolver, get_resolver

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def endpoints(patterns, prefix=""):
    """The address and the view of each pattern below /api, and of /health."""
    for pattern in patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from endpoints(pattern.url_patterns, address)
        elif address.startswith("api/") or address == "health":
            plain = re.sub(r"\(\?P<(\w+)>[^()]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", address.replace("^", ""))
            yield "/" + plain.removesuffix("$"), pattern


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
