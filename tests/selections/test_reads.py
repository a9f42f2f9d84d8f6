"""Compiled queries find what the ORM finds, and serializers with a method of their own say what their fields say."""

import gc
import json
import random
import weakref
from collections.abc import Iterable

import pytest
from django.db.models import Model
from django.test import RequestFactory
from django.test.client import ClientHandler
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from accounts.api.authentication import sign_in
from accounts.api.serializers import UserSerializer
from accounts.models import User
from catalog.api import serializers as catalog
from selections import reads
from selections.api import serializers as ours
from selections.api.works import with_selections
from selections.insights import rounds
from selections.insights.api import comparison, recommendations
from selections.insights.api import rounds as of_rounds
from selections.insights.features import SourcePick
from selections.insights.recommendations import Reason
from selections.kinds import KINDS
from selections.models import Opinion, Week, WeekAlbum, WeekMovie
from selections.opinions.api import serializers as opinions
from tests.factories import OPINIONS, PICKS, WORKS, UserFactory, WeekFactory

pytestmark = pytest.mark.django_db
DECLARED = [catalog, ours, of_rounds, opinions, comparison, recommendations]


@pytest.fixture
def club(db):
    """People, some of them private, with weeks, picks and opinions at random."""
    dice = random.Random(7)
    people = [UserFactory(visibility=dice.choice(["members", "private"]), display_name="x" * (n % 2)) for n in range(6)]
    works = {kind: [factory(own_title="own" * (n % 2)) for n in range(4)] for kind, factory in WORKS.items()}
    for n in range(24):
        week = WeekFactory(user=people[n % 6], year=2026, week_number=1 + n // 6, notes="notes" * (n % 2))
        for kind, factory in PICKS.items():
            for position, work in enumerate(dice.sample(works[kind], dice.randrange(3)), 1):
                pick = factory(week=week, position=position, **{kind: work})
                for user in dice.sample(people, dice.randrange(4)):
                    OPINIONS[kind](user=user, rating=dice.randint(1, 10), **{f"{kind}_pick": pick})
    return people


def as_json(shown) -> object:
    return json.loads(JSONRenderer().render(shown))


@pytest.mark.parametrize("own_first", [True, False])
def test_the_list_is_what_the_orm_finds(club, own_first):
    for viewer in club:
        weeks = Week.objects.visible_to(viewer).for_list().newest_first(viewer, own_first=own_first)

        rows = reads.list_weeks(viewer.pk, own_first=own_first)

        assert rows.count() == weeks.count()
        for offset in (0, 7, 20):
            expected = ours.WeekSerializer(weeks[offset : offset + 7], many=True).data
            for paged in (rows, weeks):
                assert as_json(ours.WeekSerializer(paged.page(7, offset), many=True).data) == as_json(expected)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_picked_works_are_what_the_orm_finds(club, kind):
    show = {"movie": ours.MovieWithSelectionsSerializer, "album": ours.AlbumWithSelectionsSerializer}[kind.name]
    for viewer in club:
        works = with_selections(kind.works.objects.all(), viewer)

        rows = reads.list_picked(kind, viewer.pk)

        assert rows.count() == works.count()
        assert as_json(show(rows.page(3, 1), many=True).data) == as_json(show(works[1:4], many=True).data)


def test_a_week_is_found_by_its_name(club):
    for week in Week.objects.all():
        assert reads.week_by_name(week.year, week.week_number, week.user_id) == [week]


def test_a_week_is_what_the_orm_finds(club):
    for viewer in club:
        for pk in Week.objects.values_list("pk", flat=True):
            week = Week.objects.visible_to(viewer).for_page(viewer).filter(pk=pk).first()

            found = reads.with_picks(reads.week_by_id(pk, viewer.pk), viewer.pk)

            shown = ours.WeekFullSerializer(found, many=True).data
            assert as_json(shown) == as_json(ours.WeekFullSerializer([week] if week else [], many=True).data)


def test_rows_do_not_stay_in_memory(user):
    """Even if they get many attributes, one of which makes a reference cycle; see maker() in accounts/compiled.py."""
    found = []
    for count in range(40):
        [row] = reads.count_weeks(user.pk)
        row.itself = row
        for n in range(count):
            setattr(row, f"attribute_{n}", n)
        found.append(weakref.ref(row))
    del row
    gc.collect()
    assert not [count for count, row in enumerate(found) if row()]


LISTS = ["weeks", "weeks?include=picks", "opinions", "movies/selections", "albums/selections"]


@pytest.mark.parametrize("name", ["auth/me", "weeks/current", "rounds/current", *LISTS])
def test_an_answer_leaves_nothing_to_the_garbage_collector(club, name):
    serve, headers = ClientHandler(), {"Authorization": f"Bearer {sign_in(club[0], 'test')['access_token']}"}
    environ = RequestFactory().get(f"/api/{name}", headers=headers).environ
    serve(environ)  # compiles the queries
    gc.collect()
    gc.disable()
    try:
        assert serve(environ).status_code == 200

        assert gc.collect() == 0
    finally:
        gc.enable()


def remembered(viewer: User) -> list[Week]:
    weeks = list(Week.objects.for_page(viewer))
    for week in weeks:
        for pick in [*week.movies, *week.albums]:
            pick.shown_opinions, pick.revealed = list(pick.opinions.all()), True
    return weeks


def members(viewer: User) -> list[rounds.MemberWeek]:
    return rounds.load_weeks(viewer, rounds.list_members(viewer, (2026, 1)).page(10, 0))


def shown_by(viewer: User) -> list[tuple[type[serializers.BaseSerializer], Iterable]]:
    """The rows that a serializer, or one derived from it, shows."""
    picks = {
        kind.kind: kind.objects.with_opinions(viewer).with_shown_opinions(viewer) for kind in (WeekMovie, WeekAlbum)
    }
    return [
        (UserSerializer, [viewer]),
        (of_rounds.RoundMemberSerializer, members(viewer)),
        (ours.OwnerSerializer, User.objects.all()),
        (ours.WeekFullSerializer, remembered(viewer)),
        (ours.WeekSerializer, Week.objects.for_list()),
        (ours.WeekOfPickSerializer, Week.objects.all()),
        (ours.OpinionSerializer, Opinion.objects.with_picks()),
        (ours.MoviePickSerializer, picks["movie"]),
        (ours.AlbumPickSerializer, picks["album"]),
        (ours.SelectionSerializer, [*picks["movie"], *picks["album"]]),
        (catalog.MovieDetailsSerializer, [pick.movie for pick in picks["movie"]]),
        (catalog.AlbumDetailsSerializer, [pick.album for pick in picks["album"]]),
        (catalog.PickedMovieSerializer, [pick.movie for pick in picks["movie"]]),
        (catalog.PickedAlbumSerializer, [pick.album for pick in picks["album"]]),
        (recommendations.SourcePickSerializer, [SourcePick("Amélie", 7, 2026, 7)]),
        (recommendations.ReasonSerializer, [Reason("genre", "Drama", [SourcePick("Amélie", 7, 2026, 7)])]),
    ]


def with_own_method() -> list[type[serializers.BaseSerializer]]:
    found = {UserSerializer}
    for module in DECLARED:
        found |= {value for value in vars(module).values() if isinstance(value, type)}
    base_classes = {catalog.RowSerializer, catalog.WorkSerializer, catalog.PickedWorkSerializer}
    found -= base_classes | {catalog.WorkDetailsSerializer}
    return sorted(
        (
            one
            for one in found
            if issubclass(one, serializers.Serializer)
            and one.to_representation is not serializers.Serializer.to_representation
        ),
        key=lambda one: one.__name__,
    )


def test_a_row_with_one_field_is_shown(user):
    class NameSerializer(catalog.RowSerializer):
        username = serializers.CharField()

    assert NameSerializer(user).data == {"username": user.username}


def test_serializers_say_what_their_fields_say(club, subtests):
    picks = list(WeekMovie.objects.latest_first()[:2])
    shown = shown_by(club[0])
    for serializer in with_own_method():
        with subtests.test(serializer.__name__):
            instance = serializer(context={"cached": True})
            names = set(instance.fields)
            rows = list(next((rows for base, rows in shown if issubclass(serializer, base)), []))

            assert rows
            for row in rows:
                if isinstance(row, Model):
                    row.previous_selections, row.selections, row.revealed = picks, picks, True
                    row.characters, row.jobs = ["Amélie"], ["Director"]
                own = as_json(instance.to_representation(row))
                assert set(own) == names
                plain = as_json(serializers.Serializer.to_representation(instance, row))
                assert plain == {name: own[name] for name in plain}
