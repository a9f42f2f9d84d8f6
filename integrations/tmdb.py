"""Movies of The Movie Database: https://developer.themoviedb.org/reference"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http import HTTPStatus
from operator import attrgetter, itemgetter
from typing import Any, Self

from django.conf import settings

from .errors import NotFound, Unavailable
from .http import Request, Upstream
from .values import MAX_TEXT, day, integer, mapping, names, rows, text

SERVICE = "TMDB"
SEARCH_AGE = timedelta(hours=6)
DETAILS_AGE = timedelta(days=1)
MAX_PAGE = 500  # of a search, by TMDB's own rule
MAX_CAST = 50
MAX_CREW = 200  # of the key roles
KEY_JOBS = {"Director", "Writer", "Screenplay", "Composer", "Producer", "Cinematography"}
KEY_JOBS |= {"Original Music Composer", "Director of Photography"}  # TMDB's other names for two of these
HTTP = r"(?:https?://)?"  # people copy addresses with and without it
FLAGS = re.ASCII | re.IGNORECASE


class TMDB(Upstream):
    service, name = "tmdb", SERVICE
    max_connections = 4  # TMDB allows twenty from one IP address

    @property
    def identity(self) -> str:
        return settings.TMDB_API_KEY

    def credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """A v4 key goes into the headers, a v3 key into the query."""
        key = settings.TMDB_API_KEY
        if not key:
            raise Unavailable(
                "This server has no TMDB key, so only movies in its catalog are available.",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            )
        is_v3 = re.fullmatch(r"[0-9a-fA-F]{32}", key)
        return ({}, {"api_key": key}) if is_v3 else ({"Authorization": f"Bearer {key}"}, {})

    def is_answer(self, path: str, body: dict[str, Any]) -> bool:
        if path.endswith(("/search/movie", "/recommendations")):
            return isinstance(body.get("results"), list)
        if path.startswith("/find/"):
            return isinstance(body.get("movie_results"), list)
        return integer(body.get("id")) is not None


upstream = TMDB()


@dataclass(frozen=True)
class MovieHit:
    """A movie as found by a search. If there are no votes, `vote_average` and `vote_count` are 0."""

    tmdb_id: int
    title: str
    original_title: str
    release_date: date | None
    poster_path: str  # such as /abc.jpg; see image_url()
    overview: str
    vote_average: float

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Self:
        return cls(**_common(row))


@dataclass(frozen=True)
class MoviePage:
    page: int
    total_pages: int
    total_results: int
    results: list[MovieHit]


@dataclass(frozen=True)
class Credit:
    """A part that a person plays, or a job that they do: `order` is the place in the billing, or in TMDB's list."""

    credit_id: str
    person_id: int  # TMDB's; 0 without one
    name: str
    profile_path: str
    character: str  # of cast
    department: str  # of crew, as is the job
    job: str
    order: int

    @classmethod
    def from_json(cls, row: dict[str, Any], movie_id: int, place: int) -> Self:
        person_id, job, order = integer(row.get("id")) or 0, text(row.get("job")), integer(row.get("order"))
        return cls(
            credit_id=text(row.get("credit_id"), 60) or f"{movie_id}-{person_id}-{job or place}",  # 2013 had none
            person_id=person_id,
            name=text(row.get("name")),
            profile_path=_path(row.get("profile_path")),
            character=text(row.get("character")),
            department=text(row.get("department"), 100),
            job=job,
            order=place if order is None else order,
        )


@dataclass(frozen=True)
class Movie(MovieHit):
    """A movie with everything that we keep of it; `runtime` is in minutes, None where unknown."""

    fetched_at: datetime = field(compare=False)  # when TMDB sent it; for a cached answer, earlier than now
    backdrop_path: str
    runtime: int | None
    vote_count: int
    tagline: str
    status: str
    imdb_id: str
    original_language: str  # TMDB's code: ISO 639-1, but cn for Cantonese
    overview_language: str  # such as de-DE, or de; empty without an overview
    genres: list[str]
    cast: list[Credit]
    crew: list[Credit]  # the key roles

    @classmethod
    def from_json(cls, row: dict[str, Any], fetched_at: datetime) -> Self:  # type: ignore[override]
        found = mapping(row.get("credits"))
        return cls(
            **_common(row) | _translated(row),
            fetched_at=fetched_at,
            backdrop_path=_path(row.get("backdrop_path")),
            runtime=integer(row.get("runtime")) or None,
            vote_count=integer(row.get("vote_count")) or 0,
            status=text(row.get("status"), 50),
            imdb_id=text(row.get("imdb_id"), 20),
            original_language=text(row.get("original_language"), 10),
            genres=names(row.get("genres")),
            cast=sorted(_credits(found.get("cast"), row["id"], is_crew=False), key=attrgetter("order"))[:MAX_CAST],
            crew=_credits(found.get("crew"), row["id"], is_crew=True)[:MAX_CREW],
        )


def _common(row: dict[str, Any]) -> dict[str, Any]:
    average = row.get("vote_average")
    return {
        "tmdb_id": integer(row.get("id")),
        "title": text(row.get("title")) or text(row.get("original_title")) or "Untitled",
        "original_title": text(row.get("original_title")),
        "release_date": day(row.get("release_date")),
        "poster_path": _path(row.get("poster_path")),
        "overview": text(row.get("overview"), MAX_TEXT),
        "vote_average": average if isinstance(average, (int, float)) and 0 <= average <= 10 else 0,
    }


def _translated(row: dict[str, Any]) -> dict[str, str]:
    """The title, the overview and the tagline, each in the first of TMDB_LANGUAGES that has it, or else in the
    original language.

    TMDB answers in the first language. Without a translation there is no overview or tagline, but the original title,
    which has no translation into its own language.
    """
    translations = _translations(row)
    title, original = text(row.get("title")), text(row.get("original_title"))
    if not title or title == original:
        own = row.get("original_language")
        titles = [
            text(data.get("title")) or (original if language.partition("-")[0] == own else "")
            for language, data in translations
        ]
        title = next(filter(None, titles), title or original or "Untitled")
    texts = [(settings.TMDB_LANGUAGES[0], row), *translations]
    overviews = [(text(data.get("overview"), MAX_TEXT), language) for language, data in texts]
    overview, language = next(filter(itemgetter(0), overviews), ("", ""))
    taglines = [text(data.get("tagline")) for _, data in texts]
    return {
        "title": title,
        "overview": overview,
        "overview_language": language,
        "tagline": next(filter(None, taglines), ""),
    }


def _translations(row: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The translations into TMDB_LANGUAGES and the original language, each with its language, in this order."""
    data = {
        "-".join(filter(None, (text(entry.get("iso_639_1"), 3), text(entry.get("iso_3166_1"), 3)))): mapping(
            entry.get("data")
        )
        for entry in rows(mapping(row.get("translations")).get("translations"))
    }
    wanted = [*settings.TMDB_LANGUAGES, text(row.get("original_language"), 3)]
    return [(known, data[known]) for one in wanted for known in data if one in (known, known.partition("-")[0])]


def _path(value: object) -> str:
    """The path of an image; empty for anything else, which could lead to another site."""
    path = text(value, 200)
    return path if re.fullmatch(r"/[\w.-]+", path) else ""


def _credits(found: object, movie_id: int, *, is_crew: bool) -> list[Credit]:
    """The parts of the cast, or the key roles of the crew, in TMDB's order. An id occurs once, and so does a job of a
    person."""
    parts: list[Credit] = []
    taken: set[object] = set()
    for place, row in enumerate(rows(found)):
        if is_crew and text(row.get("job")) not in KEY_JOBS:
            continue
        credit = Credit.from_json(row, movie_id, place)
        keys = {credit.credit_id, (credit.person_id, credit.job) if is_crew else credit.credit_id}
        if credit.person_id and not keys & taken:
            parts.append(credit)
            taken |= keys
    return parts


def search_movies(query: str, *, page: int = 1, year: int | None = None, premiere: int | None = None) -> MoviePage:
    """Candidates for a title, best first: with any release in `year`, or with the first release in `premiere`.

    Raises RateLimited or Unavailable.
    """
    asked = {
        "query": query,
        "page": page,
        "year": year,
        "primary_release_year": premiere,
        "language": settings.TMDB_LANGUAGES[0],
        "region": settings.TMDB_REGION,
        "include_adult": "false",
    }
    try:
        body = upstream.get(Request("/search/movie", asked, SEARCH_AGE)).body
    except NotFound:  # a search finds nothing with a 200
        raise upstream.unavailable("has trouble answering") from None
    hits = {hit.tmdb_id: hit for hit in map(MovieHit.from_json, rows(body.get("results"))) if hit.tmdb_id}
    return MoviePage(
        page=page,
        total_pages=min(integer(body.get("total_pages")) or 0, MAX_PAGE),
        total_results=integer(body.get("total_results")) or 0,
        results=list(hits.values()),
    )


def fetch_movie(tmdb_id: int, *, force_refresh: bool = False) -> Movie:
    """The movie with its credits and translations, in one request; with `force_refresh`, the cache is ignored.

    Raises NotFound, RateLimited or Unavailable.
    """
    asked = {"language": settings.TMDB_LANGUAGES[0], "append_to_response": "credits,translations"}
    answer = upstream.get(Request(f"/movie/{tmdb_id}", asked, DETAILS_AGE, force_refresh))
    if integer(answer.body["id"]) != tmdb_id:
        raise upstream.unavailable("sent an unexpected answer")
    return Movie.from_json(answer.body, answer.said_at)


def fetch_recommendations(tmdb_ids: Iterable[int]) -> dict[int, list[MovieHit]]:
    """What TMDB recommends for each of these movies, best first, asked in parallel.

    If the answer for a movie does not arrive before the caller's deadline, an earlier answer is used, if any.
    """
    asked = {"language": settings.TMDB_LANGUAGES[0]}
    wanted = {known: Request(f"/movie/{known}/recommendations", asked, DETAILS_AGE) for known in tmdb_ids}
    return {tmdb_id: _recommended(answer.body) for tmdb_id, answer in upstream.get_many(wanted).items()}


def _recommended(body: dict[str, Any]) -> list[MovieHit]:
    fit = [
        row
        for row in rows(body.get("results"))
        if row.get("media_type") in (None, "movie") and row.get("adult") is not True
    ]
    return list({hit.tmdb_id: hit for hit in map(MovieHit.from_json, fit) if hit.tmdb_id}.values())


def find_imdb(imdb_id: str) -> int:
    """The TMDB id of a movie of IMDb, such as tt0133093. Raises NotFound, RateLimited or Unavailable."""
    body = upstream.get(Request(f"/find/{imdb_id}", {"external_source": "imdb_id"}, DETAILS_AGE)).body
    for row in rows(body["movie_results"]):
        if tmdb_id := integer(row.get("id")):
            return tmdb_id
    raise NotFound(f"There is no such movie on {SERVICE}.")  # TMDB answers with empty lists then


def read_address(text: str) -> int | str | None:
    """The TMDB id (a number) or IMDb id in the address of a movie, or the text if it is an id itself; otherwise
    None."""
    if found := re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
        return integer(found[0]) or None
    if found := re.fullmatch(rf"{HTTP}(?:www\.)?themoviedb\.org/movie/([0-9]{{1,10}})(?:[-/?#].*)?", text, FLAGS):
        return integer(found[1]) or None
    if found := re.fullmatch(
        rf"(?:{HTTP}(?:\w+\.)?imdb\.com/(?:\w\w(?:-\w\w)?/)?title/)?(tt[0-9]{{5,12}})(?:[/?#].*)?", text, FLAGS
    ):
        return found[1].lower()
    return None


def read_image(text: str) -> str | None:
    """The path of an image, such as /abc.jpg, in an address of TMDB, or the text if it is a path itself; otherwise
    None."""
    site = rf"(?:{HTTP}(?:\w+\.)?(?:tmdb|themoviedb)\.org/t/p/\w+)?"
    found = re.fullmatch(rf"{site}(/[\w.-]+\.(?:jpe?g|png|webp))(?:[?#].*)?", text, FLAGS)
    return found[1] if found and ".." not in found[1] else None


def image_url(path: str, size: str) -> str | None:
    """The address of an image in a size such as `w342`; None if there is no path."""
    return f"{settings.TMDB_IMAGE_BASE_URL}/{size}{path}" if path else None
