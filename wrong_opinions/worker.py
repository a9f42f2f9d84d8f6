"""The worker of gunicorn.conf.py: gunicorn's threaded worker, in which a client that stalls holds no thread.

The main thread receives requests without blocking; a thread gets a request once all of it has arrived, or more of it
than its address accepts. What a client does not read at once of its answer is sent by the main thread, too.
docs/deployment.md says why.
"""

import contextlib
import json
import re
import selectors
import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Any

from django.conf import settings
from gunicorn.errors import ConfigError
from gunicorn.http import errors
from gunicorn.http.body import ChunkedReader
from gunicorn.http.parser import RequestParser
from gunicorn.workers.gthread import ThreadWorker

from .bodies import max_body

MAX_HEAD = 64 * 1024  # bytes of the request line and headers
MAX_CHUNK_LINE = 8190  # bytes, as in gunicorn
MAX_RECEIVE = 64 * 1024  # bytes at a time; a body of more is kept in a temporary file
LINGER = 2  # seconds that a client has to read its answer before the connection is gone
HEAD_END = re.compile(rb"\n\r?\n")  # that lines end with \r\n is for gunicorn's parser to insist on
CHUNK_SIZE = re.compile(rb"[0-9a-fA-F]{1,15}(?![0-9a-fA-F])")
STATUSES = {
    errors.InvalidResponseHeader: 500,
    errors.InvalidResponseHeaderName: 500,
    errors.LimitRequestLine: 414,
    errors.ExpectationFailed: 417,
    errors.LimitRequestHeaders: 431,
    errors.UnsupportedTransferCoding: 501,
    errors.ParseException: 400,
}
PROBLEMS = {
    400: ("bad_request", "The request cannot be read"),
    408: ("request_timeout", "The request did not arrive in time; send it again"),
    414: ("uri_too_long", "The address is too long"),
    417: ("expectation_failed", "The only expectation that this server knows is 100-continue"),
    431: ("headers_too_large", "The headers are too large"),
    500: ("server_error", "Something went wrong on our side"),
    501: ("not_implemented", "The only transfer coding that this server knows is chunked"),
}


class Chunks:
    """Finds the end of a body in chunks. Reading them, and refusing faulty ones, is for gunicorn's parser."""

    def __init__(self):
        self.size = self.skip = 0  # bytes of all chunks so far; bytes before the next line
        self.line = b""
        self.is_last = self.is_complete = False

    def add(self, data):
        start = 0
        while start < len(data) and not self.is_complete:
            skipped = min(self.skip, len(data) - start)
            self.skip -= skipped
            end = data.find(b"\n", start + skipped) + 1 or len(data)
            self.line += data[start + skipped : end]
            start = end
            if self.line.endswith(b"\n"):
                self.end_line()
            elif len(self.line) > MAX_CHUNK_LINE:
                raise errors.InvalidChunkSize(b"")

    def end_line(self):
        line, self.line = self.line.strip(), b""
        if self.is_last:  # what follows is trailers, and an empty line
            self.is_complete = not line
        elif size := CHUNK_SIZE.match(line):
            length = int(size[0], 16)
            self.size += length
            self.skip = length + 2 if length else 0
            self.is_last = not length
        else:
            raise errors.InvalidChunkSize(b"")


class Incoming(RequestParser):
    """A request as it arrives: its head is parsed when it is there, and given out when the body is there, too."""

    def __init__(self, cfg, client):
        super().__init__(cfg, (), client)
        self.began = time.monotonic()
        self.head = bytearray()
        self.body = None  # a file, where it did not arrive with its head
        self.is_ready = self.is_cut = self.expects_continue = False

    def __next__(self):
        return self.mesg

    @property
    def deadline(self):
        return self.began + (settings.WEB_REQUEST_TIMEOUT if self.mesg else settings.WEB_HEAD_TIMEOUT)

    def add(self, data):
        if self.mesg is None:
            self.head += data
            if HEAD_END.search(self.head, max(0, len(self.head) - len(data) - 2)):
                data = self.parse_head()
            elif len(self.head) > MAX_HEAD:
                is_line_over = b"\n" in self.head
                raise errors.LimitRequestHeaders("") if is_line_over else errors.LimitRequestLine(MAX_HEAD, MAX_HEAD)
        if self.mesg:
            self.add_to_body(data)

    def parse_head(self):
        """What has arrived of the body."""
        self.unreader.unread(bytes(self.head))
        request = super().__next__()
        self.expects_continue, request._expected_100_continue = request._expected_100_continue, False
        reader = request.body.reader
        self.chunks = Chunks() if isinstance(reader, ChunkedReader) else None
        self.size = 0 if self.chunks else reader.length
        self.received = 0
        self.limit = max_body(request.path)
        return self.unreader.take_buffered()

    def add_to_body(self, data):
        self.received += len(data)
        if self.chunks:
            self.chunks.add(data)
            self.size = self.chunks.size
        is_complete = self.chunks.is_complete if self.chunks else self.received >= self.size
        # What stands between chunks is not endless, either.
        self.is_cut = self.size > self.limit or self.received > 2 * self.limit + MAX_RECEIVE
        self.is_ready = is_complete or self.is_cut
        self.keep(data)

    def keep(self, data):
        if self.body is None and self.is_ready:
            self.unreader.unread(data)
            return
        if self.body is None:
            self.body = SpooledTemporaryFile(MAX_RECEIVE)  # noqa: SIM115 - closed with the request
        self.body.write(data)
        if self.is_ready:
            self.body.seek(0)
            self.unreader.iter = iter(partial(self.body.read, MAX_RECEIVE), b"")

    def finish_headers(self):
        """Make of a body in chunks one of a known length, for which Django asks; and close after a part of a body."""
        request = self.mesg
        if self.is_cut:
            request.force_close()
            self.size = max(self.size, self.limit + 1)
        elif self.chunks:
            whole = SpooledTemporaryFile(MAX_RECEIVE)  # noqa: SIM115 - closed with the request
            shutil.copyfileobj(request.body, whole)
            whole.seek(0)
            self.unreader.unread(self.rest())
            self.close()
            self.body = request.body = whole
        if self.chunks:
            request.headers = [header for header in request.headers if header[0] != "TRANSFER-ENCODING"]
            request.headers.append(("CONTENT-LENGTH", str(self.size)))

    def rest(self):
        """What has arrived of the next request."""
        return self.unreader.take_buffered() + (self.body.read() if self.body else b"")

    def close(self):
        if self.body:
            self.body.close()


class Client(socket.socket):
    """The connection to a client. What the client does not read at once is kept, so that no thread waits for it."""

    unsent: Any = None  # a file

    def sendall(self, data, flags=0):
        sent = 0
        if self.unsent is None:
            with contextlib.suppress(BlockingIOError):
                sent = self.send(data, socket.MSG_DONTWAIT)
            if sent == len(data):
                return
            self.unsent = SpooledTemporaryFile(MAX_RECEIVE)  # noqa: SIM115 - closed with the request
        self.unsent.write(data[sent:])

    def flush(self):
        """Send the next part of that, as the poller says that there is room."""
        start = self.unsent.tell()
        data = self.unsent.read(MAX_RECEIVE)
        self.unsent.seek(start + self.send(data, socket.MSG_DONTWAIT))
        if not data:
            self.unsent.close()
            self.unsent = None

    def close(self):
        if self.unsent:
            self.unsent.close()
        super().close()


class Worker(ThreadWorker):
    """gunicorn's, with a main thread that does all waiting for clients."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.waiting = set()  # connections that the poller watches for us, each until its `timeout`
        self.next_sweep = 0.0

    @classmethod
    def check_config(cls, cfg, log):
        if cfg.is_ssl:
            raise ConfigError("This worker speaks plain HTTP: leave TLS to the proxy in front of it.")

    def get_thread_pool(self):
        return ThreadPoolExecutor(settings.WEB_THREADS)

    def enqueue_req(self, conn):
        """Receive the request that a new connection, or one kept alive, begins to send."""
        pipelined = b""
        if conn.initialized:
            pipelined = conn.parser.unreader.take_buffered()
        else:
            family = conn.sock.family
            conn.sock, conn.initialized = Client(family, fileno=conn.sock.detach()), True
        conn.parser = Incoming(self.cfg, conn.client)
        self.receive(conn, pipelined)

    def receive(self, conn, data=b""):
        incoming = conn.parser
        try:
            data = data or conn.sock.recv(MAX_RECEIVE, socket.MSG_DONTWAIT)
            incoming.add(data)
            if incoming.expects_continue and not incoming.is_ready:
                incoming.expects_continue = False
                conn.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n", socket.MSG_DONTWAIT)
        except BlockingIOError:
            self.wait(conn, self.on_readable, incoming.deadline)
        except OSError:  # the client is gone, or the disk is full
            self.forget(conn)
        except Exception as error:  # noqa: BLE001 - or one faulty request would end all of this process
            self.handle_error(None, conn.sock, conn.client, error)
            self.linger(conn)
        else:
            if incoming.is_ready:
                super().enqueue_req(conn)
            elif data:
                self.wait(conn, self.on_readable, incoming.deadline)
            else:
                self.forget(conn)

    def on_readable(self, conn, _):
        self.stop_waiting(conn)
        self.receive(conn)

    def handle_request(self, req, conn):
        conn.parser.finish_headers()
        return super().handle_request(req, conn)

    def finish_request(self, conn, fs):
        """Keep the connection, with what has arrived of its next request, or let the client read the last answer."""
        if conn.sock.unsent:
            conn.sock.unsent.seek(0)
            deadline = time.monotonic() + settings.WEB_SEND_TIMEOUT
            self.wait(conn, partial(self.on_writable, fs), deadline, selectors.EVENT_WRITE)
        elif not fs.cancelled() and not fs.exception() and fs.result():
            conn.parser.unreader.unread(conn.parser.rest())
            conn.parser.close()
            super().finish_request(conn, fs)
        else:
            self.linger(conn)

    def on_writable(self, fs, conn, _):
        try:
            conn.sock.flush()
        except OSError:  # the client is gone
            self.stop_waiting(conn)
            self.forget(conn)
        else:
            if not conn.sock.unsent:
                self.stop_waiting(conn)
                self.finish_request(conn, fs)

    def linger(self, conn):
        """Close, but first drop what the client still sends: after a plain close it might not get its answer."""
        conn.parser.close()
        conn.parser = None
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            self.wait(conn, self.drain, time.monotonic() + LINGER)
        except (OSError, ValueError):  # it is closed already
            self.forget(conn)

    def drain(self, conn, _):
        try:
            if conn.sock.recv(MAX_RECEIVE, socket.MSG_DONTWAIT):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.stop_waiting(conn)
        self.forget(conn)

    def wait(self, conn, callback, deadline, event=selectors.EVENT_READ):
        conn.timeout = deadline
        self.poller.register(conn.sock, event, partial(callback, conn))
        self.waiting.add(conn)

    def stop_waiting(self, conn):
        self.poller.unregister(conn.sock)
        self.waiting.remove(conn)

    def forget(self, conn):
        if conn.parser:
            conn.parser.close()
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self):
        """Close connections at their deadlines. The main loop calls this at least every second."""
        now = time.monotonic()
        if now < self.next_sweep:
            return
        self.next_sweep = now + 0.5
        for conn in [conn for conn in self.waiting if now >= conn.timeout]:
            self.stop_waiting(conn)
            if conn.parser and conn.parser.head and not conn.parser.is_ready:
                send_problem(conn.sock, 408)
                self.linger(conn)
            else:
                self.forget(conn)

    def handle_error(self, req, client, addr, exc):
        """Answer as the API does. Nothing of the request is logged, as its address may hold a secret."""
        status = next((status for kind, status in STATUSES.items() if isinstance(exc, kind)), 500)
        if status == 500:
            self.log.error("Error handling a request", exc_info=exc)
        send_problem(client, status)


def send_problem(sock, status):
    code, detail = PROBLEMS[status]
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code})
    head = f"HTTP/1.1 {status} {title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
    with contextlib.suppress(OSError):
        sock.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
