"""The worker that gunicorn.conf.py names: waitress, which receives a whole request before it passes it to a thread.

So a client that stalls holds a connection until its deadline, but never a thread. gunicorn starts the processes,
replaces those that die, and stops them.
"""

import contextlib
import copy
import json
import logging
import os
import socket
import time
from http import HTTPStatus

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import Error

from . import outages

logger = logging.getLogger(__name__)

MAX_HEADERS = 64 * 1024  # bytes of a request's first line and headers
MAX_ARRIVING = 256_000_000  # bytes of all bodies that are still arriving at a worker
LINGER = 2  # seconds
SENTENCES = {
    400: ("bad_request", "The request cannot be read"),
    413: ("too_large", "The body is too large"),
    431: ("headers_too_large", "The address and the headers are too large"),
    500: ("server_error", "Something went wrong on our side"),
    501: ("not_implemented", "The only transfer encoding that this server supports is chunked"),
    503: ("no_space", "The server has no space left for the body. Try again later"),
}


def max_body(path: str) -> int:
    """The largest body in bytes that the address accepts: larger where files are imported."""
    path = path.removeprefix(settings.ROOT_PATH)
    is_import = path == "/api/import" or (path.startswith("/admin/") and path.endswith("/import/"))
    return int(settings.IMPORT_MAX_MB * 1_000_000) if is_import else settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class NoSpace(Error):
    code = HTTPStatus.SERVICE_UNAVAILABLE


class Request(HTTPRequestParser):
    """A request that is being received, with its deadline and the limit of its address for bodies."""

    adj: Adjustments

    def __init__(self, adj):
        super().__init__(adj)
        self.started_at = time.monotonic()

    def received(self, data):
        try:
            return super().received(data)
        except OSError as error:
            logger.error("The body of a request cannot be kept in TMPDIR: %s", error.strerror)
            self.error, self.completed = NoSpace(""), True
            return len(data)

    def parse_header(self, header_plus):
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            # A proxy may read the other length, and take what follows for another request.
            raise ParsingError("two lengths")
        adjusted = copy.copy(self.adj)
        adjusted.max_request_body_size = max_body(self.path) + 1  # waitress refuses what is as large as this
        self.adj = adjusted

    @property
    def deadline(self):
        """When all of it must have arrived: later where the address accepts larger bodies."""
        if not self.headers_finished:
            return self.started_at + settings.WEB_HEAD_TIMEOUT
        share = self.adj.max_request_body_size / settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return self.started_at + settings.WEB_REQUEST_TIMEOUT * share


class Answer(WSGITask):
    def set_close_on_finish(self):
        """Close if the client asks for it, but not after each 204 and 304, as waitress does: their length is known."""
        if self.has_body or self.request.connection_close:
            super().set_close_on_finish()


class Problem(ErrorTask):
    """A problem as the API's, for what the server itself refuses; nothing of the request is repeated."""

    def execute(self):
        status = HTTPStatus(self.request.error.code)
        code, detail = SENTENCES[status]
        body = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail, "code": code}
        encoded = json.dumps(body).encode()
        self.status = f"{status} {status.phrase}"
        self.response_headers = [("Content-Type", "application/problem+json")]
        self.content_length = len(encoded)
        self.channel.was_refused = True
        self.set_close_on_finish()
        self.write(encoded)


class Channel(HTTPChannel):
    """A connection. After refusing a request that is still arriving, it discards the rest for LINGER seconds before it
    closes: after closing at once the client might never read the answer.
    """

    parser_class = Request
    task_class = Answer
    error_task_class = Problem
    was_refused = False
    lingers_until = None

    def handle_write(self):
        if self.socket is not None:  # or reading, in the same turn, found that the client is gone
            super().handle_write()

    def handle_close(self):
        if self.socket is None:
            return
        if self.was_refused and self.lingers_until is None:
            self.lingers_until = time.monotonic() + LINGER
            with contextlib.suppress(OSError):  # the client is gone
                self.socket.shutdown(socket.SHUT_WR)
        else:
            super().handle_close()

    def readable(self):
        return self.lingers_until is not None or super().readable()

    def writable(self):
        return self.lingers_until is None and super().writable()

    @property
    def arrived(self):
        """Bytes received of a body that is still incomplete."""
        return self.request.body_bytes_received if self.request else 0

    @property
    def is_busy(self):
        return bool(self.requests or self.total_outbufs_len)

    @property
    def is_late(self):
        """Whether the client has exceeded its time to send a request or to read an answer."""
        if self.lingers_until is not None:
            return time.monotonic() > self.lingers_until
        if self.total_outbufs_len:
            return time.time() - self.last_activity > settings.WEB_SEND_TIMEOUT
        return self.request is not None and time.monotonic() > self.request.deadline


class WaitressWorker(Worker):
    """A process with a main thread that receives and sends, and WEB_THREADS threads that answer."""

    def run(self):
        outages.report_at_start()
        self.connections: dict = {}  # of waitress' event loop, by file descriptor
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(settings.WEB_THREADS)
        servers = [self.listen(listener.sock, dispatcher) for listener in self.sockets]
        while self.alive and os.getppid() == self.ppid:
            self.turn()
        for server in servers:
            server.accepting = False
        end = time.monotonic() + self.cfg.graceful_timeout
        while time.monotonic() < end and any(channel.is_busy for channel in self.channels()):
            self.turn()
        dispatcher.shutdown(timeout=1)

    def listen(self, listener, dispatcher):
        server = create_server(
            self.wsgi,
            map=self.connections,
            _dispatcher=dispatcher,
            sockets=[listener],
            url_prefix=settings.ROOT_PATH,
            send_bytes=1,  # a thread sends its answer by itself: it costs less than waking the main thread
            ident=None,  # no Server header
            connection_limit=self.cfg.worker_connections,
            channel_timeout=self.cfg.keepalive,  # seconds for which an idle connection stays open
            cleanup_interval=1,  # seconds
            max_request_header_size=MAX_HEADERS,
            clear_untrusted_proxy_headers=False,  # the setting HTTPS says which of them count
        )
        server.channel_class = Channel
        return server

    def turn(self):
        """Handle what has happened, and close the connections of clients that are late."""
        self.notify()
        wasyncore.loop(timeout=1, use_poll=True, map=self.connections, count=5)
        for channel in self.channels():
            if channel.is_late:
                channel.handle_close()
        arriving = sorted(self.channels(), key=lambda channel: channel.arrived)
        while sum(channel.arrived for channel in arriving) > MAX_ARRIVING:
            arriving.pop().handle_close()

    def channels(self):
        return [channel for channel in self.connections.values() if isinstance(channel, Channel)]
