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
    """Upstream answered that there is no such thing."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class RateLimited(IntegrationError):
    """Upstream, or our own queue in front of it, gets too many requests."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "upstream_busy"


class Unavailable(IntegrationError):
    """Upstream is unreachable, broken, slow, unreadable or not configured; `status` is 502, 503 or 504."""

    code = "upstream_unavailable"


def advice(seconds: int | None) -> str:
    """The end of a sentence that says when to try again; None is not known."""
    if seconds is None:
        return "Try again later."
    return f"Try again in {seconds} {'second' if seconds == 1 else 'seconds'}."


def too_many(what: str, retry_after: int) -> RateLimited:
    """The error that says what there is too much of, and when to try again."""
    return RateLimited(f"Too many requests {what}. {advice(retry_after)}", retry_after=retry_after)
