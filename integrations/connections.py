"""Connections to upstreams that tell when a request has gone out, and whose answers begin in time.

The time-out of a socket is one between two pieces: a head that comes byte by byte would never end.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

HEAD = 1.25  # times the time-out between two pieces, for the whole head of an answer


# What to call when a request of this thread has gone out, after connecting and shaking hands.
on_sent: ContextVar[Callable[[], None] | None] = ContextVar("on_sent", default=None)


class Watched:
    """A connection that says when it has sent, and is shut down where the head of an answer takes too long."""

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)  # type: ignore[misc]
        if tell := on_sent.get():
            tell()

    def getresponse(self: Any) -> Any:
        is_late = threading.Event()
        timer = threading.Timer(HEAD * self.timeout, shut_down, [self.sock, is_late])
        timer.daemon = True
        timer.start()
        try:
            return super().getresponse()  # type: ignore[misc]
        finally:
            timer.cancel()
            if is_late.is_set():  # or half a head would pass for a whole one
                raise TimeoutError("the head of the answer timed out")


def shut_down(sock: socket.socket, is_late: threading.Event) -> None:
    """Whoever reads from it finds its end. An SSLSocket's own method is not for use by two threads."""
    is_late.set()
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


class HTTPConnection(Watched, urllib3.connection.HTTPConnection):
    pass


class HTTPSConnection(Watched, urllib3.connection.HTTPSConnection):
    pass


class HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = HTTPConnection


class HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = HTTPSConnection


def watch(adapter: HTTPAdapter) -> None:
    """Let the adapter use such connections."""
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPPool, "https": HTTPSPool}
