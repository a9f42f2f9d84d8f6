"""The log named `access`: one line for each request, with what it cost and nothing secret in it."""

import logging
import random
import re
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch
from django.utils.functional import SimpleLazyObject, empty
from django.views import View

from integrations import deadline

logger = logging.getLogger("access")

METHODS = {name.upper() for name in View.http_method_names}
SLOW = 1  # second, without waiting for upstreams: such requests are warnings


class Queries:
    """Counts the queries to the database, and the time until each has its first row."""

    def __init__(self) -> None:
        self.count, self.seconds = 0, 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        began = perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.count += 1
            self.seconds += perf_counter() - began


class RequestLog:
    """Gives each request an id, `X-Request-ID` of the answer, which is the proxy's own behind our proxy, and logs the
    request.

    Files and redirects to HTTPS are not logged. The cost of a streamed answer is counted only until it begins.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        sent = request.headers.get("X-Request-ID", "") if settings.HTTPS else ""
        request.id = sent if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", sent) else f"{random.getrandbits(64):016x}"
        began, queries, waits = perf_counter(), Queries(), deadline.record_waits()
        with connection.execute_wrapper(queries):
            response = self.get_response(request)
        response.headers["X-Request-ID"] = request.id
        seconds, waited = perf_counter() - began, sum(waits)
        level = logging.WARNING if seconds - waited > SLOW else logging.INFO
        if logger.isEnabledFor(level) and (request.resolver_match or response.status_code >= 400):
            values = {
                "method": method_of(request),
                "route": route_of(request.resolver_match),
                "status": response.status_code,
                "ms": round(1000 * seconds, 1),
                "queries": queries.count,
                "query_ms": round(1000 * queries.seconds, 1),
                "upstream_ms": round(1000 * waited),
                "user": user_id(request),
                "request": request.id,
            }
            line = " ".join(f"{name}={'-' if value is None else value}" for name, value in values.items())
            logger.log(level, line, extra=values)  # in JSON the values are keys of their own as well
        return response


def method_of(request: HttpRequest) -> str:
    return request.method if request.method in METHODS else "other"  # clients may send anything


def route_of(match: ResolverMatch | None) -> str:
    """The pattern of the address, such as `/api/weeks/{pk}`: addresses themselves may contain secrets."""
    return plain(match.route, match.view_name) if match else "unknown"


@lru_cache(maxsize=1000)
def plain(route: str, name: str) -> str:
    """The route with its parameters in braces; for a catch-all pattern, the name of the view."""
    pattern = re.sub(r"\(\?P<(\w+)>[^()]*\)|<(?:\w+:)?(\w+)>", r"{\1\2}", route)
    return name if "(" in pattern else "/" + re.sub(r"\^|\$$|\\Z$", "", pattern)


def user_id(request: HttpRequest) -> int | None:
    """The id of the user, if the view has looked the user up: nothing is loaded for the log."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject) and user._wrapped is empty:
        return None
    return getattr(user, "pk", None)


class WithoutAddress(logging.Filter):
    """Django's lines about a request have its route and its id, in place of an address that may contain a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            route, path = route_of(request.resolver_match), request.path
            record.args = tuple(route if arg == path else arg for arg in record.args or ())
            record.request = getattr(request, "id", None)
        return True
