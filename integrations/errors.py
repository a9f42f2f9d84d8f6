"""What can go wrong with an upstream; nothing else leaves this package."""

from http import HTTPStatus


class IntegrationError(Exception):
    """An upstream did not give what was asked for; `str()` is a sentence for the person who asked.

    `status` is the HTTP status that fits, `retry_after` the whole seconds until asking again makes sense, if known.
    """

    status = HTTPStatus.BAD_GATEWAY
    code = "upstream_error"

    def __init__(self, sentence: str, *, retry_after: int | None = None, status: HTTPStatus | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.status = status or self.status


class NotFound(IntegrationError):
    """The upstream answered that there is no such thing."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class RateLimited(IntegrationError):
    """The upstream, or our own queue for it, gets too many requests."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "upstream_busy"


class Unavailable(IntegrationError):
    """The upstream is unreachable, broken, slow, unreadable or not configured; `status` is 502, 503 or 504."""

    code = "upstream_unavailable"


def advice(seconds: int | None) -> str:
    """A sentence that says when to try again; `seconds` is None if that is not known."""
    if seconds is None:
        return "Try again later."
    return f"Try again in {seconds} {'second' if seconds == 1 else 'seconds'}."


def too_many(what: str, retry_after: int) -> RateLimited:
    """An error that says which requests are too many, and when to try again."""
    return RateLimited(f"Too many requests {what}. {advice(retry_after)}", retry_after=retry_after)
