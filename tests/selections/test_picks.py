from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection

from catalog.models import Movie
from selections import services
from selections.models import Week, WeekAlbum, WeekMovie
from tests import payloads
from tests.conftest import assert_problem
from tests.factories import AlbumFactory, MovieFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def week(user, now, time_machine):
    week = WeekFactory(user=user, year=2026, week_number=7)
    time_machine.shift(timedelta(hours=1))
    return week


def pick_movie(api, week, **body):
    return api.post(f"/api/weeks/{week.pk}/movies", {"tmdb_id": 120, "position": 1} | body)


def pick_album(api, week, **body):
    return api.post(f"/api/weeks/{week.pk}/albums", {"musicbrainz_id": payloads.RELEASE, "position": 1} | body)


def test_pick_a_new_movie(api, week, tmdb_movie):
    tmdb_movie()

    response = pick_movie(api, week)

    assert response.status_code == 201
    assert response.json() == {
        "week_id": week.pk,
        "position": 1,
        "added_at": "2026-02-11T13:00:00Z",
        "movie": {
            "id": Movie.objects.get().pk,
            "tmdb_id": 120,
            "title": "The Lord of the Rings: The Fellowship of the Ring",
            "original_title": "The Fellowship of the Ring",
            "release_date": "2001-12-18",
            "poster_path": "/poster.jpg",
            "overview": "A hobbit leaves home.",
            "cached_at": "2026-02-11T13:00:00Z",
            "confirmed": True,
        },
        "previous_selections": [],
    }


def test_pick_a_new_album(api, week, musicbrainz_release):
    musicbrainz_release(date="2016-10")

    response = pick_album(api, week, position=2)

    assert response.status_code == 201
    body = response.json()
    assert (body["week_id"], body["position"], body["added_at"]) == (week.pk, 2, "2026-02-11T13:00:00Z")
    assert body["album"] == {
        "id": WeekAlbum.objects.get().album_id,
        "musicbrainz_id": payloads.RELEASE,
        "title": "You Want It Darker",
        "artist": "Leonard Cohen",
        "release_date": "2016-10-01",
        "release_date_precision": "month",
        "cover_art_url": f"https://coverartarchive.org/release/{payloads.RELEASE}/front-500",
        "cached_at": "2026-02-11T13:00:00Z",
        "confirmed": True,
    }


def test_what_the_catalog_knows_is_picked_without_an_upstream(api, week):
    movie, album = MovieFactory(), AlbumFactory()

    assert pick_movie(api, week, tmdb_id=movie.tmdb_id).status_code == 201
    assert pick_album(api, week, musicbrainz_id=str(album.musicbrainz_id).upper()).status_code == 201


def test_what_was_never_fetched_is_not_picked_while_upstream_is_dead(api, week, upstream):
    MovieFactory(tmdb_id=120, title="As a file says", fetched_at=None)
    upstream.get(f"{payloads.TMDB}/movie/120", status=500)

    assert_problem(pick_movie(api, week), 502)


def test_picks_and_removals_move_the_week(api, week, now, time_machine):
    pick_movie(api, week, tmdb_id=MovieFactory().tmdb_id)
    assert api.get(f"/api/weeks/{week.pk}").json()["updated_at"] == "2026-02-11T13:00:00Z"
    time_machine.shift(timedelta(hours=1))

    assert api.delete(f"/api/weeks/{week.pk}/movies/1").status_code == 204

    body = api.get(f"/api/weeks/{week.pk}").json()
    assert (body["updated_at"], body["created_at"]) == ("2026-02-11T14:00:00Z", "2026-02-11T12:00:00Z")


def test_a_taken_position(api, week):
    WeekMovieFactory(week=week, position=1)
    WeekAlbumFactory(week=week, position=2)

    assert_problem(pick_movie(api, week), 409, "Position 1 is already occupied")
    assert_problem(pick_album(api, week, position=2), 409, "Position 2 is already occupied")


def test_once_a_week_is_enough(api, week):
    movie, album = WeekMovieFactory(week=week).movie, WeekAlbumFactory(week=week).album

    twice = pick_movie(api, week, tmdb_id=movie.tmdb_id, position=2)
    assert_problem(twice, 409, "This movie is already in this week")
    twice = pick_album(api, week, musicbrainz_id=str(album.musicbrainz_id), position=2)
    assert_problem(twice, 409, "This album is already in this week")


def test_another_edition_is_another_album(api, week):
    album = WeekAlbumFactory(week=week).album
    other = AlbumFactory(release_group_id=album.release_group_id)

    assert pick_album(api, week, musicbrainz_id=str(other.musicbrainz_id), position=2).status_code == 201


def test_a_merged_id_of_an_album_that_is_in_the_week_already(api, week, musicbrainz_release):
    WeekAlbumFactory(week=week, album=AlbumFactory(musicbrainz_id=payloads.RELEASE))
    old = "00000000-0000-4000-8000-000000000002"
    musicbrainz_release(asked_id=old)

    assert_problem(pick_album(api, week, musicbrainz_id=old, position=2), 409, "This album is already in this week")


def test_what_upstream_does_not_know(api, week, upstream):
    upstream.get(f"{payloads.TMDB}/movie/120", status=404, json=payloads.UNKNOWN)
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", status=404, json=payloads.UNKNOWN)

    assert_problem(pick_movie(api, week), 404, "Movie not found in TMDB")
    assert_problem(pick_album(api, week), 404, "Album not found in MusicBrainz")


@pytest.mark.parametrize(("status", "ours"), [(429, 429), (500, 502), (503, 503), (401, 502)])
def test_a_failed_pick_leaves_nothing_behind(api, week, upstream, status, ours):
    before = Week.objects.values().get()
    upstream.get(f"{payloads.TMDB}/movie/120", status=status)
    upstream.get(f"{payloads.MUSICBRAINZ}/release/{payloads.RELEASE}", status=status)

    assert_problem(pick_movie(api, week), ours)
    assert_problem(pick_album(api, week), ours)

    assert Week.objects.values().get() == before
    assert not Movie.objects.exists()
    assert not WeekMovie.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"position": 0}, "position"),
        ({"position": 3}, "position"),
        ({"position": "1"}, "position"),
        ({"position": None}, "position"),
        ({"tmdb_id": 0, "musicbrainz_id": "xyz"}, "id"),
        ({"tmdb_id": "120", "musicbrainz_id": 5}, "id"),
        ({"tmdb_id": 2**31, "musicbrainz_id": payloads.RELEASE.replace("-", "")}, "id"),
        ({"tmdb_id": True, "musicbrainz_id": None}, "id"),
    ],
)
def test_picks_refuse_bad_input(api, week, body, field):
    for response in (pick_movie(api, week, **body), pick_album(api, week, **body)):
        assert_problem(response, 422)
        assert response.json()["errors"][0]["field"].endswith(field)


def test_the_order_of_checks(api, anonymous, week, other, upstream):
    foreign = WeekFactory(user=other)
    WeekMovieFactory(week=foreign, position=1)
    WeekMovieFactory(week=week, position=1)
    nowhere = Week(pk=999999)

    assert_problem(pick_movie(anonymous, nowhere, position=3), 401)
    assert_problem(pick_movie(api, nowhere, position=3), 422)
    assert_problem(pick_movie(api, nowhere), 404, "Week not found")
    assert_problem(pick_movie(api, foreign), 403, "Only the owner can modify this week")
    assert_problem(pick_movie(api, week), 409)
    assert not upstream.calls


@pytest.fixture
def meanwhile(upstream):
    """Lets something happen while TMDB is asked, which a thread of its own does."""

    def register(act):
        def matches(request):
            with closing(connection):
                act()
            return True, ""

        upstream.get(f"{payloads.TMDB}/movie/120", json=payloads.movie(), match=[matches])

    return register


@pytest.mark.django_db(transaction=True)
def test_a_week_that_goes_while_upstream_is_asked(api, week, meanwhile):
    meanwhile(lambda: Week.objects.all().delete())

    assert_problem(pick_movie(api, week), 404, "Week not found")


@pytest.mark.django_db(transaction=True)
def test_a_position_that_is_taken_while_upstream_is_asked(api, week, meanwhile):
    meanwhile(lambda: WeekMovieFactory(week=week, position=1))

    assert_problem(pick_movie(api, week), 409, "Position 1 is already occupied")


def test_notes_of_a_week_that_has_just_gone(week):
    Week.objects.all().delete()

    with pytest.raises(Week.DoesNotExist):
        services.change_week(week, notes="x")


# Removing


@pytest.mark.parametrize(("what", "factory"), [("movie", WeekMovieFactory), ("album", WeekAlbumFactory)])
def test_remove_a_pick(api, week, what, factory):
    factory(week=week, position=1)
    factory(week=week, position=2)

    response = api.delete(f"/api/weeks/{week.pk}/{what}s/1", content_type="application/json")

    assert (response.status_code, response.content) == (204, b"")
    assert [pick["position"] for pick in api.get(f"/api/weeks/{week.pk}").json()[f"{what}s"]] == [2]
    assert_problem(api.delete(f"/api/weeks/{week.pk}/{what}s/1"), 404, f"No {what} found at position 1")


@pytest.mark.parametrize("what", ["movies", "albums"])
@pytest.mark.parametrize("position", ["0", "3", "abc", "-1", "01", "9" * 30, "%00"])
def test_the_position_is_checked_before_the_week(api, what, position):
    assert_problem(api.delete(f"/api/weeks/999999/{what}/{position}"), 400, "Position must be 1 or 2")


@pytest.mark.parametrize("what", ["movies", "albums"])
def test_removing_from_weeks_that_are_not_there_or_not_one_s_own(api, other, what):
    foreign = WeekFactory(user=other)

    assert_problem(api.delete(f"/api/weeks/999999/{what}/1"), 404, "Week not found")
    assert_problem(api.delete(f"/api/weeks/{foreign.pk}/{what}/1"), 403, "Only the owner can modify this week")


# Selections


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
            "added_at": "2026-02-11T13:00:00Z",
            "owner": {"id": person.pk, "username": person.username, "display_name": None},
        }

    assert response.status_code == 200
    assert response.json() == {
        "total": 1,
        "page": 1,
        "page_size": 20,
        "results": [
            {
                "id": movie.pk,
                "tmdb_id": movie.tmdb_id,
                "title": "Heat",
                "original_title": None,
                "release_date": None,
                "poster_path": None,
                "overview": None,
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


@pytest.mark.parametrize("what", ["movies", "albums"])
@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page=x"])
def test_selections_refuse_bad_input(api, what, query):
    assert_problem(api.get(f"/api/{what}/selections?{query}"), 422)


@pytest.mark.parametrize("what", ["movies", "albums"])
@pytest.mark.parametrize("count", [1, 10, 100])
def test_selections_cost_the_same_queries_whatever_their_number(api, user, what, count, django_assert_num_queries):
    factory = WeekMovieFactory if what == "movies" else WeekAlbumFactory
    for n in range(count):
        factory(week__user=user, week__year=2000 + n // 50, week__week_number=n % 50 + 1)

    with django_assert_num_queries(4):  # who asks, how many, the works, their picks with weeks and owners
        assert len(api.get(f"/api/{what}/selections?page_size=100").json()["results"]) == count
