"""Upstreams on a local server, and drawn posters and covers."""

import re
from collections.abc import Iterable, Mapping
from functools import partial
from html import escape
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests import payloads

FRONT = re.compile(r"/(release|release-group)/([0-9a-f-]{36})/front-500")
HUES = 360  # degrees
LINE = 14  # letters


def serve(server: HTTPServer, *, movies: Iterable[dict[str, Any]] = (), releases: Iterable[dict[str, Any]] = ()) -> str:
    """Make the server answer as TMDB, MusicBrainz and the Cover Art Archive. Returns its address."""
    movies = {str(movie["id"]): movie for movie in movies}
    releases = {release["id"]: release for release in releases}
    for path, answer in (
        (re.compile("/3/search/movie$"), partial(_find_movies, movies)),
        (re.compile(r"/3/movie/\d+$"), partial(_look_up, movies)),
        (re.compile("/ws/2/release$"), partial(_find_releases, releases)),
        (re.compile("/ws/2/release/.*"), partial(_look_up, releases)),
        (re.compile("/caa/.*"), _has_cover),
    ):
        server.expect_request(path).respond_with_handler(answer)
    return server.url_for("").rstrip("/")


def _look_up(known: dict[str, dict[str, Any]], request: Request) -> Response:
    body = known.get(request.path.rpartition("/")[2])
    return _json(payloads.UNKNOWN if body is None else body, 404 if body is None else 200)


def _find_movies(known: dict[str, dict[str, Any]], request: Request) -> Response:
    found = [movie for movie in known.values() if _matches(request.args["query"], movie["title"])]
    hits = [
        payloads.movie_hit(**{name: movie[name] for name in payloads.movie_hit().keys() & movie.keys()})
        for movie in found
    ]
    return _json(payloads.movie_page(*hits))


def _find_releases(known: dict[str, dict[str, Any]], request: Request) -> Response:
    found = [release for release in known.values() if _matches(request.args["query"], _names(release))]
    names = ("id", "title", "status", "artist-credit", "release-group", "date", "country")
    return _json(payloads.release_page(*(payloads.release_hit(**{name: row[name] for name in names}) for row in found)))


def _matches(query: str, name: str) -> bool:
    """Whether the query and the name have a word in common."""
    asked, called = ({*re.findall(r"\w{4,}", text.lower())} for text in (query, name))
    return bool(asked & called)


def _names(release: dict[str, Any]) -> str:
    return f"{release['title']} {''.join(credit['name'] for credit in release['artist-credit'])} {release['id']}"


def _has_cover(request: Request) -> Response:
    return Response(status=307, headers={"Location": "https://archive.org/x.jpg"})


def _json(body: Any, status: int = 200) -> Response:
    return Response(payloads.json_of(body), status, content_type="application/json")


def drawn(url: str, titles: Mapping[str, str]) -> str:
    """An SVG for the poster or cover at this address, with its title if `titles` has its file or release."""
    parts = urlsplit(url).path.split("/")
    name = next((part for part in parts if part in titles), parts[-1])
    width, height = (500, 500) if FRONT.search(url) else (500, 750)
    seed = crc32(name.encode())
    hue, x, y, size = seed % HUES, 90 + seed % 320, 90 + seed // 7 % 190, 110 + seed // 11 % 130
    shapes = [
        f'<rect width="{width}" height="{height}" fill="hsl({hue} 45% 30%)"/>',
        f'<circle cx="{x}" cy="{y}" r="{size}" fill="hsl({(hue + 40) % HUES} 70% 55%)"/>',
        f'<path d="M0 {height - 90}L{x} {y + 60}L500 {height - 200}V{height}H0Z" fill="hsl({hue} 50% 18%)"/>',
    ]
    lines = reversed(_lines(titles.get(name, "")))
    words = (f'<text x="34" y="{height - 40 - 58 * n}">{escape(line)}</text>' for n, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'{"".join(shapes)}<g fill="#fff" font-family="sans-serif" font-weight="700" font-size="52">'
        f"{''.join(words)}</g></svg>"
    )


def _lines(title: str) -> list[str]:
    lines = [""]
    for word in title.split():
        if lines[-1] and len(lines[-1]) + len(word) >= LINE:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:5]
