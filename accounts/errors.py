"""What the functions of this app raise, and the page that shows it."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin


class Refusal(Exception):
    """A request is refused; `str()` is a sentence for the user, `status` the HTTP status that fits.

    `retry_after` is in whole seconds; None if another attempt makes no sense.
    """

    def __init__(self, sentence: str, code: str, status: HTTPStatus, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.code, self.status, self.retry_after = code, status, retry_after


class RefusalMiddleware(MiddlewareMixin):
    """Shows a Refusal that a page raises, also in the admin; the API has its own handler."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        response = render(request, "accounts/refused.html", {"sentence": str(exception)}, status=exception.status)
        if exception.retry_after is not None:
            response.headers["Retry-After"] = str(exception.retry_after)
        return response
