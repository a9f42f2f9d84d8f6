"""Connections to upstreams whose answers begin in time.

The time-out of a socket is one between two pieces: a head that comes byte by byte would never end.
"""

import contextlib
import socket
import threading
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

HEAD = 1.25  # times the time-out between two pieces, for the whole head of an answer


class HeadInTime:
    """A connection that is shut down where the head of an answer takes too long."""

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


class HTTPConnection(HeadInTime, urllib3.connection.HTTPConnection):
    pass


class HTTPSConnection(HeadInTime, urllib3.connection.HTTPSConnection):
    pass


class HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = HTTPConnection


class HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = HTTPSConnection


def watch(adapter: HTTPAdapter) -> None:
    """Let the adapter use such connections."""
    adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPPool, "https": HTTPSPool}
