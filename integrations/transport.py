"""Connections to upstreams that wait for their slot before they send, and read an answer until a deadline.

A socket's time-out only limits the time between two pieces: an answer that arrives byte by byte would never end.
"""

import http.client
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from time import monotonic
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

MAX_ANSWER_TIME = 10  # seconds for a whole answer: its head and its body

# The context manager in which this thread sends a request, once it has connected and finished the TLS handshake.
sending: ContextVar[Callable[[], AbstractContextManager[None]]] = ContextVar("sending", default=nullcontext)


class DeadlineResponse(http.client.HTTPResponse):
    """Raises TimeoutError when the whole answer has taken too long."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        raw: Any = self.fp.raw  # reads from the socket, into the buffer of `fp`
        read, deadline = raw.readinto, monotonic() + MAX_ANSWER_TIME

        def read_in_time(buffer: Any) -> int | None:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            sock.settimeout(min(left, sock.gettimeout() or left))
            count: int | None = read(buffer)
            return count

        raw.readinto = read_in_time


class UpstreamConnection:
    response_class: Any = DeadlineResponse

    def request(self: Any, *args: Any, **options: Any) -> None:
        if self.sock is None:
            self.connect()
        with sending.get()():
            super().request(*args, **options)  # type: ignore[misc]


class HTTPConnection(UpstreamConnection, urllib3.connection.HTTPConnection):
    pass


class HTTPSConnection(UpstreamConnection, urllib3.connection.HTTPSConnection):
    pass


class HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = HTTPConnection


class HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = HTTPSConnection


def new_session(max_connections: int) -> requests.Session:
    """A session with these connections to a host; further requests wait for a free one. There are no retries, as
    urllib3's would skip the rate limit."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        adapter = HTTPAdapter(pool_maxsize=max_connections, pool_block=True, max_retries=0)
        adapter.poolmanager.pool_classes_by_scheme = {"http": HTTPPool, "https": HTTPSPool}
        session.mount(scheme, adapter)
    return session
