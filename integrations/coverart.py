"""Front covers of the Cover Art Archive: https://musicbrainz.org/doc/Cover_Art_Archive/API

This only asks whether there is a cover: the archive redirects to the picture, or answers 404.
"""

import re
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from itertools import islice
from typing import Any, Literal
from urllib.parse import unquote
from uuid import UUID

import requests

from . import deadline
from .http import Request, Upstream, origin, redirect_target

SERVICE = "The Cover Art Archive"
ARCHIVE = "https://coverartarchive.org"  # where browsers get pictures, even if COVERART_BASE_URL is another address
FRONT_AGE = timedelta(days=7)
MAX_CHECKS = 25  # at a time
DEADLINE = 2  # seconds for all covers of one answer

Entity = Literal["release", "release-group"]
Cover = tuple[Entity, UUID]


class CoverArtArchive(Upstream):
    service, name = "coverart", SERVICE
    max_connections = 25
    follows_redirects = False

    def is_answer(self, path: str, body: dict[str, Any]) -> bool:
        return isinstance(body.get("has_front"), bool)

    def read(self, path: str, response: requests.Response) -> dict[str, Any]:
        """Whether there is a front: a redirect to a server of the archive. Its address is read, but not requested."""
        if response.status_code == HTTPStatus.NOT_FOUND:
            return {"has_front": False}
        if response.status_code == HTTPStatus.TEMPORARY_REDIRECT:
            address = redirect_target(f"{self.base_url}{path}", response)
            if origin(address) == origin(self.base_url) or read_address(address):
                return {"has_front": True}
        raise self.unavailable("sent an answer that says nothing about a cover")


upstream = CoverArtArchive()


def front_url(entity: Entity, musicbrainz_id: UUID) -> str:
    """The archive's address of a front cover, 500 pixels wide, whether or not there is one."""
    return f"{ARCHIVE}/{entity}/{musicbrainz_id}/front-500"


def read_address(text: str) -> str | None:
    """The permanent address of a picture at the archive, which browsers may load; None if the text is anything else."""
    found = re.fullmatch(r"(?:https?://)?((?:\w+\.)*(?:coverartarchive|archive)\.org)(/[\w%.,()/~+-]+)", text, re.ASCII)
    if not found:
        return None
    host, path = found[1].lower().removeprefix("www."), found[2]
    if {".", ".."} & set(unquote(path).split("/")):  # browsers would resolve it to another path
        return None
    if host not in {"coverartarchive.org", "archive.org"}:
        # Where the archive's redirects end. That address does not last: items move between nodes.
        host, path = "archive.org", re.sub(r"^/\d+/items/", "/download/", path)
    return f"https://{host}{path}"


def find_fronts(wanted: Iterable[Cover], *, force_refresh: bool = False, within: float = DEADLINE) -> dict[UUID, bool]:
    """What the archive says about up to MAX_CHECKS covers, asked in parallel, `within` these seconds; with
    `force_refresh` even if the cache has an answer.

    Covers about which nothing is known by then are left out, but still asked about, so that the next call may have
    them.
    """
    covers = {
        (what, which): Request(f"/{what}/{which}/front-500", {}, FRONT_AGE, force_refresh)
        for what, which in islice(wanted, MAX_CHECKS)
    }
    with deadline.at_most(within):
        answers = upstream.get_many(covers)
    return {musicbrainz_id: answer.body["has_front"] for (_, musicbrainz_id), answer in answers.items()}
