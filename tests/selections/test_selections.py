"""The movies and albums that were picked, each with its weeks."""

import pytest

from tests.conftest import assert_problem
from tests.factories import PICKS, AlbumFactory, MovieFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def week(user, now):
    return WeekFactory(user=user, year=2026, week_number=7)


def test_movie_selections(api, user, other, week):
    movie = MovieFactory(title="Heat", original_title="", release_date=None)
    MovieFactory(title="Never picked")
    mine = WeekMovieFactory(week=week, movie=movie, position=2)
    theirs = WeekMovieFactory(week=WeekFactory(user=other, year=2026, week_number=8), movie=movie)

    response = api.get("/api/movies/selections")

    def selection(pick, person):
        return {
            "week_id": pick.week_id,
            "year": pick.week.year,
            "week_number": pick.week.week_number,
            "position": pick.position,
            "added_at": "2026-02-11T12:00:00Z",
            "owner": {"id": person.pk, "username": person.username, "display_name": None},
        }

    assert response.status_code == 200
    assert response.json() == {
        "total": 1,
        "page": 1,
        "page_size": 20,
        "links": {"next": None, "previous": None},
        "results": [
            {
                "id": movie.pk,
                "tmdb_id": movie.tmdb_id,
                "title": "Heat",
                "original_title": None,
                "release_date": None,
                "poster_path": None,
                "poster_url": None,
                "overview": None,
                "overview_language": None,
                "cached_at": "2026-01-02T03:04:05Z",
                "confirmed": True,
                "selections": [selection(theirs, other), selection(mine, user)],
            }
        ],
    }


def test_album_selections(api, user, week):
    album = AlbumFactory(
        title="Debut", artist="Björk", release_date="1993", cover_art_url="https://coverartarchive.org/x"
    )
    pick = WeekAlbumFactory(week=week, album=album)

    (result,) = api.get("/api/albums/selections").json()["results"]

    assert result == {
        "id": album.pk,
        "musicbrainz_id": str(album.musicbrainz_id),
        "title": "Debut",
        "artist": "Björk",
        "release_date": "1993-01-01",
        "release_date_precision": "year",
        "cover_art_url": "https://coverartarchive.org/x",
        "cached_at": "2026-01-02T03:04:05Z",
        "confirmed": True,
        "selections": [
            {
                "week_id": week.pk,
                "year": 2026,
                "week_number": 7,
                "position": 1,
                "added_at": pick.added_at.isoformat().replace("+00:00", "Z"),
                "owner": {"id": user.pk, "username": "ada", "display_name": None},
            }
        ],
    }


def test_selections_are_by_title_then_id(api):
    titles = ["b", "A", "ä", "C", "a", "(a)"]
    for title in titles:
        WeekMovieFactory(movie__title=title)

    listed = [movie["title"] for movie in api.get("/api/movies/selections").json()["results"]]

    assert listed == ["(a)", "A", "a", "b", "C", "ä"]


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page=x"])
def test_selections_refuse_bad_input(api, kind, query):
    assert_problem(api.get(f"/api/{kind.name}s/selections?{query}"), 422)


@pytest.mark.parametrize("count", [1, 20])
def test_selections_cost_the_same_queries_whatever_their_number(api, user, kind, count, django_assert_num_queries):
    for number in range(1, count + 1):
        PICKS[kind.name](week=WeekFactory(user=user, year=2000, week_number=number))

    with django_assert_num_queries(3):  # who asks, the works, their picks with weeks and owners
        assert len(api.get(f"/api/{kind.name}s/selections?page_size=100").json()["results"]) == count
