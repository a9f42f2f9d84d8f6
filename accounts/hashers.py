"""How passwords are hashed: a few at a time, and independent of how their characters are encoded."""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BasePasswordHasher,
    BCryptPasswordHasher,
    check_password,
    get_hasher,
    identify_hasher,
)

from .errors import Refusal

MAX_HASHES = 2  # at once in a process, as each takes 100 MB
MAX_WAITING = 2  # threads of a process; more are refused at once, so that threads stay free for other requests
MAX_WAIT = 5  # seconds

_slots = threading.BoundedSemaphore(MAX_HASHES)
_places = threading.BoundedSemaphore(MAX_HASHES + MAX_WAITING)


def normalize(password: str) -> str:
    """The password as it is hashed (NIST SP 800-63B): keyboards differ in how they encode letters with accents."""
    return unicodedata.normalize("NFKC", password)


@contextmanager
def _slot() -> Iterator[None]:
    with ExitStack() as held:
        for semaphore, timeout in ((_places, 0), (_slots, MAX_WAIT)):
            if not semaphore.acquire(timeout=timeout):
                sentence = f"The server is busy checking passwords. Try again in {MAX_WAIT} seconds."
                raise Refusal(sentence, "busy", HTTPStatus.TOO_MANY_REQUESTS, retry_after=MAX_WAIT)
            held.callback(semaphore.release)
        yield


def is_outdated(encoded: str, password: str) -> bool:
    """Whether the hash of a correct password should be replaced: it is of another kind or has other parameters than new
    ones, or was made before passwords were normalized."""
    preferred = get_hasher()
    if identify_hasher(encoded).algorithm != preferred.algorithm or preferred.must_update(encoded):
        return True
    return password != normalize(password) and not check_password(normalize(password), encoded)


class BoundedHasher(BasePasswordHasher):
    """Raises Refusal with 429 after MAX_WAIT seconds.

    Hashes of passwords that were not normalized still work: `backends.Backend` replaces them.
    """

    def verify(self, password: str, encoded: str) -> bool:
        normalized = normalize(password)
        with _slot():
            return super().verify(normalized, encoded) or (password != normalized and super().verify(password, encoded))


class BCryptHasher(BoundedHasher, BCryptPasswordHasher):
    """Reads the hashes of accounts from the FastAPI version, for which only the first MAX_BYTES counted."""

    MAX_BYTES = 72  # by bcrypt's own rule; newer releases of it refuse more

    def encode(self, password: str, salt: str) -> str:
        return super().encode(password.encode()[: self.MAX_BYTES], salt)  # type: ignore[arg-type]  # Django takes both


class PasswordHasher(BoundedHasher, Argon2PasswordHasher):
    """Argon2 with Django's parameters, which exceed OWASP's."""

    def encode(self, password: str, salt: str) -> str:
        normalized = normalize(password)
        with _slot():
            if password != normalized:
                # Take as long as verify() does: for an unknown username Django hashes the password instead.
                super().encode(password, salt)
            return super().encode(normalized, salt)
