"""A thousand people, 50,000 weeks and 200,000 opinions: how long do answers take?

    uv run python -m tests.benchmarks.crowd [--people 1000] [--at 2026-11-22T11:00Z]

Makes a database that is thrown away: a SQLite file in a temporary folder, or beside the one that a DATABASE_URL of
PostgreSQL names. Each figure is the median of several requests, by different people. With `--keep`, it only fills the
empty database of DATABASE_URL, which stays.
"""

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import batched

import time_machine
from django.utils import timezone

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
PRIVATE = 0.05  # of all people
CAST = 15
ZONES = ["Pacific/Kiritimati", "Europe/Berlin", "America/New_York", "UTC"]
GENRES = ["Drama", "Comedy", "Horror", "Thriller", "Romance", "Western", "Animation", "Crime", "Mystery", "War"]
STYLES = ["rock", "jazz", "folk", "ambient", "techno", "soul", "punk", "dub", "metal", "pop"]
VOCABULARY = (
    "night day last first blue red silver golden broken quiet lost hidden summer winter river mountain city house "
    "garden mirror shadow light king queen stranger brother daughter train road island ocean desert fire rain snow "
    "ghost dream memory letter secret promise machine planet star moon sun wolf crow horse tiger café naïve "
    "Æon Łódź Straße Björk Øresund Amélie señor दिल दोल バス 東京 Война"
)
WORDS = VOCABULARY.split()
ARTICLES = ["The", "A", "", "", "My", "Our"]
SYLLABLES = ["ba", "do", "fe", "gi", "ku", "la", "mo", "ne", "ra", "su", "ti", "vo"]  # of 1,728 made-up names


def fill(people: int, writers: int, weeks: int, opinions: int) -> None:
    """Make everything up, the same in each week in which it is run.

    The `weeks` belong to the `writers`, who are the first of the people, up to this week.
    """
    from accounts.models import User
    from catalog.models import Album, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person
    from selections.models import Opinion, Week, WeekAlbum, WeekMovie
    from selections.weeks import week_of, weeks_later

    dice = random.Random(7)
    now = timezone.now()
    works_count = min(20_000, max(200, weeks // 10))

    def store[M](model: type[M], rows: list[M]) -> list[M]:
        return model._default_manager.bulk_create(rows, batch_size=1000)  # type: ignore[attr-defined]

    def popular[T](things: Sequence[T]) -> T:
        """One of them, the first more often than the last."""
        return things[int(len(things) * dice.random() ** 2)]

    def title() -> str:
        name = "".join(dice.choices(SYLLABLES, k=3)).title()
        return f"{dice.choice(ARTICLES)} {popular(WORDS)} {dice.choice(WORDS).title()} of {name}".strip()

    def with_keys[M: (Week, Movie, Album)](row: M) -> M:
        row.set_search_text() if isinstance(row, Week) else row.set_keys()
        return row

    everyone = store(
        User,
        [
            User(
                username=f"person{n}",
                email=f"person{n}@example.org",
                is_staff=n == 0,
                is_superuser=n == 0,
                visibility="private" if n and dice.random() < PRIVATE else "members",
                time_zone=ZONES[n % len(ZONES)],
            )
            for n in range(people)
        ],
    )
    actors = store(Person, [Person(tmdb_id=n + 1, name=f"Person {n}") for n in range(4 * works_count)])
    artists = store(
        Artist,
        [Artist(musicbrainz_id=uuid.UUID(int=dice.getrandbits(128)), name=title()) for _ in range(works_count // 3)],
    )
    movies = store(
        Movie,
        [
            with_keys(
                Movie(
                    tmdb_id=n + 1,
                    title=title(),
                    genres=dice.sample(GENRES, 3),
                    original_language=popular(["en", "fr", "ja", "de", "it"]),
                    release_date=date(1930, 1, 1) + timedelta(dice.randrange(35_000)),
                    vote_average=dice.uniform(4, 9),
                    vote_count=dice.randrange(1, 20_000),
                    runtime=dice.choice([None, 88, 97, 104, 121, 154]),
                    fetched_at=now,
                )
            )
            for n in range(works_count)
        ],
    )
    groups = [uuid.UUID(int=dice.getrandbits(128)) for _ in range(works_count * 9 // 10)]
    albums = store(
        Album,
        [
            with_keys(
                Album(
                    musicbrainz_id=uuid.UUID(int=dice.getrandbits(128)),
                    release_group_id=dice.choice([None, *groups]),
                    title=title(),
                    artist=popular(artists).name,
                    genres=dice.sample(STYLES, 3),
                    country=popular(["US", "GB", "DE", "JP", "XW"]),
                    release_date=str(dice.randrange(1950, 2026)),
                    fetched_at=now,
                )
            )
            for _ in range(works_count)
        ],
    )
    store(
        MovieCast,
        [
            MovieCast(movie=movie, person=person, credit_id=str(place), order=place)
            for movie in movies
            for place, person in enumerate(dice.sample(actors, CAST))
        ],
    )
    store(
        MovieCrew,
        [
            MovieCrew(movie=movie, person=popular(actors), credit_id=job, job=job, order=place)
            for movie in movies
            for place, job in enumerate(["Director", "Writer", "Screenplay", "Producer", "Original Music Composer"])
        ],
    )
    store(
        AlbumArtist,
        [AlbumArtist(album=album, artist=popular(artists), position=0, name=album.artist) for album in albums],
    )
    each = weeks // writers
    calendar = [weeks_later(week_of(now.date()), n - each + 1) for n in range(each)]
    own: dict[int, list[tuple[str, int, int]]] = defaultdict(list)  # by user: their picks' foreign key, id and week id
    for some in batched(everyone[:writers], 100, strict=False):
        rows = [
            with_keys(
                Week(
                    user=user,
                    year=year,
                    week_number=number,
                    notes=" ".join(dice.choices(WORDS, k=12)) if dice.random() < 0.3 else "",
                )
            )
            for user in some
            for year, number in calendar
        ]
        movie_picks, album_picks = [], []
        for week in store(Week, rows):
            chosen = {popular(movies) for _ in range(dice.choice([1, 1, 1, 2]))}
            movie_picks += [WeekMovie(week=week, movie=movie, position=n) for n, movie in enumerate(chosen, 1)]
            records = {popular(albums) for _ in range(dice.choice([0, 1, 2, 2]))}
            album_picks += [WeekAlbum(week=week, album=album, position=n) for n, album in enumerate(records, 1)]
        for movie_pick in store(WeekMovie, movie_picks):
            own[movie_pick.week.user_id].append(("movie_pick_id", movie_pick.pk, movie_pick.week_id))
        for album_pick in store(WeekAlbum, album_picks):
            own[album_pick.week.user_id].append(("album_pick_id", album_pick.pk, album_pick.week_id))
    everything = [pick for picks in own.values() for pick in picks]
    for n, user in enumerate(everyone):
        count = opinions * (n + 1) // people - opinions * n // people
        picks = own[user.pk]
        rated = dict.fromkeys(dice.sample(picks, min(count // 2, len(picks))))
        while len(rated) < min(count, len(everything)):
            rated[dice.choice(everything)] = None
        moments = (now - timedelta(minutes=dice.randrange(1, each * 10_080)) for _ in rated)
        store(
            Opinion,
            [
                Opinion(
                    user=user,
                    rating=dice.randint(1, 10),
                    created_at=moment,
                    updated_at=moment,
                    week_id=week,
                    **{pick: pk},
                )
                for (pick, pk, week), moment in zip(rated, moments, strict=True)
            ],
        )
    print(  # noqa: T201
        f"{people} people, {Week.objects.count()} weeks, {len(everything)} picks, {Opinion.objects.count()} opinions"
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
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--writers", type=int, help="how many of the people have weeks; all by default")
    parser.add_argument("--weeks", type=int, default=50_000, help="of all writers together")
    parser.add_argument("--opinions", type=int, default=200_000, help="of all people together")
    parser.add_argument("--keep", action="store_true", help="fill the database of DATABASE_URL, and measure nothing")
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
        if is_postgresql and not asked.keep:
            name = connection.settings_dict["NAME"]
            connection.settings_dict["TEST"]["NAME"] = f"{name}_benchmark"
            connection.creation.create_test_db(verbosity=0, autoclobber=True)
        else:
            call_command("migrate", verbosity=0)
        try:
            fill(asked.people, asked.writers or asked.people, asked.weeks, asked.opinions)
            if is_postgresql:  # which it does by itself within minutes; SQLite does not
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM ANALYZE")
            if asked.keep:
                return
            with time_machine.travel(asked.at, tick=True) if asked.at else contextlib.nullcontext():
                measure(asked.times)
        finally:
            if is_postgresql and not asked.keep:
                connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    main()
