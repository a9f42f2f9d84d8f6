"""What one member's files may cost; and everything that can be stored can be exported and imported again."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from catalog.json_fields import InvalidValue
from catalog.models import Album, Movie
from selections import backfill, services
from selections.kinds import ALBUM, MOVIE
from selections.models import MAX_EARLIER, MAX_TEXT, EarlierRating, Week, WeekMovie
from selections.opinions.services import give_opinion
from selections.transfer import export, restoring
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import AlbumFactory, MovieFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

pytestmark = pytest.mark.django_db
EMPTY = {"format": "wrong-opinions", "version": 1, "weeks": []}


@pytest.fixture
def three_weeks(monkeypatch):
    """Let an account have at most three weeks."""
    monkeypatch.setattr(services, "MAX_WEEKS", 3)


def file_of(weeks, first=1):
    """An export of so many weeks, each with a movie and an album that only the file knows."""
    numbers = range(first, first + weeks)
    albums = {number: str(uuid.UUID(int=number)) for number in numbers}
    return EMPTY | {
        "weeks": [
            {
                "year": 2020,
                "week_number": number,
                "movies": [{"position": 1, "tmdb_id": number}],
                "albums": [{"position": 1, "musicbrainz_id": albums[number]}],
            }
            for number in numbers
        ],
        "catalog": {
            "movies": [{"tmdb_id": number, "title": "Invented"} for number in numbers],
            "albums": [{"musicbrainz_id": albums[number], "title": "Invented"} for number in numbers],
        },
    }


def exported(user):
    data = json.loads("".join(export.to_json(user)))
    return {name: data[name] for name in ("user", "weeks", "opinions_given", "catalog")}


@pytest.mark.parametrize("week", [{"year": 2026, "week_number": 1}, None])
def test_an_account_has_so_many_weeks(api, user, three_weeks, week):
    WeekFactory.create_batch(2, user=user)
    assert api.post("/api/weeks", {"year": 1999, "week_number": 1}).status_code == 201

    response = api.post("/api/weeks", week) if week else api.get("/api/weeks/current")

    assert_problem(response, 409, "That makes 4 weeks, and an account can have 3. Delete some weeks first.")
    assert response.json()["code"] == "too_many_weeks"
    assert "already exists" in api.post("/api/weeks", {"year": 1999, "week_number": 1}).json()["detail"]
    Week.objects.filter(user=user, year=1999).delete()
    assert api.get("/api/weeks/current").status_code == 200
    assert api.get("/api/weeks/current").status_code == 200  # as one of the three


@pytest.mark.django_db(transaction=True)
def test_requests_at_once_make_no_more_weeks(user, three_weeks):
    def create(number):
        return client_of(user).post("/api/weeks", {"year": 2020, "week_number": number + 1}).status_code

    assert at_once(6, create) == [201, 201, 201, 409, 409, 409]


def test_an_import_of_too_many_weeks_changes_nothing(api, user, three_weeks):
    WeekFactory(user=user, year=2020, week_number=1)

    for dry_run in ("true", "false"):
        response = api.post(f"/api/import?dry_run={dry_run}", file_of(4))
        assert_problem(response, 422, "That makes 4 weeks, and an account can have 3. Delete some weeks first.")

    assert (Week.objects.count(), Movie.objects.count()) == (1, 0)
    assert api.post("/api/import?dry_run=false", file_of(3)).json()["weeks_created"] == 2


def test_an_account_that_has_more_weeks_can_still_import_into_them(user, three_weeks):
    for number in range(1, 5):
        WeekFactory(user=user, year=2020, week_number=number)

    assert restoring.load(user, file_of(4), apply=True, is_trusted=False).picks_created == 8


def test_operators_and_curators_make_no_more_weeks_than_an_account_can_have(user, three_weeks):
    with pytest.raises(services.Conflict):
        backfill.create_weeks(user, [(2020, number) for number in range(1, 5)])
    with pytest.raises(InvalidValue):
        restoring.load(user, file_of(4), apply=True, is_trusted=True)

    assert len(backfill.create_weeks(user, [(2020, number) for number in range(1, 4)])) == 3


def test_a_members_imports_add_a_limited_number_of_unknown_works(api, user, monkeypatch):
    monkeypatch.setattr(restoring, "MAX_UNCONFIRMED", 5)
    known = MovieFactory(tmdb_id=3)

    would = api.post("/api/import", file_of(4)).json()
    did = api.post("/api/import?dry_run=false", file_of(4)).json()

    assert did == would | {"applied": True}
    assert (did["picks_created"], did["picks_left_out"], did["weeks_created"]) == (6, 2, 4)
    assert "exceeds the limit of unknown works" in did["remarks"][0]
    assert Movie.objects.count() + Album.objects.count() == 6
    assert WeekMovie.objects.filter(movie=known).exists()
    assert api.post("/api/import?dry_run=false", file_of(4)).json()["picks_created"] == 0
    assert api.post("/api/import?dry_run=false", file_of(2, first=10)).json()["picks_created"] == 0
    Movie.objects.update(fetched_at=timezone.now())
    assert api.post("/api/import?dry_run=false", file_of(4)).json()["picks_created"] == 2


def test_the_operators_file_is_not_limited_in_works(user, monkeypatch):
    monkeypatch.setattr(restoring, "MAX_UNCONFIRMED", 5)

    assert restoring.load(user, file_of(4), apply=True, is_trusted=True).picks_created == 8


def test_the_latest_changes_of_a_rating_are_kept(api, user):
    pick = WeekMovie.objects.create(week=WeekFactory(user=user), movie=MovieFactory(), position=1)
    path = f"/api/weeks/{pick.week_id}/movies/1/opinion"
    api.put(path, {"rating": 9})
    at = timezone.now() - timedelta(days=1)
    EarlierRating.objects.bulk_create(
        EarlierRating(opinion=user.opinions.get(), rating=1, until_at=at + timedelta(seconds=n))
        for n in range(MAX_EARLIER)
    )

    api.put(path, {"rating": 8})

    times = EarlierRating.objects.order_by("until_at").values_list("until_at", "rating")
    assert (len(times), times[0][0], times[MAX_EARLIER - 1][1]) == (MAX_EARLIER, at + timedelta(seconds=1), 9)


def test_what_is_stored_to_its_limits_comes_back(user):
    """It also comes back through the API, which takes less from a file."""
    text, at = "é" * MAX_TEXT, timezone.now() - timedelta(days=1)
    week = services.create_week(user, year=2020, week_number=1, notes=text)
    for position in (1, 2):
        services.pick_work(MOVIE, week, MovieFactory().tmdb_id, position)
        services.pick_work(ALBUM, week, AlbumFactory().musicbrainz_id, position)
    for pick in (*week.movie_picks.all(), *week.album_picks.all()):
        give_opinion(user, pick, rating=10, review=text, contains_spoilers=True)
    EarlierRating.objects.bulk_create(
        EarlierRating(opinion=user.opinions.first(), rating=1, until_at=at + timedelta(seconds=n))
        for n in range(MAX_EARLIER)
    )
    before = exported(user)

    accounts.delete_account(user)
    back = User.objects.create_user(user.username, user.email)
    response = client_of(back).post("/api/import?dry_run=false", EMPTY | before)

    assert (response.status_code, response.json()["remarks"]) == (200, [])
    assert exported(back) == before


def test_what_is_too_large_for_one_import_is_taken_year_by_year(api, user, other):
    for owner in (user, other):
        for year in (2019, 2020):
            week = WeekFactory(user=owner, year=year, week_number=1)
            for pick in (WeekMovieFactory(week=week), WeekAlbumFactory(week=week)):
                give_opinion(user, pick, rating=5, review="", contains_spoilers=False)
    before = exported(user)
    parts = [json.loads(api.get(f"/api/export?year={year}").getvalue()) for year in (2018, 2019, 2020)]
    assert [len(part["weeks"]) for part in parts] == [0, 1, 1]
    assert [len(part["opinions_given"]) for part in parts] == [0, 2, 2]
    assert [len(part["catalog"][kind]) for part in parts for kind in ("movies", "albums")] == [0, 0, 2, 2, 2, 2]

    accounts.delete_account(user)
    back = User.objects.create_user(user.username, user.email)
    for part in parts:
        assert client_of(back).post("/api/import?dry_run=false", part).json()["remarks"] == []

    assert exported(back) == before


@pytest.mark.parametrize("what", ["json", "csv", "letterboxd"])
def test_exports_are_limited_by_account(api, settings, what):
    settings.EXPORT_RATE = "2/hour"
    assert [api.get(f"/api/export?format={what}").status_code for _ in range(2)] == [200, 200]

    assert_problem(api.get("/api/export"), 429)
