"""What is recommended, why, and to whom it gives away nothing."""

import json
import threading
from datetime import date

import pytest
import requests
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_httpserver import HTTPServer
from werkzeug import Response

from catalog.models import AlbumArtist, Movie, MovieCast, MovieCrew
from selections.models import WeekMovie
from tests import payloads
from tests.benchmarks import taste
from tests.conftest import AGES, analyze, assert_problem, client_of, land
from tests.factories import (
    AlbumFactory,
    AlbumOpinionFactory,
    ArtistFactory,
    MovieFactory,
    MovieOpinionFactory,
    PersonFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

MOVIES, ALBUMS = "/api/recommendations/movies", "/api/recommendations/albums"
pytestmark = pytest.mark.usefixtures("now")


def directed(person, **values):
    movie = MovieFactory(**values)
    MovieCrew.objects.create(movie=movie, person=person, credit_id=f"d{movie.pk}", job="Director", order=0)
    return movie


def played(who, **values):
    album = AlbumFactory(**values)
    AlbumArtist.objects.create(album=album, artist=who, position=0, name=who.name)
    return album


def rated(user, work, rating, week=None):
    """The user's own pick of the work, rated by them unless the rating is None."""
    week = week or WeekFactory(user=user)
    if work._meta.model_name == "movie":
        pick = WeekMovieFactory(week=week, movie=work)
        if rating is not None:
            MovieOpinionFactory(user=user, movie_pick=pick, rating=rating)
    else:
        pick = WeekAlbumFactory(week=week, album=work)
        if rating is not None:
            AlbumOpinionFactory(user=user, album_pick=pick, rating=rating)
    return pick


def ask(api, address, **query):
    response = api.get(address, query)
    assert response.status_code == 200, response.json()
    return response.json()


def movies(api, **query):
    return [result["movie"]["id"] for result in ask(api, MOVIES, **query)["results"]]


def albums(api, **query):
    return [result["album"]["id"] for result in ask(api, ALBUMS, **query)["results"]]


# Quality


@pytest.mark.django_db
def test_liked_movies_are_found_three_times_as_often_as_by_popularity(settings):
    settings.TMDB_API_KEY = ""
    ratings, movies = taste.make_up(people=30, movies=150)
    methods = {"site": taste.site(taste.store(ratings, movies)), "popular": taste.popular, "cosine": taste.cosine}
    analyze()

    places = taste.measure(ratings, methods, people=8)

    found = {name: sum(map(len, rows)) for name, rows in places.items()}
    assert found["site"] >= 3 * found["popular"], found
    assert found["site"] >= 0.9 * found["cosine"], found


# Reasons


def test_a_liked_director_leads_to_other_movies(api, user):
    jackson = PersonFactory(name="Peter Jackson")
    liked = directed(jackson, title="The Frighteners")
    week = WeekFactory(user=user, year=2025, week_number=50)
    rated(user, liked, 10, week)
    other = directed(
        jackson,
        tmdb_id=120,
        title="The Fellowship of the Ring",
        release_date=date(2001, 12, 18),
        poster_path="/ring.jpg",
        overview="A hobbit leaves home.",
    )
    MovieFactory()

    body = ask(api, MOVIES)

    lead = {"title": "The Frighteners", "week_id": week.pk, "year": 2025, "week_number": 50}
    assert body["source"] == "catalog"
    assert [list(result) for result in body["results"]] == [["score", "because", "movie"]]
    assert 0 < body["results"][0]["score"] < 100
    assert body["results"][0]["because"] == [{"reason": "director", "name": "Peter Jackson", "picks": [lead]}]
    assert body["results"][0]["movie"] == {
        "id": other.pk,
        "tmdb_id": 120,
        "title": "The Fellowship of the Ring",
        "original_title": None,
        "release_date": "2001-12-18",
        "poster_path": "/ring.jpg",
        "overview": "A hobbit leaves home.",
    }


def test_a_liked_artist_leads_to_other_albums(api, user):
    cohen = ArtistFactory(name="Leonard Cohen")
    week = WeekFactory(user=user, year=2025, week_number=50)
    rated(user, played(cohen, title="You Want It Darker"), 9, week)
    other = played(cohen, title="Popular Problems", artist="Leonard Cohen", release_date="2014-09")
    AlbumFactory()

    body = ask(api, ALBUMS)

    lead = {"title": "You Want It Darker", "week_id": week.pk, "year": 2025, "week_number": 50}
    assert body["source"] == "catalog"
    assert body["results"][0]["because"] == [{"reason": "artist", "name": "Leonard Cohen", "picks": [lead]}]
    assert [result["album"] for result in body["results"]] == [
        {
            "id": other.pk,
            "musicbrainz_id": str(other.musicbrainz_id),
            "title": "Popular Problems",
            "artist": "Leonard Cohen",
            "release_date": "2014-09-01",
            "release_date_precision": "month",
            "cover_art_url": None,
        }
    ]


def test_of_two_picks_of_a_week_the_first_position_is_named(api, user):
    artist, week = ArtistFactory(), WeekFactory(user=user)
    editions = [played(artist, title=f"Edition {n}", release_group_id=payloads.GROUP, genres=[]) for n in (1, 2)]
    played(artist, title="Another")
    for position, album in ((2, editions[0]), (1, editions[1])):  # stored in the other order
        WeekAlbumFactory(week=week, album=album, position=position)

    result = ask(api, ALBUMS)["results"][0]

    assert [lead["title"] for lead in result["because"][0]["picks"]] == ["Edition 2"]


def test_writers_cast_genres_and_decades_are_reasons(api, user):
    writer, actor = PersonFactory(name="Writer"), PersonFactory(name="Actor")
    known, new = (MovieFactory(genres=["Drame été"], release_date=date(year, 5, 1)) for year in (1991, 1999))
    for movie in (known, new):
        MovieCrew.objects.create(movie=movie, person=writer, credit_id="w", job="Writer", order=0)
        MovieCrew.objects.create(movie=movie, person=writer, credit_id="s", job="Screenplay", order=1)
        MovieCast.objects.create(movie=movie, person=actor, credit_id="c", order=0)
    pick = rated(user, known, 10)

    result = ask(api, MOVIES)["results"][0]

    assert {(reason["reason"], reason["name"]) for reason in result["because"]} == {
        ("writer", "Writer"),
        ("cast", "Actor"),
        ("genre", "Drame été"),
        ("decade", "1990s"),
    }
    assert {lead["week_id"] for reason in result["because"] for lead in reason["picks"]} == {pick.week_id}


def test_genres_and_decades_of_albums_are_reasons(api, user):
    rated(user, AlbumFactory(genres=["dub été"], release_date="1979"), 10)
    new = AlbumFactory(genres=["dub été", "reggae"], release_date="1971-02-03")
    AlbumFactory(genres=["jazz"], release_date="1981")

    results = ask(api, ALBUMS)["results"]

    assert [result["album"]["id"] for result in results] == [new.pk]
    assert {reason["name"] for reason in results[0]["because"]} == {"dub été", "1970s"}


def test_small_parts_do_not_count(api, user):
    actor, known, new = PersonFactory(), MovieFactory(), MovieFactory()
    for movie in (known, new):
        MovieCast.objects.create(movie=movie, person=actor, credit_id="c", order=20)
    rated(user, known, 10)

    assert movies(api) == []


def test_disliked_features_lower_the_rank(api, user):
    liked, disliked = PersonFactory(), PersonFactory()
    rated(user, directed(liked, genres=["Drama"]), 10)
    rated(user, directed(disliked, genres=["Drama"]), 1)
    best, worst = directed(liked, genres=["Drama"]), directed(disliked, genres=["Drama"])
    plain = MovieFactory(genres=["Western"])

    assert movies(api) == [best.pk]
    assert worst.pk not in movies(api)
    assert plain.pk not in movies(api)


def test_a_pick_without_a_rating_counts_as_mildly_liked(api, user):
    loved, picked, meh = PersonFactory(), PersonFactory(), PersonFactory()
    rated(user, directed(loved), 10)
    rated(user, directed(picked), None)
    rated(user, directed(meh), 5)
    expected = [directed(loved).pk, directed(picked).pk]
    directed(meh)

    results = ask(api, MOVIES)["results"]

    assert [result["movie"]["id"] for result in results] == expected
    assert results[0]["score"] > results[1]["score"] > 0


def test_high_ratings_of_other_members_picks_count(api, user, other):
    director = PersonFactory()
    pick = WeekMovieFactory(week__user=other, movie=directed(director))
    MovieOpinionFactory(user=user, movie_pick=pick, rating=9)
    new = directed(director)

    results = ask(api, MOVIES)["results"]

    assert [result["movie"]["id"] for result in results] == [new.pk]
    assert results[0]["because"][0]["picks"][0]["week_id"] == pick.week_id


def test_various_artists_do_not_make_albums_alike(api, user):
    various = ArtistFactory(musicbrainz_id="89ad4ac3-39f7-470e-963a-56509c546377")
    rated(user, played(various), 10)
    played(various)

    assert albums(api) == []


# Never what one knows


def test_picked_movies_are_never_recommended(api, user):
    director = PersonFactory()
    known = [directed(director, genres=["Drama"], release_date=date(1994, 1, 1)) for _ in range(3)]
    rated(user, known[0], 10)
    rated(user, known[1], 9)
    rated(user, known[2], None)
    MovieOpinionFactory(movie_pick=WeekMovieFactory(movie=known[2]), rating=10)
    new = directed(director)

    assert movies(api) == [new.pk]


def test_movies_with_an_opinion_are_not_recommended(api, user, other):
    director = PersonFactory()
    rated(user, directed(director), 10)
    seen = WeekMovieFactory(week__user=other, movie=directed(director))
    MovieOpinionFactory(user=user, movie_pick=seen, rating=None, review="Saw it.")
    secret = WeekMovieFactory(week__user=UserFactory(visibility="private"), movie=directed(director))
    MovieOpinionFactory(user=user, movie_pick=secret, rating=10)  # given before they became private

    assert movies(api) == []


def test_no_edition_of_a_picked_album_is_recommended(api, user, other):
    artist = ArtistFactory()
    known = played(artist, genres=["jazz"])
    rated(user, known, 10)
    edition = played(artist, genres=["jazz"], release_group_id=known.release_group_id)
    AlbumOpinionFactory(user=other, album_pick=WeekAlbumFactory(week__user=other, album=edition), rating=10)
    new = played(artist)
    ungrouped = played(artist, release_group_id=None)

    assert set(albums(api)) == {new.pk, ungrouped.pk}


def test_of_several_editions_the_most_useful_is_recommended(api, user):
    artist = ArtistFactory()
    rated(user, played(artist), 10)
    group = AlbumFactory().release_group_id
    played(artist, release_group_id=group, status="Bootleg", release_date="1970")
    useful = played(artist, release_group_id=group, status="Official", release_date="1971")
    played(artist, release_group_id=group, status="Official", release_date="1999")

    assert albums(api) == [useful.pk]


def test_movies_no_longer_on_tmdb_are_not_recommended(api, user, now):
    director = PersonFactory()
    rated(user, directed(director), 10)
    directed(director, vanished_at=now)

    assert movies(api) == []


# People


def agree(user, ben, works=4):
    """Both rate the same works alike."""
    for _ in range(works):
        pick = rated(user, MovieFactory(), 9)
        MovieOpinionFactory(user=ben, movie_pick=pick, rating=9)


def test_ratings_of_members_who_agree_count(api, user, other):
    agree(user, other)
    carl = UserFactory(username="carl")
    for pick in WeekMovie.objects.all():
        MovieOpinionFactory(user=carl, movie_pick=pick, rating=1)  # who never agrees
    week = WeekFactory(user=other, year=2025, week_number=40)
    good, bad = rated(other, MovieFactory(title="Good"), 9, week), rated(other, MovieFactory(), 2)
    MovieOpinionFactory(user=carl, movie_pick=rated(carl, MovieFactory(), None), rating=10)

    results = ask(api, MOVIES)["results"]

    assert bad.movie_id not in movies(api)
    assert results[0]["movie"]["id"] == good.movie_id
    assert results[0]["score"] > 10 * results[1]["score"]  # what carl liked
    assert results[0]["because"] == [
        {
            "reason": "people",
            "name": "ben",
            "picks": [{"title": "Good", "week_id": week.pk, "year": 2025, "week_number": 40}],
        }
    ]


def test_members_who_agree_count_more_than_strangers(api, user, other):
    agree(user, other)
    stranger = rated(UserFactory(), MovieFactory(), 10)
    familiar = rated(other, MovieFactory(), 9)

    assert movies(api)[:2] == [familiar.movie_id, stranger.movie_id]


def test_people_agree_on_albums_in_whatever_edition(api, user, other):
    for _ in range(4):
        album = AlbumFactory()
        rated(user, album, 9)
        rated(other, AlbumFactory(release_group_id=album.release_group_id), 9)
    stranger, familiar = rated(UserFactory(), AlbumFactory(), 9), rated(other, AlbumFactory(), 9)

    results = ask(api, ALBUMS)["results"]

    assert [result["album"]["id"] for result in results] == [familiar.album_id, stranger.album_id]
    assert results[0]["score"] > results[1]["score"]


def test_new_members_get_what_other_members_like(api):
    loved, liked = MovieFactory(), MovieFactory()
    for _ in range(3):
        rated(UserFactory(), loved, 9)
    rated(UserFactory(), liked, 9)
    rated(UserFactory(), MovieFactory(), 3)

    results = ask(api, MOVIES)["results"]

    assert [result["movie"]["id"] for result in results] == [loved.pk, liked.pk]  # one says less than three
    assert {reason["reason"] for result in results for reason in result["because"]} == {"people"}


def test_an_empty_instance_recommends_nothing(api):
    assert ask(api, MOVIES) == {"source": "catalog", "results": []}
    assert ask(api, ALBUMS) == {"source": "catalog", "results": []}


def test_a_catalog_without_opinions_recommends_nothing(api, user):
    MovieFactory.create_batch(3, genres=["Drama"], release_date=date(1999, 1, 1))
    rated(user, MovieFactory(), 10)

    assert movies(api) == []


# Secrets


def everything(api):
    return ask(api, MOVIES), ask(api, ALBUMS)


def test_private_people_change_nothing(api, user, other):
    agree(user, other)
    rated(other, MovieFactory(), 9)
    before = everything(api)
    hidden = UserFactory(username="hidden", visibility="private")
    for pick in list(WeekMovie.objects.all()):
        MovieOpinionFactory(user=hidden, movie_pick=pick, rating=10)
    rated(hidden, MovieFactory(), 10)
    rated(hidden, AlbumFactory(), 10)
    # Given by others before the owner became private.
    MovieOpinionFactory(user=other, movie_pick=WeekMovieFactory(week__user=hidden), rating=10)

    assert everything(api) == before
    assert everything(client_of(hidden)) != before  # who reads their own


def test_opinions_on_private_members_picks_are_not_named(api, user):
    director = PersonFactory()
    pick = WeekMovieFactory(week__user=UserFactory(visibility="private"), movie=directed(director))
    MovieOpinionFactory(user=user, movie_pick=pick, rating=10)
    directed(director)

    assert movies(api) == []


def test_staff_see_the_same_as_members(user, other):
    rated(UserFactory(visibility="private"), MovieFactory(), 10)

    assert movies(client_of(UserFactory(is_staff=True, is_superuser=True))) == []


def test_hidden_opinions_change_nothing_until_they_are_revealed(api, user, other, settings, time_machine):
    week = WeekFactory(user=other, year=2026, week_number=7)
    pick = rated(other, MovieFactory(), 10, week)
    rated(other, AlbumFactory(), 10, week)

    assert everything(api) == ({"source": "catalog", "results": []},) * 2
    assert movies(client_of(other)) == []  # who picked it

    settings.BLIND_REVEAL = False
    assert movies(api) == [pick.movie_id]
    settings.BLIND_REVEAL = True
    time_machine.shift(7 * 24 * 3600)
    assert movies(api) == [pick.movie_id]


def test_hidden_opinions_do_not_count_as_agreement(api, user, other):
    for number in range(4):
        pick = rated(user, MovieFactory(), 9, WeekFactory(user=user, year=2026, week_number=8 + number))
        shown = WeekMovieFactory(week__user=UserFactory(), week__year=2026, week__week_number=8, movie=pick.movie)
        MovieOpinionFactory(user=other, movie_pick=shown, rating=9)  # on a week to come, without one of the user's
    liked = rated(other, MovieFactory(), 10)
    stranger = rated(UserFactory(), MovieFactory(), 10)

    scores = {result["movie"]["id"]: result["score"] for result in ask(api, MOVIES)["results"]}

    assert scores[liked.movie_id] == scores[stranger.movie_id]


# Diversity


def test_one_director_does_not_fill_the_list(api, user):
    favourite, others = PersonFactory(), [PersonFactory() for _ in range(4)]
    for _ in range(3):
        rated(user, directed(favourite), 10)
    for person in others:
        rated(user, directed(person), 9)
    same = {directed(favourite).pk for _ in range(12)}
    different = {directed(person).pk for person in others}

    found = movies(api, limit=10)

    assert len(found) == 10
    assert found[0] in same
    assert len(same & set(found)) == 6
    assert different <= set(found)
    scores = [result["score"] for result in ask(api, MOVIES)["results"]]
    assert scores == sorted(scores, reverse=True)
    assert movies(api)[:10] == found


# TMDB


def hit(tmdb_id, **changes):
    return payloads.movie_hit(id=tmdb_id, title=f"Hit {tmdb_id}", media_type="movie", adult=False) | changes


def recommends(upstream, tmdb_id, *hits, **answer):
    answer = answer or {"json": payloads.movie_page(*hits)}
    return upstream.get(f"{payloads.TMDB}/movie/{tmdb_id}/recommendations", **answer)


@pytest.fixture
def favourite(user):
    return rated(user, MovieFactory(tmdb_id=120, title="The Fellowship of the Ring"), 10)


def test_tmdb_is_asked_about_the_highest_rated_movie(api, user, upstream, favourite):
    known = MovieFactory(tmdb_id=121, title="The Two Towers")
    own = rated(user, MovieFactory(tmdb_id=122), None)
    asked = recommends(upstream, 120, hit(121), hit(own.movie.tmdb_id), hit(603, release_date="", poster_path=None))

    body = ask(api, MOVIES)

    week = favourite.week
    lead = {
        "title": "The Fellowship of the Ring",
        "week_id": week.pk,
        "year": week.year,
        "week_number": week.week_number,
    }
    assert body["source"] == "tmdb"
    assert [result["movie"] for result in body["results"]] == [
        {
            "id": known.pk,
            "tmdb_id": 121,
            "title": "The Two Towers",
            "original_title": None,
            "release_date": None,
            "poster_path": None,
            "overview": None,
        },
        {
            "id": None,
            "tmdb_id": 603,
            "title": "Hit 603",
            "original_title": "The Matrix",
            "release_date": None,
            "poster_path": None,
            "overview": "A hacker wakes up.",
        },
    ]
    for result in body["results"]:
        assert result["because"] == [{"reason": "tmdb", "name": "The Fellowship of the Ring", "picks": [lead]}]
    assert not Movie.objects.filter(tmdb_id=603).exists()
    assert ask(api, MOVIES) == body
    assert asked.call_count == 1  # the second answer came from the cache


def test_tmdb_is_asked_about_at_most_five_movies_all_of_them_liked(api, user, upstream):
    for number in range(8):
        rated(user, MovieFactory(tmdb_id=100 + number), 3 + number)
    rated(user, MovieFactory(), None)
    for tmdb_id in range(104, 108):  # rated 7 to 10
        recommends(upstream, tmdb_id)

    assert ask(api, MOVIES) == {"source": "tmdb", "results": []}

    for number in range(2):
        rated(user, MovieFactory(tmdb_id=200 + number), 10)
    for number in range(2):
        recommends(upstream, 200 + number)
    ask(api, MOVIES)
    assert len([call for call in upstream.calls if "/recommendations" in call.request.url]) == 6


def test_series_and_adult_movies_are_left_out(api, upstream, favourite):
    recommends(upstream, 120, hit(603, media_type="tv"), hit(604, adult=True), {"id": "x"}, "garbage", hit(605))

    assert [result["movie"]["tmdb_id"] for result in ask(api, MOVIES)["results"]] == [605]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"status": 401, "json": {"status_code": 7}},
        {"status": 404, "json": payloads.UNKNOWN},
        {"status": 429, "headers": {"Retry-After": "7"}},
        {"status": 503},
        {"body": "garbage"},
        {"json": {"results": None}},
        {"body": requests.ConnectionError("refused")},
    ],
)
def test_the_catalog_is_used_when_tmdb_fails(api, user, upstream, favourite, answer):
    director = PersonFactory()
    rated(user, directed(director), 6)
    new = directed(director)
    recommends(upstream, 120, **answer)

    body = ask(api, MOVIES)

    assert body["source"] == "catalog"
    assert [result["movie"]["id"] for result in body["results"]] == [new.pk]


def test_without_a_key_the_catalog_is_used(api, settings, favourite):
    settings.TMDB_API_KEY = ""

    assert ask(api, MOVIES) == {"source": "catalog", "results": []}


def test_one_failed_request_does_not_discard_the_others(api, user, upstream, favourite):
    rated(user, MovieFactory(tmdb_id=13), 9)
    recommends(upstream, 120, status=500)
    recommends(upstream, 13, hit(603))

    body = ask(api, MOVIES)

    assert body["source"] == "tmdb"
    assert [result["movie"]["tmdb_id"] for result in body["results"]] == [603]


def test_stale_answers_are_used_while_tmdb_is_down(api, upstream, favourite, time_machine):
    recommends(upstream, 120, hit(603))
    first = ask(api, MOVIES)
    time_machine.shift(2 * 24 * 3600)
    upstream.replace("GET", f"{payloads.TMDB}/movie/120/recommendations", status=500)

    assert ask(api, MOVIES) == first


@pytest.mark.real_http
def test_a_slow_tmdb_is_not_waited_for(api, httpserver: HTTPServer, settings, monkeypatch, favourite):
    monkeypatch.setattr("catalog.services.EXTRA_WAIT", 0.3)
    settings.TMDB_BASE_URL = httpserver.url_for("").rstrip("/")
    release = threading.Event()

    def answer(request):
        release.wait(AGES)
        return Response(json.dumps(payloads.movie_page(hit(603))), content_type="application/json")

    httpserver.expect_request("/movie/120/recommendations").respond_with_handler(answer)

    first = ask(api, MOVIES)

    assert first == {"source": "catalog", "results": []}
    release.set()
    land()
    assert len(ask(api, MOVIES)["results"]) == 1  # what came too late was kept


# The answer


@pytest.mark.parametrize("address", [MOVIES, ALBUMS])
@pytest.mark.parametrize("limit", ["0", "51", "x", "1.5"])
def test_limits_are_from_1_to_50(api, address, limit):
    assert_problem(api.get(address, {"limit": limit}), 422)


def test_no_more_than_asked_for(api, user):
    director = PersonFactory()
    rated(user, directed(director), 10)
    for _ in range(25):
        directed(director)

    assert [len(movies(api, limit=limit)) for limit in (1, 3, 50)] == [1, 3, 25]
    assert len(movies(api)) == 20


@pytest.mark.parametrize("address", [MOVIES, ALBUMS])
def test_anonymous_requests_are_refused(anonymous, address):
    assert_problem(anonymous.get(address), 401, "Not authenticated")


@pytest.mark.parametrize("address", [MOVIES, ALBUMS])
def test_an_unchanged_answer_is_a_304(api, user, other, address):
    rated(other, MovieFactory(), 9)
    rated(other, AlbumFactory(), 9)
    first = api.get(address)

    again = api.get(address, headers={"If-None-Match": first.headers["ETag"]})
    rated(UserFactory(), MovieFactory(), 9)
    rated(UserFactory(), AlbumFactory(), 9)
    changed = api.get(address, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200


@pytest.mark.parametrize(("address", "make"), [(MOVIES, "movie"), (ALBUMS, "album")])
def test_queries_do_not_grow_with_the_data(api, user, other, settings, address, make):
    settings.TMDB_API_KEY = ""

    def grow(times):
        for _ in range(times):
            person, artist = PersonFactory(), ArtistFactory()
            values = {"genres": [f"Genre {times}"]}
            works = [
                directed(person, release_date=date(1999, 1, 1), **values)
                if make == "movie"
                else played(artist, release_date="1999", **values)
                for _ in range(4)
            ]
            pick = rated(user, works[0], 9)
            if make == "movie":
                MovieOpinionFactory(user=other, movie_pick=pick, rating=9)
            else:
                AlbumOpinionFactory(user=other, album_pick=pick, rating=9)
            rated(other, works[1], 9)
            rated(UserFactory(), works[2], 9)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert ask(api, address)["results"]
        return len(captured)

    grow(1)
    few = queries()
    grow(12)

    assert queries() == few <= 13
