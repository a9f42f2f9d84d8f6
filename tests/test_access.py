"""Who may do what: each method of each address in the URL configuration, for each role."""

import json
import re
from itertools import product

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import get_resolver
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from accounts import services
from accounts.api.authentication import IsSignedIn
from accounts.models import User
from catalog.models import AlbumArtist, MovieCast
from selections.models import Event
from tests import payloads
from tests.conftest import access_token, refresh_token, session_of
from tests.endpoints import METHODS, OPERATIONS, VIEWS, endpoints
from tests.factories import (
    FETCHED,
    PASSWORD,
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    ChallengeFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    ShortlistItemFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
    make_user,
    share_year,
)

# The status for each role, of what belongs to the owner: no token; the owner; another member; another member when the
# owner is private; staff when the owner is private; the owner when disabled; a script with the owner's read-only API
# token; a script with a full one.
ROLES = ["anonymous", "owner", "member", "private", "staff", "disabled", "reader", "script"]
ROWS = {
    "GET /health": "200 200 200 200 200 200 200 200",
    "GET /api/schema": "200 200 200 200 200 200 200 200",
    "GET /api/docs": "200 200 200 200 200 200 200 200",
    "GET /api/redoc": "200 200 200 200 200 200 200 200",
    "POST /api/auth/register": "201 201 201 201 201 201 201 201",
    "POST /api/auth/login": "200 200 200 200 200 403 200 200",
    "POST /api/auth/refresh": "200 200 200 200 200 401 200 200",
    "POST /api/auth/logout": "204 204 204 204 204 204 204 204",
    "POST /api/auth/password-reset": "202 202 202 202 202 202 202 202",
    "POST /api/auth/password-reset/confirm": "204 204 204 204 204 403 204 204",
    "GET /api/auth/me": "401 200 200 200 200 403 200 200",
    "POST /api/auth/password": "401 204 204 204 204 403 403 403",
    "GET /api/auth/sessions": "401 200 200 200 200 403 403 403",
    "DELETE /api/auth/sessions": "401 204 204 204 204 403 403 403",
    "DELETE /api/auth/sessions/{pk}": "401 204 404 404 404 403 403 403",
    "GET /api/auth/tokens": "401 200 200 200 200 403 403 403",
    "POST /api/auth/tokens": "401 201 201 201 201 403 403 403",
    "DELETE /api/auth/tokens/{pk}": "401 204 404 404 404 403 403 403",
    "GET /api/users": "401 200 200 200 200 403 200 200",
    "GET /api/users/{pk}": "401 200 200 404 404 403 200 200",
    "PATCH /api/users/{pk}": "401 200 403 404 404 403 403 403",
    "DELETE /api/users/{pk}": "401 204 403 404 404 403 403 403",
    "GET /api/movies/search": "401 200 200 200 200 403 200 200",
    "GET /api/movies/lookup": "401 200 200 200 200 403 200 200",
    "GET /api/movies/selections": "401 200 200 200 200 403 200 200",
    "GET /api/movies/{tmdb_id}": "401 200 200 200 200 403 200 200",
    "GET /api/movies/{tmdb_id}/credits": "401 200 200 200 200 403 200 200",
    "GET /api/albums/search": "401 200 200 200 200 403 200 200",
    "GET /api/albums/lookup": "401 200 200 200 200 403 200 200",
    "GET /api/albums/selections": "401 200 200 200 200 403 200 200",
    "GET /api/albums/{musicbrainz_id}": "401 200 200 200 200 403 200 200",
    "GET /api/albums/{musicbrainz_id}/credits": "401 200 200 200 200 403 200 200",
    "GET /api/rounds/{name}": "401 200 200 200 200 403 200 200",
    "GET /api/events": "401 200 200 200 200 403 200 200",
    "GET /api/artists/{musicbrainz_id}": "401 200 200 200 200 403 200 200",
    "GET /api/people/{tmdb_id}": "401 200 200 200 200 403 200 200",
    "GET /api/weeks": "401 200 200 200 200 403 200 200",
    "POST /api/weeks": "401 201 201 201 201 403 403 201",
    "GET /api/weeks.ics": "200 200 200 200 200 403 200 200",  # it has a token of its own
    "POST /api/weeks/calendar-token": "401 201 201 201 201 403 403 403",
    "DELETE /api/weeks/calendar-token": "401 204 204 204 204 403 403 403",
    "GET /api/weeks/current": "401 200 200 200 200 403 404 200",  # reading creates no week
    "GET /api/weeks/{pk}": "401 200 200 404 404 403 200 200",
    "PATCH /api/weeks/{pk}": "401 200 403 404 404 403 403 200",
    "DELETE /api/weeks/{pk}": "401 204 403 404 404 403 403 204",
    "POST /api/weeks/{pk}/movies": "401 201 403 404 404 403 403 201",
    "PUT /api/weeks/{pk}/movies/{position}": "401 200 403 404 404 403 403 200",
    "PATCH /api/weeks/{pk}/movies/{position}": "401 200 403 404 404 403 403 200",
    "DELETE /api/weeks/{pk}/movies/{position}": "401 204 403 404 404 403 403 204",
    "POST /api/weeks/{pk}/albums": "401 201 403 404 404 403 403 201",
    "PUT /api/weeks/{pk}/albums/{position}": "401 200 403 404 404 403 403 200",
    "PATCH /api/weeks/{pk}/albums/{position}": "401 200 403 404 404 403 403 200",
    "DELETE /api/weeks/{pk}/albums/{position}": "401 204 403 404 404 403 403 204",
    "GET /api/movies/{tmdb_id}/selections": "401 200 200 200 200 403 200 200",
    "GET /api/albums/{musicbrainz_id}/selections": "401 200 200 200 200 403 200 200",
    "GET /api/opinions": "401 200 200 200 200 403 200 200",
    "GET /api/weeks/{pk}/opinions": "401 200 200 404 404 403 200 200",
    "GET /api/weeks/{pk}/movies/{position}/opinion": "401 200 404 404 404 403 200 200",
    "PUT /api/weeks/{pk}/movies/{position}/opinion": "401 200 201 404 404 403 403 200",
    "DELETE /api/weeks/{pk}/movies/{position}/opinion": "401 204 404 404 404 403 403 204",
    "GET /api/weeks/{pk}/movies/{position}/opinion/history": "401 200 404 404 404 403 200 200",
    "GET /api/weeks/{pk}/albums/{position}/opinion": "401 200 404 404 404 403 200 200",
    "PUT /api/weeks/{pk}/albums/{position}/opinion": "401 200 201 404 404 403 403 200",
    "DELETE /api/weeks/{pk}/albums/{position}/opinion": "401 204 404 404 404 403 403 204",
    "GET /api/weeks/{pk}/albums/{position}/opinion/history": "401 200 404 404 404 403 200 200",
    "GET /api/stats/overview": "401 200 200 200 200 403 200 200",
    "GET /api/stats/by-year/{year}": "401 200 200 200 200 403 200 200",
    "GET /api/stats/year-in-opinions/{year}": "401 200 200 200 200 403 200 200",
    "GET /api/stats/year-in-opinions/{year}/card.svg": "401 200 200 200 200 403 200 200",  # each their own
    "POST /api/stats/year-in-opinions/{year}/share": "401 422 201 404 404 403 403 403",  # the owner, with themselves
    "DELETE /api/stats/year-in-opinions/{year}/share": "401 204 204 204 204 403 403 403",
    "GET /api/stats/year-in-opinions/shared.svg": "200 200 200 200 200 404 200 200",  # it has a token of its own
    "GET /api/stats/compare": "401 422 200 404 404 403 422 422",  # the owner, with themselves
    "GET /api/stats/wrong-opinions": "401 200 200 404 404 403 200 200",
    "GET /api/stats/report-card": "401 200 200 404 404 403 200 200",
    "GET /api/stats/contrarian": "401 200 200 404 404 403 200 200",
    "GET /api/stats/on-this-week": "401 200 200 404 404 403 200 200",
    "GET /api/recommendations/movies": "401 200 200 200 200 403 200 200",
    "GET /api/recommendations/albums": "401 200 200 200 200 403 200 200",
    "GET /api/shortlist": "401 200 200 422 422 403 200 200",
    "POST /api/shortlist": "401 201 201 422 422 403 403 201",
    "PATCH /api/shortlist/{pk}": "401 200 403 404 404 403 403 200",
    "DELETE /api/shortlist/{pk}": "401 204 403 404 404 403 403 204",
    "PUT /api/shortlist/{pk}/vote": "401 409 200 404 404 403 403 409",  # the owner, for themselves
    "DELETE /api/shortlist/{pk}/vote": "401 204 204 404 404 403 403 204",
    "POST /api/shortlist/draw": "401 200 404 404 404 403 403 200",  # the others have nothing on theirs
    "GET /api/challenges": "401 200 200 200 200 403 200 200",
    "POST /api/challenges": "401 422 201 422 422 403 403 422",  # the owner, themselves
    "DELETE /api/challenges/{pk}": "401 403 404 404 404 403 403 403",  # the owner, who was challenged
    "POST /api/challenges/{pk}/accept": "401 200 404 404 404 403 403 200",
    "POST /api/challenges/{pk}/decline": "401 200 404 404 404 403 403 200",
    "GET /api/export": "401 200 200 200 200 403 200 200",
    "POST /api/import": "401 200 200 200 200 403 403 200",
}
SECRETS = ["hidden-ada", "Ada the Hidden", "hidden notes", "hidden review", "hidden plan"]  # of the owner
OPEN = ("/api/auth/", "/api/weeks.ics", "/api/stats/year-in-opinions/shared.svg")
NEW_PASSWORD = "Quite-another-7-phrase"
RECENT = FETCHED.replace(month=2)  # within the month before today
FOR_ALL = ["overview", "by-year/{year}", "year-in-opinions/{year}"]
FOR_ONE = ["wrong-opinions", "report-card", "contrarian", "on-this-week"]


def test_every_endpoint_has_its_row():
    assert set(ROWS) == OPERATIONS


def test_nothing_but_views_of_rest_framework_answers_below_api():
    others = [
        address for address, pattern in endpoints(get_resolver().url_patterns) if not hasattr(pattern.callback, "cls")
    ]

    assert others == []  # the pattern that answers 404 stands for no address


def expected(method, address, role) -> int:
    """The row's status, or that of a method that is not allowed."""
    if row := ROWS.get(f"{method} {address}"):
        return int(row.split()[ROLES.index(role)])
    permissions = VIEWS[address][0].cls.permission_classes
    if AllowAny in permissions:
        return 405
    is_for_scripts = IsSignedIn not in permissions
    refusals = {
        "anonymous": 401,
        "disabled": 403,
        "reader": 405 if method == "GET" and is_for_scripts else 403,
        "script": 405 if is_for_scripts else 403,
    }
    return refusals.get(role, 405)


@pytest.fixture
def world(db, now, upstream):
    """An owner with rows of every kind, and the requests for them."""
    upstream.assert_all_requests_are_fired = False
    upstream.get(f"{payloads.TMDB}/search/movie", json=payloads.movie_page())
    upstream.get(f"{payloads.MUSICBRAINZ}/release", json=payloads.release_page())
    owner = make_user(username="hidden-ada", display_name="Ada the Hidden")
    week = WeekFactory(user=owner, year=2026, week_number=6, notes="hidden notes")
    movie_pick = WeekMovieFactory(week=week, movie__fetched_at=RECENT)
    album_pick = WeekAlbumFactory(week=week, album__fetched_at=RECENT)
    MovieOpinionFactory(user=owner, movie_pick=movie_pick, review="hidden review")
    AlbumOpinionFactory(user=owner, album_pick=album_pick, review="hidden review")
    movie, album = movie_pick.movie, album_pick.album
    person, artist = PersonFactory(), ArtistFactory(fetched_at=RECENT)
    MovieCast.objects.create(movie=movie, person=person, credit_id="a", order=0)
    AlbumArtist.objects.create(album=album, artist=artist, position=0, name="Some band")
    token, _ = services.create_token(owner, name="widget", scope="full")
    secrets = {scope: services.create_token(owner, name="script", scope=scope)[1] for scope in ("read", "full")}
    new_movie = {"tmdb_id": MovieFactory(fetched_at=RECENT).tmdb_id}
    new_album = {"musicbrainz_id": str(AlbumFactory(fetched_at=RECENT).musicbrainz_id)}
    item = ShortlistItemFactory(user=owner, note="hidden plan")
    challenge = ChallengeFactory(member=owner, note="hidden plan")
    Event.objects.create(kind="joined", user=owner)
    Event.objects.create(kind="week_completed", user=owner, week=week)
    Event.objects.create(kind="challenged", user=challenge.challenger, challenge=challenge)
    passwords = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    link = {"uid": services.encode_id(owner), "token": default_token_generator.make_token(owner)}
    return {
        "owner": owner,
        "ids": {
            "/api/weeks": week.pk,
            "/api/users": owner.pk,
            "/api/auth/sessions": session_of(owner).pk,
            "/api/auth/tokens": token.pk,
            "/api/movies": movie.tmdb_id,
            "/api/albums": album.musicbrainz_id,
            "/api/shortlist": item.pk,
            "/api/challenges": challenge.pk,
            "/api/artists": artist.musicbrainz_id,
            "/api/people": person.tmdb_id,
            "/api/rounds": "2026-W06",
        },
        "reader": secrets["read"],
        "script": secrets["full"],
        "member": make_user(username="ben"),
        "staff": make_user(username="carl", is_staff=True, is_superuser=True),
        "bodies": {
            "POST /api/auth/register": {"username": "dora", "email": "dora@example.org", "password": PASSWORD},
            "POST /api/auth/login": {"username": owner.username, "password": PASSWORD},
            "POST /api/auth/refresh": {"refresh_token": refresh_token(owner)},
            "POST /api/auth/logout": {"refresh_token": refresh_token(owner)},
            "POST /api/auth/password-reset": {"email": owner.email},
            "POST /api/auth/password-reset/confirm": link | {"new_password": NEW_PASSWORD},
            "POST /api/auth/password": passwords,
            "POST /api/auth/tokens": passwords | {"name": "widget"},
            "PATCH /api/users/{pk}": {"time_zone": "Europe/Berlin"},
            "DELETE /api/users/{pk}": {"password": PASSWORD},
            "GET /api/movies/search": {"query": "x"},
            "GET /api/movies/lookup": {"url": str(movie.tmdb_id)},
            "GET /api/albums/search": {"query": "x"},
            "GET /api/albums/lookup": {"url": str(album.musicbrainz_id)},
            "POST /api/import": {"format": "wrong-opinions", "version": 1},
            "POST /api/weeks": {"year": 2026, "week_number": 1},
            "GET /api/weeks.ics": {"token": services.renew_calendar_token(owner)},
            **{f"GET /api/stats/{name}": {"user": "all"} for name in FOR_ALL},
            **{f"GET /api/stats/{name}": {"user": owner.username} for name in FOR_ONE},
            "GET /api/stats/compare": {"with": owner.username},
            "POST /api/stats/year-in-opinions/{year}/share": {"with": owner.username},
            "GET /api/stats/year-in-opinions/shared.svg": {"token": share_year(owner)},
            "GET /api/shortlist": {"owner": owner.username},
            "POST /api/shortlist": new_movie | {"for": owner.username},
            "PATCH /api/shortlist/{pk}": {"note": "other plan"},
            "POST /api/shortlist/draw": {"kind": "movie"},
            "POST /api/challenges": new_album | {"for": owner.username},
            "POST /api/challenges/{pk}/accept": {"week": "2026-W06", "position": 2},
            "PATCH /api/weeks/{pk}": {"notes": "other notes"},
            "POST /api/weeks/{pk}/movies": new_movie | {"position": 2},
            "PUT /api/weeks/{pk}/movies/{position}": new_movie,
            "PUT /api/weeks/{pk}/movies/{position}/opinion": {"rating": 5},
            "PUT /api/weeks/{pk}/albums/{position}/opinion": {"rating": 5},
            "POST /api/weeks/{pk}/albums": new_album | {"position": 2},
            "PUT /api/weeks/{pk}/albums/{position}": new_album,
        },
    }


def client_as(role, world):
    """A client of this role; the owner's account may change for it."""
    owner = world["owner"]
    if role == "anonymous":
        return APIClient()
    if role in {"reader", "script"}:
        return APIClient(headers={"Authorization": f"Bearer {world[role]}"})
    caller = {"owner": owner, "disabled": owner, "staff": world["staff"]}.get(role, world["member"])
    if role in {"private", "staff"}:
        User.objects.filter(pk=owner.pk).update(visibility="private")
    if role == "disabled":
        User.objects.filter(pk=owner.pk).update(is_active=False)
    return APIClient(headers={"Authorization": f"Bearer {access_token(caller)}"})


def ask(client, method, address, world):
    """The status and the text of the answer; what the request changed is undone."""
    place = address.replace("{position}", "1").replace("{year}", "2026")
    for start, value in world["ids"].items():
        if address.startswith(start + "/"):
            place = re.sub(r"\{\w+\}", str(value), place)
    body = world["bodies"].get(f"{method} {address}")
    with transaction.atomic():
        answer = getattr(client, method.lower())(place, body)
        text = answer.getvalue().decode()  # a streamed answer is made now
        transaction.set_rollback(True)
    return answer.status_code, text


@pytest.mark.parametrize("role", ROLES)
def test_who_may(world, role):
    client = client_as(role, world)
    # All signed-in users get the same answer to methods that an address does not have.
    operations = [
        (method, address)
        for method, address in product(METHODS, sorted(VIEWS))
        if f"{method} {address}" in ROWS or role not in {"member", "private", "staff"}
    ]

    answers = {(method, address): ask(client, method, address, world) for method, address in operations}

    assert {f"{method} {address}": status for (method, address), (status, _) in answers.items()} == {
        f"{method} {address}": expected(method, address, role) for method, address in operations
    }
    if role == "anonymous":
        assert {json.loads(text)["detail"] for status, text in answers.values() if status == 401} == {
            "Not authenticated"
        }
    # Registration and sign-in answer with the account they were sent, and the addresses of a calendar and of a shared
    # year are enough to read them.
    if role in {"private", "staff"}:
        leaks = [
            (method, address, secret)
            for (method, address), (_, text) in answers.items()
            for secret in SECRETS
            if secret in text and not address.startswith(OPEN)
        ]
        assert leaks == []
