"""Statistics of random histories: streaks hold, and the database counts what plain Python counts."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import hypothesis
import pytest
from django.db import transaction
from hypothesis import strategies as st

from catalog.models import AlbumArtist, MovieCast, MovieCrew
from selections.insights import statistics
from selections.models import Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import FIRST_YEAR, LAST_YEAR
from tests.factories import AlbumFactory, ArtistFactory, MovieFactory, PersonFactory, UserFactory

RUNNING = (2026, 53)
WEEKS = [(2025, 52), (2026, 1), (2026, 9), (2026, 52), (2026, 53), (2027, 1)]


def monday(week):
    return date.fromisocalendar(*week, 1)


def week_of(day):
    return tuple(day.isocalendar())[:2]


days = st.dates(date(2020, 9, 1), date(2021, 4, 30))  # around the end of 2020, which has 53 weeks


def longest_by_steps(weeks):
    """The length of the longest row, found by walking on from each week to the Monday after."""
    longest = 0
    for week in weeks:
        day, length = monday(week), 0
        while week_of(day) in weeks:
            day, length = day + timedelta(days=7), length + 1
        longest = max(longest, length)
    return longest


def current_by_steps(weeks, running):
    """The length of the row that ends now, found by walking back."""
    day = monday(running)
    if running not in weeks:
        day -= timedelta(days=7)
    length = 0
    while week_of(day) in weeks:
        day, length = day - timedelta(days=7), length + 1
    return length


@hypothesis.given(
    starts=st.lists(st.tuples(days, st.integers(1, 20)), max_size=6), skipped=st.sets(days, max_size=8), today=days
)
def test_streaks_are_what_walking_from_week_to_week_finds(starts, skipped, today):
    weeks = {week_of(start + timedelta(weeks=n)) for start, length in starts for n in range(length)}
    weeks -= {week_of(day) for day in skipped}
    running = week_of(today)

    current, longest = statistics.count_streaks(weeks, running)

    past = {week for week in weeks if week <= running}
    assert longest == longest_by_steps(past)
    assert current == current_by_steps(past, running)


@hypothesis.given(day=st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_each_week_is_one_after_the_week_before(day):
    before, after = week_of(day), week_of(day + timedelta(days=7))

    assert statistics.count_streaks([after, before], after) == (2, 2)


@hypothesis.given(year=st.integers(FIRST_YEAR, LAST_YEAR))
def test_the_months_have_all_weeks_of_their_year(year):
    last = date(year, 12, 28).isocalendar().week
    weeks = [{"week_number": number, "movies": 1, "albums": 2} for number in range(1, last + 1)]

    months = statistics.months(year, weeks, [(number, 7, 1) for number in range(1, last + 1)])

    assert sum(month["weeks"] for month in months) == last
    assert sum(month["picks"] for month in months) == 3 * last
    assert sum(month["ratings"] for month in months) == last
    assert {month["weeks"] for month in months} <= {4, 5}


@pytest.fixture
def world(db, time_machine):
    """People and works that each example makes another history of."""
    time_machine.move_to(datetime(2026, 12, 30, 12, tzinfo=UTC), tick=False)
    people = [UserFactory(), UserFactory(), UserFactory(visibility="private")]
    persons = [PersonFactory(name=name) for name in ("Abe", "Bea", "Bea", "Cid")]
    artists = [ArtistFactory(name=name) for name in ("Radio", "Duo")]
    group = uuid.uuid4()
    movies = [
        MovieFactory(genres=["Drama", "Crime"], runtime=142, release_date=date(1994, 9, 10), original_language="en"),
        MovieFactory(genres=["Drama"], runtime=179, release_date=date(2001, 12, 18), original_language="fr"),
        MovieFactory(genres=["Comedy"], runtime=179, release_date=date(1999, 12, 31), original_language="en"),
        MovieFactory(),
    ]
    albums = [
        AlbumFactory(genres=["rock"], release_group_id=group, release_date="1997-05-21", country="GB"),
        AlbumFactory(genres=["rock", "pop"], release_group_id=group, release_date="2009", country="US"),
        AlbumFactory(release_group_id=None, release_date="1994-09"),
        AlbumFactory(release_group_id=None, country="GB"),
    ]
    for movie, jobs in [
        (movies[0], [(0, "Director"), (3, "Composer"), (3, "Original Music Composer")]),
        (movies[1], [(1, "Director"), (0, "Director"), (1, "Composer")]),
        (movies[2], [(2, "Writer")]),
    ]:
        for number, (person, job) in enumerate(jobs):
            MovieCrew.objects.create(movie=movie, person=persons[person], job=job, order=number, credit_id=str(number))
    for movie, parts in [(movies[0], [(0, 0), (0, 1), (1, 9), (3, 10)]), (movies[2], [(1, 0), (2, 0)])]:
        for number, (person, order) in enumerate(parts):
            MovieCast.objects.create(movie=movie, person=persons[person], order=order, credit_id=str(number))
    for album, credited in [(albums[0], [0]), (albums[1], [0, 1, 0]), (albums[2], [1])]:
        for position, artist in enumerate(credited):
            AlbumArtist.objects.create(album=album, artist=artists[artist], position=position, name="x")
    return SimpleNamespace(people=people, movies=movies, albums=albums)


works = st.lists(st.integers(0, 3), max_size=2, unique=True)
histories = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(WEEKS)), st.tuples(works, works), min_size=1, max_size=8
)
REWATCHES = {"first_times": False, "rewatches": True, "rewatch_unknown": None}
# Few different ones, so that picks are alike and hardly differ.
ratings = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 20), st.sampled_from([1, 6, 7, 10, None])), min_size=8, max_size=30
)


def make(world, history, rated):
    """All picks and all opinions of a history; each pick knows its `kind` and `work`."""
    picks = []
    for (person, (year, number)), (movies, albums) in sorted(history.items()):
        week = Week.objects.create(user=world.people[person], year=year, week_number=number)
        for position, work in enumerate(movies, 1):
            values = {"position": position, "rewatch": list(REWATCHES.values())[len(picks) % 3]}
            picks.append(WeekMovie.objects.create(week=week, movie=world.movies[work], **values))
        for position, work in enumerate(albums, 1):
            values = {"position": position, "rewatch": list(REWATCHES.values())[len(picks) % 3]}
            picks.append(WeekAlbum.objects.create(week=week, album=world.albums[work], **values))
    given = {}
    if picks:
        for person, number, rating in rated:
            given[person, number % len(picks)] = rating
    opinions = []
    for (person, number), rating in given.items():
        pick = picks[number]
        on = {"movie_pick": pick} if isinstance(pick, WeekMovie) else {"album_pick": pick}
        user = world.people[person]
        opinions.append(Opinion.objects.create(user=user, rating=rating, review="" if rating else "Hm.", **on))
    return picks, opinions


class ByHand:
    """The figures, counted in Python from all rows: for `viewer`, of `person` (None: of all), of a `year` or of all."""

    def __init__(self, viewer, person, year, picks, opinions):
        self.viewer, self.person, self.year = viewer, person, year
        self.everything = picks
        self.weeks = [week for week in Week.objects.select_related("user") if self.counts(week)]
        self.picks = sorted((pick for pick in picks if self.counts(pick.week)), key=self.place)
        self.movies = [pick for pick in self.picks if isinstance(pick, WeekMovie)]
        self.albums = [pick for pick in self.picks if isinstance(pick, WeekAlbum)]
        said = {(opinion.user, opinion.pick) for opinion in opinions}
        self.visible = [
            opinion
            for opinion in opinions
            if self.sees(opinion.user)
            and self.sees(opinion.pick.week.user)
            and (
                opinion.user == viewer
                or (viewer, opinion.pick) in said
                or (opinion.pick.week.year, opinion.pick.week.week_number) < RUNNING
            )
        ]
        self.given = [
            opinion
            for opinion in self.visible
            if person in (None, opinion.user) and year in (None, opinion.pick.week.year)
        ]

    def sees(self, user):
        return user == self.viewer or user.visibility == "members"

    def counts(self, week):
        return self.sees(week.user) and self.person in (None, week.user) and self.year in (None, week.year)

    @staticmethod
    def place(pick):
        return pick.week.year, pick.week.week_number, isinstance(pick, WeekAlbum), pick.position, pick.pk

    @staticmethod
    def work(pick):
        if isinstance(pick, WeekMovie):
            return pick.movie
        return pick.album.release_group_id or pick.album.musicbrainz_id

    def complete(self):
        with_movie = {pick.week_id for pick in self.movies}
        with_album = {pick.week_id for pick in self.albums}
        return [week for week in self.weeks if week.pk in with_movie & with_album]

    def totals(self):
        runtimes = [pick.movie.runtime for pick in self.movies]
        known = [minutes for minutes in runtimes if minutes]
        repeats = [
            pick
            for pick in self.picks
            if any(
                self.work(other) == self.work(pick)
                and other.week.user == pick.week.user
                and self.place(other) < self.place(pick)
                for other in self.everything
            )
        ]
        return {
            "weeks": len(self.weeks),
            "complete_weeks": len(self.complete()),
            "movies": len(self.movies),
            "albums": len(self.albums),
            "distinct_movies": len({self.work(pick) for pick in self.movies}),
            "distinct_albums": len({self.work(pick) for pick in self.albums}),
            "repeats": len(repeats),
            **{name: sum(pick.rewatch is said for pick in self.picks) for name, said in REWATCHES.items()},
            "hours_watched": None if runtimes and not known else round(sum(known) / 60, 1),
            "runtime_unknown": len(runtimes) - len(known),
        }

    def streaks(self):
        if self.person is None:
            return {"current_streak": None, "longest_streak": None}
        past = {(week.year, week.week_number) for week in self.complete()}
        past = {week for week in past if week <= RUNNING}
        return {"current_streak": current_by_steps(past, RUNNING), "longest_streak": longest_by_steps(past)}

    @staticmethod
    def summary(opinions):
        rated = [opinion.rating for opinion in opinions if opinion.rating]
        return {
            "opinions": len(opinions),
            "rated": len(rated),
            "mean": round(sum(rated) / len(rated), 2) if rated else None,
            "histogram": [rated.count(rating) for rating in range(1, 11)],
        }

    def received(self):
        own = [opinion for opinion in self.visible if self.counts(opinion.pick.week)]
        return self.summary([opinion for opinion in own if opinion.user != opinion.pick.week.user])

    @staticmethod
    def most(picks, names):
        """The rows by how many of these picks have them in `names(pick)`, then by what they are."""
        counted = Counter(name for pick in picks for name in set(names(pick)))
        return sorted(((count, name) for name, count in counted.items()), key=lambda row: (-row[0], row[1]))[:10]

    def tops(self):
        def crew(jobs):
            return lambda pick: [(c.person.name, c.person.tmdb_id) for c in pick.movie.crew.all() if c.job in jobs]

        def decade(year):
            return [int(year) // 10 * 10] if year else []

        def parts(pick):
            return [(part.person.name, part.person.tmdb_id) for part in pick.movie.cast.all() if part.order < 10]

        def credit(pick):
            return [(name.artist.name, name.artist.musicbrainz_id) for name in pick.album.artist_credit.all()]

        def released(pick):
            return decade(pick.movie.release_date and pick.movie.release_date.year)

        return {
            "movie_genres": self.most(self.movies, lambda pick: pick.movie.genres),
            "album_genres": self.most(self.albums, lambda pick: pick.album.genres),
            "directors": self.most(self.movies, crew(["Director"])),
            "actors": self.most(self.movies, parts),
            "composers": self.most(self.movies, crew(["Composer", "Original Music Composer"])),
            "artists": self.most(self.albums, credit),
            "countries": self.most(self.albums, lambda pick: list(filter(None, [pick.album.country]))),
            "languages": self.most(self.movies, lambda pick: list(filter(None, [pick.movie.original_language]))),
            "movie_decades": self.most(self.movies, released),
            "album_decades": self.most(self.albums, lambda pick: decade(pick.album.release_date[:4])),
        }

    def calendar(self):
        rows = []
        for number in range(1, 54):
            weeks = [week for week in self.weeks if week.week_number == number]
            movies = [pick for pick in self.movies if pick.week in weeks]
            albums = [pick for pick in self.albums if pick.week in weeks]
            complete = [week for week in self.complete() if week in weeks]
            state = "complete" if complete else "partial" if movies + albums else "empty" if weeks else "none"
            own = weeks[0].pk if weeks and self.person else None
            rows.append((number, own, state, len(weeks), len(complete), len(movies), len(albums)))
        return rows

    def months(self):
        rows = []
        for month in range(1, 13):
            picks = [pick for pick in self.picks if self.month(pick) == month]
            ratings = self.summary([opinion for opinion in self.given if self.month(opinion.pick) == month])
            rows.append((month, len(picks), ratings["rated"], ratings["mean"]))
        return rows

    @staticmethod
    def month(pick):
        return date.fromisocalendar(pick.week.year, pick.week.week_number, 4).month

    def highlights(self):
        def rated(pick, by=None):
            return [o.rating for o in self.visible if o.pick == pick and o.rating and by in (None, o.user)]

        def mean(pick):
            marks = rated(pick, self.person)
            return sum(marks) / len(marks), len(marks)

        def spread(pick):
            return max(rated(pick)) - min(rated(pick))

        def day(pick):
            return pick.movie.release_date if isinstance(pick, WeekMovie) else pick.album.release_day

        def first(picks, key):
            return min(picks, key=lambda pick: (key(pick), self.place(pick)), default=None)

        own = [pick for pick in self.picks if rated(pick, self.person)]
        return {
            "best": first(own, lambda pick: (-mean(pick)[0], -mean(pick)[1])),
            "worst": first(own, lambda pick: (mean(pick)[0], -mean(pick)[1])),
            "most_divisive": first(
                [pick for pick in self.picks if rated(pick) and spread(pick)],
                lambda pick: (-spread(pick), -len(rated(pick))),
            ),
            "longest_film": first(
                [pick for pick in self.movies if pick.movie.runtime], lambda pick: -pick.movie.runtime
            ),
            "earliest_release": first([pick for pick in self.picks if day(pick)], day),
        }


def rows_of(top):
    """A list of the statistics as rows of count and identity."""
    rows = []
    for row in top:
        ids = [value for key, value in row.items() if key not in {"count", "name", "first_year"}]
        rows.append((row["count"], (row["name"], *ids) if ids else row.get("first_year", row["name"])))
    return rows


def picks_of(shown):
    return {name: row and row["pick"] for name, row in shown.items()}


@hypothesis.given(history=histories, rated=ratings, who=st.integers(0, 2), whose=st.integers(0, 2) | st.none())
def test_the_database_counts_as_plain_python_does(world, history, rated, who, whose):
    viewer = world.people[who]
    person = None if whose is None else world.people[whose if who == whose or whose < 2 else 0]
    with transaction.atomic():
        picks, opinions = make(world, history, rated)
        scope = statistics.Scope(viewer, person)
        overview = statistics.overview(scope)
        by_year = statistics.by_year(scope, 2026)
        recap = statistics.year_in_opinions(scope, 2026)
        ever = ByHand(viewer, person, None, picks, opinions)
        year = ByHand(viewer, person, 2026, picks, opinions)
        expected_tops = (ever.tops(), year.tops())
        transaction.set_rollback(True)

    assert overview["totals"] == ever.totals()
    assert {key: overview[key] for key in ("current_streak", "longest_streak")} == ever.streaks()
    assert overview["ratings"] == ever.summary(ever.given)
    assert {name: rows_of(top) for name, top in overview["top"].items()} == expected_tops[0]

    assert by_year["totals"] == recap["totals"] == year.totals()
    assert by_year["longest_streak"] == recap["longest_streak"] == year.streaks()["longest_streak"]
    assert by_year["ratings"] == recap["ratings_given"] == year.summary(year.given)
    keys = ("week_number", "id", "state", "weeks", "complete_weeks", "movies", "albums")
    assert [tuple(row[key] for key in keys) for row in by_year["weeks"]] == year.calendar()
    keys = ("month", "picks", "ratings", "mean_rating")
    assert [tuple(row[key] for key in keys) for row in by_year["months"]] == year.months()
    assert by_year["months"] == recap["months"]
    assert picks_of(by_year["highlights"]) == picks_of(recap["highlights"]) == year.highlights()
    assert {name: rows_of(top) for name, top in recap["top"].items()} == expected_tops[1]
    assert recap["ratings_received"] == year.received()
    ends = picks_of({"first": recap["first_pick"], "last": recap["last_pick"]})
    assert ends == {"first": next(iter(year.picks), None), "last": next(iter(year.picks[::-1]), None)}
