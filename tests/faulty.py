"""Upstreams on loopback that fail in every way that real ones do."""

import contextlib
import json
import re
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any

from tests import payloads

RETRY = {"Retry-After": "20"}
TOO_FAST = {"error": "Your requests are exceeding the allowable rate limit. Please see http://wiki.musicbrainz.org/"}
BUSY = {"error": "The MusicBrainz web server is currently busy. Please try again later."}
SHED = {"Retry-After": "0", "X-RateLimit-Zone": "search-global", "X-RateLimit-Who": "search-shed"}


def answer(status: int, body: Any = b"", headers: dict[str, str] | None = None) -> bytes:
    """A whole answer of HTTP; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    # `close`, as a connection that is used again would still behave as an earlier mode did.
    sent = {"Content-Type": "application/json", "Content-Length": str(len(content)), "Connection": "close"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (sent | (headers or {})).items())
    return f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + content


def change(sent: bytes, edit: Callable[[Any], Any]) -> bytes:
    """The answer with another JSON."""
    content = sent.partition(b"\r\n\r\n")[2]
    return answer(200, edit(json.loads(content))) if content else sent


# What is sent in the modes that just send fixed bytes.
ANSWERS = {
    **{str(status): answer(status, {"status_message": "No."}) for status in (401, 403, 404, 429, 500, 502, 503, 504)},
    "304": answer(304),  # though the request had no condition
    "429 retry": answer(429, {"status_code": 25}, RETRY),
    "503 retry": answer(503, {"status_code": 9}, RETRY),
    "rate limit": answer(503, TOO_FAST),
    "rate limit retry": answer(503, TOO_FAST, RETRY),
    "shed": answer(503, BUSY, SHED),
    "redirects for ever": answer(302, headers={"Location": "loop"}),
    "redirects elsewhere": answer(302, headers={"Location": "http://localhost/movie/120"}),
    "too large": answer(200, {"id": 120, "title": "x" * 6_000_000, "results": [], "releases": []}),
    "garbage": bytes(range(255, 0, -1)) * 9,
    "garbage body": answer(200, bytes(range(256))),
    "no gzip": answer(200, b"this is not compressed", {"Content-Encoding": "gzip"}),
    "truncated": answer(200, b'{"results": [', {"Content-Length": "5000"}),
    "html": answer(200, b"<!DOCTYPE html><title>Down for maintenance</title>", {"Content-Type": "text/html"}),
    "empty": answer(200),
    "null": answer(200, b"null"),
    "list": answer(200, [{"id": 120}]),
    "wrong types": answer(200, {"id": ["x"], "results": "x", "releases": {"x": 1}}),
}
DRIPS = {"drip": answer(200, headers={"Content-Length": "5000"}), "drip head": b"HTTP/1.1 200 OK\r\nX-Long: "}


class FaultyServer:
    """One upstream, which answers as its `mode` says: see become()."""

    healthy: Callable[[str], bytes]  # what it answers to a path when it is well

    def __init__(self) -> None:
        self.mode, self.paths = "healthy", []
        self.released = threading.Event()  # releases hanging requests
        self.port, self.places = 0, contextlib.ExitStack()
        self._open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def become(self, mode: str) -> None:
        """Answer in another way from now on, at the same address; hanging requests are cut off."""
        moves = "refused" in {mode, self.mode}
        if moves:
            self.close()
        self.mode = mode
        self.released.set()
        self.released = threading.Event()
        if moves:
            self._open()

    def close(self) -> None:
        """End all connections and threads."""
        self.released.set()
        self.places.close()

    def _open(self) -> None:
        if self.mode == "refused":
            # Bound, but not listening: the port stays ours, and connections to it are refused.
            sock = self.places.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", self.port))
            return
        server = self.places.enter_context(_Server(("127.0.0.1", self.port), self._serve))
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=[0.002])
        thread.start()
        self.places.callback(thread.join)
        self.places.callback(server.shutdown)

    def _serve(self, connection: socket.socket, address: Any, server: Any) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            if not (piece := connection.recv(65536)):
                return
            request += piece
        path, mode, released = request.split()[1].decode(), self.mode, self.released
        self.paths.append(path)
        if mode == "timeout":
            released.wait(300)
        elif mode in DRIPS:
            connection.sendall(DRIPS[mode])
            while not released.wait(0.1):
                connection.sendall(b" ")
        elif mode in {"reset", "reset midway"}:
            if mode == "reset midway":
                connection.sendall(ANSWERS["truncated"])
            # Without lingering, closing sends RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        else:
            if mode == "slow":
                released.wait(0.2)
            connection.sendall(ANSWERS.get(mode) or self.healthy(path))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client has gone, as it should."""


def tmdb(path: str) -> bytes:
    if path.startswith("/search/movie"):
        return answer(200, payloads.movie_page(payloads.movie_hit()))
    return answer(200, payloads.movie(id=int(re.search(r"/movie/(\d+)", path)[1])))


def musicbrainz(path: str) -> bytes:
    if path.startswith("/release?"):
        return answer(200, payloads.release_page(payloads.release_hit()))
    if found := re.search(r"/artist/([\w-]+)", path):
        return answer(200, payloads.artist(id=found[1]))
    # Without a front of its own, so that the archive is asked for that of the group.
    art = {"cover-art-archive": {"front": False}}
    return answer(200, payloads.release(id=re.search(r"/release/([\w-]+)", path)[1], **art))


def coverart(path: str) -> bytes:
    return answer(307, headers={"Location": "https://archive.org/download/x.jpg"})
