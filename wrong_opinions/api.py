"""Problems of the API, as RFC 9457 describes them."""

import logging
import re
import sys
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.middleware import common
from django.views import defaults
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts import security
from accounts.api.authentication import InvalidCredentials
from accounts.errors import Refusal
from integrations.errors import IntegrationError
from selections.models import Week
from selections.services import Conflict

from . import outages

logger = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
# How REST framework's messages begin, and how they go on after the name of their field.
WORDINGS = {
    "This field": "",
    "Ensure this value is greater than or equal to": " must be at least",
    "Ensure this value is less than or equal to": " must be at most",
    "Ensure this field has at least": " must have at least",
    "Ensure this field has no more than": " must have at most",
    "A valid integer is required": " must be a whole number",
    "A valid number is required": " must be a number",
    "Must be a valid": " must be a valid",
    "Not a valid string": " must be a text",
}


def problem(
    status: int, detail: str, code: str, *, errors: list[dict[str, str]] | None = None, retry_after: int | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The body and the headers of a problem; `detail` is one sentence that clients print as it is."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors is not None:
        body["errors"] = errors
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return body, headers


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to what a view raised, or None for a bug, which is a 500."""
    is_refused = isinstance(exc, DatabaseError) and not outages.is_outage(exc)
    if is_refused or isinstance(exc, get_user_model().DoesNotExist):
        user = context["request"].user
        if user and not get_user_model().objects.filter(pk=user.pk).exists():
            exc = InvalidCredentials()  # the account was deleted since this request began
    known = describe(exc)
    if known is None:
        return None
    set_rollback()
    body, headers = known
    if body["status"] == HTTPStatus.FORBIDDEN:
        security.record(f"access refused: {body['code']}", context["request"])
    # Also in views that render pages and documents.
    context["request"].accepted_renderer, context["request"].accepted_media_type = JSONRenderer(), PROBLEM
    return Response(body, status=body["status"], headers=headers, content_type=PROBLEM)


def describe(exc: Exception) -> tuple[dict[str, Any], dict[str, str]] | None:
    match exc:
        case exceptions.ValidationError():
            errors = list(flatten(exc.get_full_details()))
            return problem(422, sentence(errors[0]), "invalid_input", errors=errors)
        case exceptions.NotAuthenticated():
            return problem(401, "Not authenticated", "not_authenticated")
        case exceptions.MethodNotAllowed():
            return problem(405, "Method not allowed here", "method_not_allowed")
        case exceptions.APIException():
            return problem(exc.status_code, str(exc.detail), str(exc.get_codes()))
        case IntegrationError() | Refusal():
            return problem(exc.status, str(exc), exc.code, retry_after=exc.retry_after)
        case Conflict():
            return problem(409, str(exc), exc.code)
        case Week.DoesNotExist():
            return problem(404, "Week not found", "week_not_found")
        case Http404() | ObjectDoesNotExist():
            return problem(404, "Not found", "not_found")
        case PermissionDenied():
            return problem(403, "Permission denied", "permission_denied")
        case RequestDataTooBig():
            return problem(413, "The body is too large", "too_large")
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return problem(400, "The request cannot be read", "bad_request")
    if outages.is_outage(exc):
        logger.error(outages.report(exc))
        return problem(503, outages.sentence(exc), "database_unavailable", retry_after=1)
    return None


def flatten(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    """The `{"field", "code", "message"}` of each error in REST framework's nested details."""
    if isinstance(details, list):
        for item in details:
            yield from flatten(item, field)
    elif isinstance(details, dict) and set(details) == {"message", "code"} and isinstance(details["code"], str):
        yield {"field": field, "code": details["code"], "message": str(details["message"])}
    else:
        for name, inner in details.items():
            inner_field = "" if name == "non_field_errors" else str(name)
            yield from flatten(inner, f"{field}.{inner_field}".strip("."))


def sentence(error: dict[str, str]) -> str:
    """The message of an error with the name of its field, such as "Position must be at most 2."; with a place in a
    file, such as `weeks[3].notes`, as it is."""
    if "[" in error["field"]:
        return f"{error['field']}: {error['message']}"
    name = error["field"].replace("_", " ").capitalize().replace("Tmdb", "TMDB").replace("Musicbrainz", "MusicBrainz")
    message = error["message"]
    for beginning, words in WORDINGS.items():
        if message.startswith(beginning):
            return f"{name}{words}{message.removeprefix(beginning)}"
    is_named = re.search(rf"\b{re.escape(name)}\b", message, re.IGNORECASE)
    return message if is_named else f"{name}: {message}"


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/") or request.path_info in {"/api", "/health", "/health/"}


def _page(request: HttpRequest, status: int, detail: str, code: str) -> HttpResponse:
    body, headers = problem(status, detail, code)
    return JsonResponse(body, status=status, headers=headers, content_type=PROBLEM)


def bad_request(request, exception):
    """Django's 400 page, as JSON under /api."""
    if is_api(request):
        what = "The request cannot be read"
        if isinstance(exception, DisallowedHost):
            what = "Unknown host name. The operator of this server can add it to ALLOWED_HOSTS."
        return _page(request, 400, what, "bad_request")
    return defaults.bad_request(request, exception)


def not_found(request, exception=None):
    """Django's 404 page, as JSON under /api."""
    if is_api(request):
        return _page(request, 404, "Not found", "not_found")
    return defaults.page_not_found(request, exception)


def server_error(request):
    """Django's 500 page, as JSON under /api, without what went wrong, which is in the log; 503 for the database."""
    error = sys.exception()
    if isinstance(error, Exception) and outages.is_outage(error) and (known := describe(error)):
        body, headers = known
        if is_api(request):
            return JsonResponse(body, status=503, headers=headers, content_type=PROBLEM)
        return HttpResponse(body["detail"], status=503, headers=headers, content_type="text/plain")
    if is_api(request):
        return _page(request, 500, "Something went wrong on our side", "server_error")
    return defaults.server_error(request)


class CommonMiddleware(common.CommonMiddleware):
    """Django's middleware, which refuses hosts that are not in ALLOWED_HOSTS, except for a container's health
    checks."""

    def process_request(self, request):
        return None if request.path_info == "/health" else super().process_request(request)


class RefusePlainHTTP:
    """Refuses API requests without TLS: after a redirect the token would have been sent in the clear."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path_info.startswith("/api/") and not request.is_secure():
            return _page(request, 403, "Use https", "https_required")
        return self.get_response(request)
