"""A thousand people, 50,000 weeks and 200,000 opinions: how long do answers take?

    uv run python -m tests.benchmarks.crowd [--users 1000] [--at 2026-11-22T11:00Z]

Makes a database that is thrown away: a SQLite file in a temporary folder, or beside the one that a DATABASE_URL of
PostgreSQL names. Each figure is the median of several requests, by different people.
"""

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
import uuid
from datetime import UTC, date, datetime, timedelta

import time_machine

PATHS = [
    "/api/stats/overview",
    "/api/stats/overview?user={friend}",
    "/api/stats/overview?user=all",
    "/api/stats/by-year/2026",
    "/api/stats/by-year/2026?user=all",
    "/api/stats/year-in-opinions/2026",
    "/api/stats/year-in-opinions/2026?user=all",
    "/api/stats/compare?with={friend}",
    "/api/stats/wrong-opinions",
    "/api/stats/wrong-opinions?year=2026",
    "/api/stats/wrong-opinions?week=2026-W07",
    "/api/stats/report-card",
    "/api/stats/contrarian",
    "/api/stats/on-this-week",
    "/api/recommendations/movies",
    "/api/recommendations/albums",
    "/api/opinions",
    "/api/opinions?user={friend}",
    "/api/opinions?min_rating=9",
    "/api/weeks",
    "/api/weeks?complete=true",
    "/api/weeks?search=movie",
    "/api/weeks/2026-W07",
    "/api/movies/selections",
    "/api/movies/1/selections",
    "/api/users",
]
LIMITS = {  # milliseconds
    "/api/stats/overview": 150,
    "/api/recommendations/movies": 300,
    "/api/recommendations/albums": 300,
}
WEEKS, OPINIONS = 50, 200  # of each person
MOVIES, ALBUMS, PEOPLE, ARTISTS = 5_000, 5_000, 20_000, 2_000
CAST, PRIVATE = 15, 0.05
ZONES = ["Pacific/Kiritimati", "Europe/Berlin", "America/New_York", "UTC"]
GENRES = ["Drama", "Comedy", "Horror", "Thriller", "Romance", "Western", "Animation", "Crime", "Mystery", "War"]
STYLES = ["rock", "jazz", "folk", "ambient", "techno", "soul", "punk", "dub", "metal", "pop"]
FIRST_MONDAY = date(2025, 12, 1)
NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # in the last of the weeks but one


def fill(users: int) -> None:
    """Make everything up, the same at each run."""
    from accounts.models import User
    from catalog.models import Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
    from selections.models import Opinion, Week, WeekAlbum, WeekMovie

    dice = random.Random(7)

    def store[M](model: type[M], rows: list[M]) -> list[M]:
        return model._default_manager.bulk_create(rows, batch_size=1000)  # type: ignore[attr-defined]

    def popular[T](things: list[T]) -> T:
        """One of them, the first more often than the last."""
        return things[int(len(things) * dice.random() ** 2)]

    everybody = store(
        User,
        [
            User(
                username=f"person{n}",
                email=f"person{n}@example.org",
                visibility="private" if dice.random() < PRIVATE else "members",
                time_zone=ZONES[n % len(ZONES)],
            )
            for n in range(users)
        ],
    )
    people = store(Person, [Person(tmdb_id=n + 1, name=f"Person {n}") for n in range(PEOPLE)])
    artists = store(
        Artist,
        [Artist(musicbrainz_id=uuid.UUID(int=dice.getrandbits(128)), name=f"Artist {n}") for n in range(ARTISTS)],
    )
    movies = store(
        Movie,
        [
            Movie(
                tmdb_id=n + 1,
                title=f"Movie {n}",
                title_key=f"movie {n}",
                genres=dice.sample(GENRES, 3),
                original_language=popular(["en", "fr", "ja", "de", "it"]),
                release_date=date(1930, 1, 1) + timedelta(dice.randrange(35_000)),
                vote_average=dice.uniform(4, 9),
                vote_count=dice.randrange(1, 20_000),
                runtime=dice.choice([None, 88, 97, 104, 121, 154]),
            )
            for n in range(MOVIES)
        ],
    )
    groups = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(ALBUMS * 9 // 10)]
    albums = store(
        Album,
        [
            Album(
                musicbrainz_id=uuid.UUID(int=dice.getrandbits(128)),
                release_group_id=dice.choice([None, *groups]),
                title=f"Album {n}",
                title_key=f"album {n}",
                genres=dice.sample(STYLES, 3),
                country=popular(["US", "GB", "DE", "JP", "XW"]),
                release_date=str(dice.randrange(1950, 2026)),
            )
            for n in range(ALBUMS)
        ],
    )
    store(
        MovieCast,
        [
            MovieCast(movie=movie, person=person, credit_id=str(place), order=place)
            for movie in movies
            for place, person in enumerate(dice.sample(people, CAST))
        ],
    )
    store(
        MovieCrew,
        [
            MovieCrew(movie=movie, person=popular(people), credit_id=job, job=job, order=place)
            for movie in movies
            for place, job in enumerate(["Director", "Writer", "Screenplay", "Producer", "Original Music Composer"])
        ],
    )
    store(
        AlbumArtist,
        [AlbumArtist(album=album, artist=popular(artists), position=0, name="Somebody") for album in albums],
    )
    days = [(FIRST_MONDAY + timedelta(weeks=n)).isocalendar() for n in range(WEEKS)]
    weeks = store(Week, [Week(user=user, year=day.year, week_number=day.week) for user in everybody for day in days])
    movie_picks, album_picks = [], []
    for week in weeks:
        chosen = dice.randint(1, 2)
        while len(works := {popular(movies) for _ in range(chosen)}) < chosen:
            pass
        movie_picks += [WeekMovie(week=week, movie=movie, position=n) for n, movie in enumerate(works, 1)]
        chosen = dice.randint(1, 2)
        while len(records := {popular(albums) for _ in range(chosen)}) < chosen:
            pass
        album_picks += [WeekAlbum(week=week, album=album, position=n) for n, album in enumerate(records, 1)]
    store(WeekMovie, movie_picks)
    store(WeekAlbum, album_picks)
    by_owner: dict[int, list[WeekMovie | WeekAlbum]] = {}
    for pick in [*movie_picks, *album_picks]:
        by_owner.setdefault(pick.week.user_id, []).append(pick)
    everything = [*movie_picks, *album_picks]
    opinions = []
    for user in everybody:
        own = dice.sample(by_owner[user.pk], OPINIONS // 2)
        foreign = (pick for pick in iter(lambda: dice.choice(everything), None) if pick.week.user_id != user.pk)
        chosen_picks = dict.fromkeys(own)
        while len(chosen_picks) < OPINIONS:
            chosen_picks[next(foreign)] = None
        for pick in chosen_picks:
            on = {"movie_pick": pick} if isinstance(pick, WeekMovie) else {"album_pick": pick}
            opinions.append(Opinion(user=user, rating=dice.randint(1, 10), created_at=NOW, updated_at=NOW, **on))
    store(Opinion, opinions)
    print(  # noqa: T201
        f"{len(everybody)} people, {len(weeks)} weeks, {len(movie_picks)} movie picks, {len(album_picks)} album picks, "
        f"{len(opinions)} opinions"
    )


def measure(times: int) -> None:
    """Print how long each address takes to answer, sign-in and JSON and all, with its queries."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from rest_framework.test import APIClient

    from accounts.api.authentication import sign_in
    from accounts.models import User

    people = list(User.objects.filter(visibility="members").order_by("id")[: times * 7 : 7])
    friend = people[-1].username
    slow = []
    for path in PATHS:
        took = []
        for person in people[:-1]:
            client = APIClient(headers={"Authorization": f"Bearer {sign_in(person, 'crowd')['access_token']}"})
            with CaptureQueriesContext(connection) as queries:
                begin = time.perf_counter()
                answer = client.get(path.format(friend=friend))
                took.append(1000 * (time.perf_counter() - begin))
            if answer.status_code != 200:
                raise SystemExit(f"{path}: {answer.content.decode()}")
        print(  # noqa: T201
            f"{connection.vendor:10} {path:50} median {statistics.median(took):5.0f} ms, "
            f"from {min(took):.0f} to {max(took):.0f} ms, {len(queries)} queries"
        )
        if statistics.median(took) > LIMITS.get(path, float("inf")):
            slow.append(path)
    if slow:
        raise SystemExit(f"Too slow: {', '.join(slow)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument(
        "--at", help="the moment to measure at, such as 2026-11-22T11:00Z, when a week ends in some zones"
    )
    parser.add_argument("--times", type=int, default=9, help="requests for each figure")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "wrong_opinions.settings",
            "SECRET_KEY": "only for this benchmark, and long enough for that",
            "CACHE_DIR": folder,
            "ALLOWED_HOSTS": "testserver",
        }
        os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/benchmark.db")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        is_postgresql = connection.vendor == "postgresql"
        if is_postgresql:
            name = connection.settings_dict["NAME"]
            connection.settings_dict["TEST"]["NAME"] = f"{name}_benchmark"
            connection.creation.create_test_db(verbosity=0, autoclobber=True)
        else:
            call_command("migrate", verbosity=0)
        try:
            fill(asked.users)
            if is_postgresql:  # which it does by itself within minutes; SQLite does not
                with connection.cursor() as cursor:
                    cursor.execute("ANALYZE")
            with time_machine.travel(asked.at, tick=True) if asked.at else contextlib.nullcontext():
                measure(asked.times)
        finally:
            if is_postgresql:
                connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
