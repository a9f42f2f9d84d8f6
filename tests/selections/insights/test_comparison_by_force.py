"""Comparisons of random ratings, computed once more in plain loops; and what holds of any agreement."""

import random
import uuid
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from selections.insights.comparison import agreement_of, chance_difference
from selections.models import Opinion, Week, WeekAlbum, WeekMovie
from selections.opinions.feed import list_filtered
from tests.conftest import analyze, client_of
from tests.factories import AlbumFactory, MovieFactory, UserFactory

WEEKS = [(2019, 1), (2020, 13), (2020, 53), (2021, 13), (2024, 7), (2025, 7), (2026, 6), (2026, 7), (2026, 8)]
MOMENTS = ["2026-02-15T11:00Z", "2026-02-16T03:00Z"]  # the week is over for some, for more
ZONES = ["UTC", "Pacific/Kiritimati", "America/New_York", "Pacific/Auckland"]


# Each database has one of the moments.
@pytest.fixture(params=[1 if connection.vendor == "sqlite" else 0])
def club(request, db, time_machine):
    """Four members around the world, the last of them private, with random picks and opinions."""
    time_machine.move_to(MOMENTS[request.param], tick=False)
    dice = random.Random(request.param)
    people = [UserFactory(time_zone=zone) for zone in ZONES]
    people[-1].visibility = "private"
    people[-1].save()
    groups = [uuid.uuid4(), uuid.uuid4(), None]
    movies = [MovieFactory(vote_average=dice.choice([5.5, 7.25, 8]), vote_count=n) for n in (0, 1, 50, 9, 3)]
    albums = [AlbumFactory(release_group_id=groups[n % 3]) for n in range(7)]
    picks, opinions = [], []
    for person in people:
        for year, week_number in dice.sample(WEEKS, 7):
            week = Week.objects.create(user=person, year=year, week_number=week_number)
            picks += [WeekMovie(week=week, movie=m, position=n) for n, m in enumerate(dice.sample(movies, 2), 1)]
            picks += [WeekAlbum(week=week, album=a, position=n) for n, a in enumerate(dice.sample(albums, 2), 1)]
    for model in (WeekMovie, WeekAlbum):
        model.objects.bulk_create(pick for pick in picks if isinstance(pick, model))
    for pick in picks:
        kind = "movie_pick" if isinstance(pick, WeekMovie) else "album_pick"
        for person in dice.sample(people, dice.randrange(5)):
            rating = dice.choice([None, *range(1, 11)])
            given_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(9))  # some at the same moment
            about = {"week": pick.week, kind: pick}
            opinions.append(Opinion(user=person, rating=rating, review="Well.", updated_at=given_at, **about))
    dice.shuffle(opinions)  # their ids say nothing about their picks
    made = Opinion.objects.bulk_create(opinions)
    analyze()
    return people, picks, made


def may_read(asker, opinions):
    """The opinions with a rating that count for the asker."""
    own = {opinion.pick for opinion in opinions if opinion.user == asker}
    return [
        opinion
        for opinion in opinions
        if opinion.rating
        and all(who == asker or who.visibility == "members" for who in (opinion.user, opinion.pick.week.user))
        and (opinion.pick in own or week_of(opinion) < min(running(asker), running(opinion.pick.week.user)))
    ]


def running(person):
    """The person's week of today."""
    return datetime.now(ZoneInfo(person.time_zone)).isocalendar()[:2]


def week_of(opinion):
    return (opinion.pick.week.year, opinion.pick.week.week_number)


def work_of(opinion):
    if opinion.kind == "movie":
        return opinion.pick.movie
    return opinion.pick.album.release_group_id or opinion.pick.album


def latest(opinions, person):
    """The person's latest opinion of each work."""
    own = sorted((o for o in opinions if o.user == person), key=lambda o: (o.updated_at, o.pk))
    return {work_of(opinion): opinion for opinion in own}


def place(row):
    return (row["week"]["year"], row["week"]["week_number"], row["week"]["owner"]["id"], row["position"])


def place_of(opinion):
    return (*week_of(opinion), opinion.pick.week.user_id, opinion.pick.position)


def stats(asker, address):
    return client_of(asker).get(f"/api/stats/{address}").json()


def visible_pairs(people):
    return [(asker, person) for asker, person in permutations(people, 2) if person.visibility == "members"]


def questions_about(people):
    return [*visible_pairs(people), *((person, person) for person in people)]


def mean(values):
    values = list(values)
    return pytest.approx(sum(values) / len(values), abs=1e-4) if values else None


def test_the_feed_counts_what_it_shows(club, settings):
    opinions = Opinion.objects.all()
    for settings.BLIND_REVEAL in (True, False):
        for person in club[0]:
            for some in (opinions, opinions.on_kind("movie"), opinions.filter(user=person), opinions.filter(rating=5)):
                assert list_filtered(some, person).count() == some.visible_to(person).count()


def test_comparisons(club):
    people, _, opinions = club
    compared = 0
    for asker, other in visible_pairs(people):
        read = may_read(asker, opinions)
        mine, theirs = latest(read, asker), latest(read, other)
        common = [(mine[work], theirs[work]) for work in mine if work in theirs]

        body = stats(asker, f"compare?with={other.username}")

        for part, kinds in [("movies", ["movie"]), ("albums", ["album"]), ("together", ["movie", "album"])]:
            assert_agreement(body[part], [pair for pair in common if pair[0].kind in kinds])
        quarters = defaultdict(list)
        for pair in common:
            thursday = date.fromisocalendar(*max(map(week_of, pair)), 4)
            quarters[thursday.year, (thursday.month - 1) // 3 + 1].append(pair)
        assert [(row["year"], row["quarter"]) for row in body["quarters"]] == sorted(quarters, reverse=True)
        for row in body["quarters"]:
            assert_agreement(row["together"], quarters[row["year"], row["quarter"]])
        differing = sorted(
            (pair for pair in common if pair[0].rating != pair[1].rating),
            key=lambda pair: (
                -abs(pair[0].rating - pair[1].rating),
                [-part for part in max(map(week_of, pair))],
                pair[0].kind == "album",
                pair[0].pk,
            ),
        )
        assert [
            (row["difference"], row["kind"], place(row["mine"]), place(row["theirs"])) for row in body["differences"]
        ] == [(one.rating - two.rating, one.kind, place_of(one), place_of(two)) for one, two in differing[:10]]
        compared += len(common)
    assert compared > 50


def assert_agreement(part, pairs):
    gaps = [one.rating - two.rating for one, two in pairs]
    n, apart = len(gaps), sum(map(abs, gaps)) / len(gaps) if gaps else None
    shuffled = [abs(one.rating - two.rating) for one, _ in pairs for _, two in pairs]
    by_chance = sum(shuffled) / n**2 if pairs else None
    beyond = None if n < 5 else 1 - apart / by_chance if by_chance else 0
    shrunk = None if n < 5 else n * beyond / (n + 5)
    assert part == {
        "n": n,
        "enough": n >= 5,
        "note": (
            f"Not enough overlap: {n} rated by both, 5 are needed"
            if n < 5
            else ("Much closer" if shrunk >= 0.3 else "Closer" if shrunk >= 0.15 else "No closer")
            + f" than chance, by {n} works that both rated"
            if shrunk >= -0.15
            else f"Further apart than chance, by {n} works that both rated"
        ),
        "agreement": pytest.approx((n * (1 - apart / 9) + 5 * (1 - by_chance / 9)) / (n + 5)) if n >= 5 else None,
        "agreement_raw": pytest.approx(1 - apart / 9) if pairs else None,
        "beyond_chance": beyond if beyond is None else pytest.approx(beyond),
        "mean_difference": apart,
        "harshness_gap": mean(gaps),
    }


def test_disagreements(club):
    people, _, opinions = club
    questions = ["", "?year=2026", "?week=2026-W07", "?week=2020-W53", f"?user={people[0].username}"]
    found = 0
    for asker in people:
        by_pick = defaultdict(list)
        for opinion in may_read(asker, opinions):
            by_pick[opinion.pick].append(opinion)
        pairs = sorted(
            ((a, b) for given in by_pick.values() for a, b in permutations(given, 2) if a.rating > b.rating),
            key=lambda pair: (
                pair[1].rating - pair[0].rating,
                [-part for part in week_of(pair[0])],
                pair[0].kind == "album",
                pair[0].pick.pk,
                pair[0].pk,
                pair[1].pk,
            ),
        )
        chosen = [
            pairs,
            [pair for pair in pairs if week_of(pair[0])[0] == 2026],
            [pair for pair in pairs if week_of(pair[0]) == (2026, 7)],
            [pair for pair in pairs if week_of(pair[0]) == (2020, 53)],
            [pair for pair in pairs if people[0] in (pair[0].user, pair[1].user)],
        ]
        for question, expected in zip(questions, chosen, strict=True):
            rows = stats(asker, f"wrong-opinions{question}")["results"]

            assert [
                (row["difference"], row["kind"], place(row), row["higher"]["user"]["id"], row["lower"]["user"]["id"])
                for row in rows
            ] == [
                (one.rating - two.rating, one.kind, place_of(one), one.user_id, two.user_id)
                for one, two in expected[:20]
            ]
            found += len(rows)
    assert found > 100


def test_report_cards(club):
    people, _, opinions = club
    for asker, person in questions_about(people):
        ratings = [o for o in may_read(asker, opinions) if o.pick.week.user == person and o.user != person]

        body = stats(asker, f"report-card?user={person.username}")

        for part, kinds in [("movies", ["movie"]), ("albums", ["album"]), ("together", ["movie", "album"])]:
            given = [o for o in ratings if o.kind in kinds]
            by_pick = defaultdict(list)
            for opinion in given:
                by_pick[opinion.pick].append(opinion.rating)
            means = [sum(values) / len(values) for values in by_pick.values()]
            assert (body[part]["n"], body[part]["mean"]) == (len(given), mean(o.rating for o in given))
            assert body[part]["hit_rate"] == mean(o.rating >= 7 for o in given)
            for name, choose in [("best", max), ("worst", min)]:
                assert (body[part][name] and body[part][name]["mean"]) == (choose(means) if means else None)
                if row := body[part][name]:
                    (pick,) = [
                        pick for pick in by_pick if place(row) == pick_place(pick) and row["kind"] == kind_of(pick)
                    ]
                    assert (row["n"], row["mean"]) == (len(by_pick[pick]), mean(by_pick[pick]))
        assert {row["user"]["id"]: (row["n"], row["mean"]) for row in body["by"]} == {
            other.pk: (len(theirs), mean(theirs))
            for other in people
            if (theirs := [o.rating for o in ratings if o.user == other])
        }


def kind_of(pick):
    return "movie" if isinstance(pick, WeekMovie) else "album"


def pick_place(pick):
    return (pick.week.year, pick.week.week_number, pick.week.user_id, pick.position)


def test_contrarians(club):
    people, _, opinions = club
    for asker, person in questions_about(people):
        rated = [o for o in latest(may_read(asker, opinions), person).values() if o.kind == "movie"]
        gaps = {o: o.rating - o.pick.movie.vote_average for o in rated if o.pick.movie.vote_count}

        body = stats(asker, f"contrarian?user={person.username}")

        assert body["n"] == len(gaps)
        assert body["mean_signed"] == mean(gaps.values())
        assert body["mean_absolute"] == mean(map(abs, gaps.values()))
        furthest = sorted(gaps, key=lambda o: (-abs(gaps[o]), [-part for part in week_of(o)], o.pk))
        assert [(row["difference"], place(row["opinion"])) for row in body["picks"]] == [
            (gaps[o], place_of(o)) for o in furthest if gaps[o]
        ]


def test_this_week_in_earlier_years(club):
    people, picks, opinions = club
    for asker, person in questions_about(people):
        number = running(asker)[1]
        weeks = {p.week for p in picks if p.week.user == person and p.week.week_number == number and p.week.year < 2026}
        readable = [
            o
            for o in opinions
            if all(who == asker or who.visibility == "members" for who in (o.user, o.pick.week.user))
        ]

        body = stats(asker, f"on-this-week?user={person.username}")

        assert [week["id"] for week in body["results"]] == [
            week.pk for week in sorted(weeks, key=lambda week: -week.year)
        ]
        for week in body["results"]:
            for kind in ("movie", "album"):
                for row in week[f"{kind}s"]:
                    on_it = [
                        o
                        for o in readable
                        if o.kind == kind and o.pick.week_id == week["id"] and o.pick.position == row["position"]
                    ]
                    assert {o["user"]["id"] for o in row["opinions"]} == {o.user_id for o in on_it}
                    assert row["opinions_count"] == len(on_it)
                    assert bool(row["my_opinion"]) == any(o.user == asker for o in on_it)


ratings = st.integers(1, 10)
pairs = st.lists(st.tuples(ratings, ratings), min_size=1, max_size=60)


def closeness(pairs) -> SimpleNamespace:
    pairs = list(pairs)
    return SimpleNamespace(**agreement_of(pairs), chance_difference=chance_difference(pairs))


@given(pairs)
def test_agreement_is_symmetric_and_harshness_antisymmetric(pairs):
    mine, theirs = closeness(pairs), closeness((two, one) for one, two in pairs)

    assert mine.agreement == pytest.approx(theirs.agreement)
    assert mine.beyond_chance == pytest.approx(theirs.beyond_chance)
    assert (mine.agreement_raw, mine.note) == (theirs.agreement_raw, theirs.note)
    assert mine.mean_difference == theirs.mean_difference
    assert mine.harshness_gap == -theirs.harshness_gap


@given(pairs)
def test_agreement_is_a_share_between_its_raw_value_and_chance(pairs):
    found = closeness(pairs)

    assert 0 <= found.agreement_raw <= 1
    assert abs(found.harshness_gap) <= found.mean_difference <= 9
    assert found.enough == (len(pairs) >= 5) == (found.agreement is not None) == (found.beyond_chance is not None)
    if found.enough:
        low, high = sorted([found.agreement_raw, 1 - found.chance_difference / 9])
        assert low - 1e-9 <= found.agreement <= high + 1e-9
        assert found.beyond_chance <= 1
        assert (found.beyond_chance > 0) == (found.mean_difference < found.chance_difference)


@given(pairs, st.integers(5, 50), st.integers(1, 50))
def test_the_same_agreement_over_more_works_is_closer_to_its_raw_value(pairs, times, more):
    fewer, many = closeness(pairs * times), closeness(pairs * (times + more))

    assert many.beyond_chance == pytest.approx(fewer.beyond_chance)
    doubt = abs(fewer.agreement - fewer.agreement_raw)
    assert abs(many.agreement - many.agreement_raw) <= doubt + 1e-9


@given(pairs, st.integers(0, 59))
def test_coming_nearer_in_one_rating_never_lowers_the_agreement(pairs, which):
    mine, theirs = pairs[which % len(pairs)]
    nearer = pairs.copy()
    nearer[which % len(pairs)] = (mine + (theirs > mine) - (theirs < mine), theirs)

    assert closeness(nearer).agreement_raw >= closeness(pairs).agreement_raw


def test_twins_with_few_works_agree_more_than_strangers_with_many():
    twins = closeness([(9, 9), (3, 3), (7, 7), (5, 5), (10, 10)])
    strangers = closeness([(rating, 1 + (7 * rating) % 10) for rating in range(1, 11)] * 10)

    assert twins.agreement > strangers.agreement
    assert (twins.beyond_chance, twins.note) == (1, "Much closer than chance, by 5 works that both rated")


def test_members_who_give_everything_the_same_rating_are_no_closer_than_chance():
    generous = closeness([(8, 8)] * 30)

    assert (generous.agreement_raw, generous.beyond_chance) == (1, 0)
    assert generous.note == "No closer than chance, by 30 works that both rated"
