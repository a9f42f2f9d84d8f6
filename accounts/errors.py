"""What the functions of this app raise."""

from http import HTTPStatus


class Refusal(Exception):
    """What somebody asked for may not be; `str()` is a sentence for them, `status` the HTTP status that fits.

    `retry_after` is in whole seconds, where another attempt makes sense then.
    """

    def __init__(self, sentence: str, code: str, status: HTTPStatus, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.code, self.status, self.retry_after = code, status, retry_after
