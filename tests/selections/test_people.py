import pytest

from catalog.models import MovieCast, MovieCrew
from tests.conftest import assert_problem, client_of
from tests.factories import MovieFactory, PersonFactory, UserFactory, WeekFactory, WeekMovieFactory


@pytest.fixture
def person(db):
    return PersonFactory(tmdb_id=109, name="Elijah Wood", profile_path="/wood.jpg")


def play(movie, person, character, order=0):
    MovieCast.objects.create(
        movie=movie, person=person, credit_id=f"{character}{order}", character=character, order=order
    )


def work(movie, person, job, order=0):
    MovieCrew.objects.create(movie=movie, person=person, credit_id=job, job=job, order=order)


def test_a_person_with_their_parts_and_jobs_in_what_was_picked(api, user, person):
    movie = MovieFactory(title="One", overview="It begins.", release_date="2001-12-18")
    play(movie, person, "Frodo's shadow", order=5)
    play(movie, person, "Frodo", order=1)
    play(movie, person, "", order=2)
    play(movie, PersonFactory(), "Gandalf", order=0)
    work(movie, person, "Producer", order=1)
    work(movie, person, "Director of Photography", order=2)
    work(movie, PersonFactory(), "Director", order=0)
    pick = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie=movie)

    response = api.get("/api/people/109")

    assert response.status_code == 200
    assert response.json() == {
        "tmdb_id": 109,
        "name": "Elijah Wood",
        "profile_url": "https://image.tmdb.org/t/p/w185/wood.jpg",
        "movies": [
            {
                "id": movie.pk,
                "tmdb_id": movie.tmdb_id,
                "title": "One",
                "original_title": None,
                "release_date": "2001-12-18",
                "poster_path": None,
                "poster_url": None,
                "overview": "It begins.",
                "overview_language": None,
                "cached_at": "2026-01-02T03:04:05Z",
                "confirmed": True,
                "selections": api.get("/api/movies/selections").json()["results"][0]["selections"],
                "characters": ["Frodo", "Frodo's shadow"],
                "jobs": ["Producer", "Director of Photography"],
            }
        ],
    }
    assert response.json()["movies"][0]["selections"][0]["week_id"] == pick.week_id


def test_movies_are_there_by_title_once_each_when_they_were_picked(api, person):
    acted, made, scored = MovieFactory(title="b"), MovieFactory(title="C"), MovieFactory(title="A")
    play(acted, person, "Frodo")
    work(acted, person, "Director")
    work(made, person, "Writer")
    work(scored, person, "Original Music Composer")
    for movie in (acted, acted, made, scored):
        WeekMovieFactory(movie=movie)
    play(MovieFactory(title="Not picked"), person, "Sam")
    WeekMovieFactory(movie=MovieFactory(title="Not theirs"))

    movies = api.get("/api/people/109").json()["movies"]

    assert [(movie["title"], movie["characters"], movie["jobs"]) for movie in movies] == [
        ("A", [], ["Original Music Composer"]),
        ("b", ["Frodo"], ["Director"]),
        ("C", [], ["Writer"]),
    ]
    assert [len(movie["selections"]) for movie in movies] == [1, 2, 1]


def test_picks_of_private_people_are_theirs_alone(api, user, person):
    hermit = UserFactory(visibility="private")
    shared, hidden = MovieFactory(), MovieFactory()
    for movie in (shared, hidden):
        play(movie, person, "Frodo")
        WeekMovieFactory(week=WeekFactory(user=hermit), movie=movie)
    mine = WeekMovieFactory(week=WeekFactory(user=user), movie=shared)

    (movie,) = api.get("/api/people/109").json()["movies"]

    assert (movie["id"], [pick["week_id"] for pick in movie["selections"]]) == (shared.pk, [mine.week_id])
    assert len(client_of(hermit).get("/api/people/109").json()["movies"]) == 2


def test_who_has_no_picture_and_no_picks(api):
    PersonFactory(tmdb_id=7, name="Nobody")

    assert api.get("/api/people/7").json() == {"tmdb_id": 7, "name": "Nobody", "profile_url": None, "movies": []}


def test_people_come_with_the_credits_of_movies(api, tmdb_movie):
    tmdb_movie()
    api.get("/api/movies/120")

    assert api.get("/api/people/1327").json()["name"] == "Ian McKellen"


@pytest.mark.parametrize("known", ["110", "2147483647"])
def test_a_missing_person(api, person, known):
    assert_problem(api.get(f"/api/people/{known}"), 404, "Person not found")


@pytest.mark.parametrize("raw", ["abc", "0", "-1", "1.5", "2147483648", "99999999999999999999", "%00", "٣", "1%20"])
def test_no_person_id(api, raw):
    assert_problem(api.get(f"/api/people/{raw}"), 422)


def test_a_person_costs_the_same_queries_whatever_was_picked(api, person, django_assert_num_queries):
    for _ in range(9):
        movie = MovieFactory()
        for n in range(3):
            play(movie, person, f"Part {n}", n)
            WeekMovieFactory(movie=movie)
        for job in ("Director", "Writer"):
            work(movie, person, job)

    with django_assert_num_queries(6):  # who asks, the person, the movies, their picks, the parts, the jobs
        assert len(api.get("/api/people/109").json()["movies"]) == 9
