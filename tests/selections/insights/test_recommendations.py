"""What is recommended and why, and that it reveals nothing hidden."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalog.models import MovieCast, MovieCrew
from selections.insights import likes
from selections.models import Opinion, WeekMovie
from tests import payloads
from tests.benchmarks import taste
from tests.conftest import analyze, assert_problem
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
from tests.selections.insights.recommended import (
    ALBUMS,
    MOVIES,
    agree,
    albums,
    ask,
    directed,
    movies,
    played,
    rated,
)

pytestmark = pytest.mark.usefixtures("now")


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
        "poster_url": "https://image.tmdb.org/t/p/w342/ring.jpg",
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


def test_what_contributed_most_is_named_first(api, user):
    director, twin = PersonFactory(name="Director"), UserFactory(username="twin")
    agree(user, twin, works=6)
    rated(user, directed(director), 8)
    praised = directed(director)
    rated(UserFactory(username="stranger"), praised, 10)
    rated(twin, praised, 10)

    because = ask(api, MOVIES)["results"][0]["because"]

    assert [reason["name"] for reason in because] == ["twin", "stranger", "Director"]


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
def test_an_unchanged_answer_is_a_304(api, user, other, address):
    rated(other, MovieFactory(), 9)
    latest = rated(other, AlbumFactory(), 9)
    # A sequence skips what is rolled back: ids do not tell how many opinions there are.
    Opinion.objects.filter(album_pick=latest).update(id=likes.FEW + 1)
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

    assert queries() == few <= 14
