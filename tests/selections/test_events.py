"""GET /api/events: what happened, to whom it is told, and what it never says."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from accounts.services import delete_account
from selections.kinds import MOVIE
from selections.models import Event
from selections.opinions.services import delete_opinion, give_opinion
from selections.planning.services import challenge_member, remove_from_shortlist, vote, withdraw_vote
from selections.recording import record_due
from selections.services import delete_week, place_pick, remove_pick
from tests.conftest import at_once, client_of
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

OVER = datetime(2026, 2, 16, 12, 1, tzinfo=UTC)  # in all time zones


@pytest.fixture
def story(now, user, other):
    """Ada completes her week; Ben gives an opinion on her movie, votes for her plan, and challenges her."""
    user.date_joined = now - timedelta(days=30)
    user.save()
    week = WeekFactory(user=user, year=2026, week_number=7)
    pick, _ = place_pick(WeekMovieFactory.build(week=week, movie=MovieFactory(title="Inception")))
    place_pick(WeekAlbumFactory.build(week=week, album=AlbumFactory()))
    give_opinion(other, pick, rating=3, review="A secret review", contains_spoilers=False)
    item = ShortlistItemFactory(user=user, note="A secret note")
    vote(other, item)
    challenge = challenge_member(other, user, MovieFactory(), note="A secret note")
    return {"week": week, "pick": pick, "item": item, "challenge": challenge}


def told(person, **query):
    return client_of(person).get("/api/events", query).json()["results"]


def kinds(person) -> list[str]:
    return [event["kind"] for event in told(person)]


def test_what_happened_is_told_the_newest_first(story, user, other, time_machine):
    time_machine.move_to(OVER, tick=False)
    record_due()
    record_due()

    events = told(user)

    revealed, joined, challenged, voted, given, completed = events
    said = [event["kind"].replace("week_", "") for event in events]
    assert said == ["revealed", "joined", "challenged", "voted", "opinion_given", "completed"]
    assert [event["user"]["username"] for event in events] == ["ada", "ben", "ben", "ben", "ben", "ada"]
    assert [event["member"] and event["member"]["username"] for event in events] == ["ada", None, *["ada"] * 4]
    assert {event["week"]["id"] for event in (revealed, given, completed)} == {story["week"].pk}
    assert (given["pick"]["position"], given["movie"]["title"]) == (1, "Inception")
    assert voted["movie"]["tmdb_id"] == story["item"].movie.tmdb_id
    assert challenged["movie"]["tmdb_id"] == story["challenge"].movie.tmdb_id
    assert (joined["week"], joined["pick"], joined["movie"], joined["album"]) == (None, None, None, None)
    assert given["at"] == "2026-02-11T12:00:00Z"


def test_an_event_never_says_what_an_opinion_or_a_note_says(story, user, other, time_machine):
    before = client_of(user).get("/api/events")

    give_opinion(other, story["pick"], rating=10, review="Another secret", contains_spoilers=True)

    for moment in (None, OVER):
        time_machine.move_to(moment or datetime(2026, 2, 11, 12, tzinfo=UTC), tick=False)
        after = client_of(user).get("/api/events")
        assert after.content == before.content
        assert "secret" not in after.content.decode()
        assert "rating" not in after.content.decode()


def test_only_those_who_may_see_it_are_told(story, user, other):
    third = UserFactory()
    WeekFactory(user=third, year=2026, week_number=7)

    assert kinds(third) == ["voted", "opinion_given", "week_completed"]  # challenges are between two members
    User.objects.filter(pk=user.pk).update(visibility="private")
    assert kinds(third) == kinds(other) == []
    assert kinds(user) == ["challenged", "voted", "opinion_given", "week_completed"]
    User.objects.filter(pk=other.pk).update(visibility="private")
    assert kinds(user) == ["week_completed"]


def test_a_reveal_is_no_sign_of_a_private_members_opinion(now, user, other, time_machine):
    pick = WeekMovieFactory(week__user=user, week__year=2026, week__week_number=7)
    MovieOpinionFactory(movie_pick=pick, user=UserFactory(visibility="private"), created_at=now)
    time_machine.move_to(OVER, tick=False)

    record_due()

    assert "week_revealed" not in kinds(other)


@pytest.mark.parametrize(
    ("act", "left"),
    [
        (lambda story, ben: remove_pick(MOVIE, story["week"], 1, force=True), 3),  # the week was complete
        (lambda story, ben: delete_week(story["week"], force=True), 2),
        (lambda story, ben: delete_opinion(ben, story["pick"]), 3),
        (lambda story, ben: withdraw_vote(ben, story["item"]), 3),
        (lambda story, ben: remove_from_shortlist(story["item"]), 3),
        (lambda story, ben: delete_account(ben), 1),
    ],
    ids=["pick", "week", "opinion", "vote", "item", "account"],
)
def test_an_event_goes_with_what_it_is_about(story, user, other, act, left):
    assert len(told(user)) == 4

    act(story, other)

    assert len(told(user)) == left


def test_what_is_long_over_or_imported_is_no_news(now, user, tmp_path):
    for week_number in (5, 6):  # one that ended more than a week ago, and the last one
        week = WeekFactory(user=user, year=2026, week_number=week_number)
        place_pick(WeekMovieFactory.build(week=week, movie=MovieFactory()))
        place_pick(WeekAlbumFactory.build(week=week, album=AlbumFactory()))
    movie, album = week.movie_picks.get().movie.tmdb_id, week.album_picks.get().album.musicbrainz_id
    file = tmp_path / "weeks.csv"
    file.write_text(
        f"Week,Title,Type,Rating,TMDB id,MusicBrainz id\n2026-W07,A,movie,8,{movie},\n2026-W07,B,album,8,,{album}\n"
    )

    call_command("import_selections", user.username, file, apply=True, verbosity=0)

    assert user.opinions.count() == 2
    assert [event["week"]["week_number"] for event in told(user)] == [6]


def test_a_week_is_completed_once(story, user):
    remove_pick(MOVIE, story["week"], 1, force=True)

    place_pick(WeekMovieFactory.build(week=story["week"], movie=MovieFactory()))
    place_pick(WeekMovieFactory.build(week=story["week"], movie=MovieFactory(), position=2))

    assert kinds(user).count("week_completed") == 1


def test_what_is_new_since_an_answer(story, user, other):
    client = client_of(user)
    first = client.get("/api/events")
    cursor, etag = first.json()["cursor"], first.headers["ETag"]
    again = client.get("/api/events", headers={"If-None-Match": etag})
    nothing = client.get("/api/events", {"since": cursor})

    withdraw_vote(other, story["item"])
    vote(other, story["item"])

    assert (again.status_code, again.content) == (304, b"")
    assert nothing.json() == {"results": [], "cursor": cursor, "next": None}
    news = client.get("/api/events", {"since": cursor}, headers={"If-None-Match": nothing.headers["ETag"]}).json()
    assert [event["kind"] for event in news["results"]] == ["voted"]
    assert news["cursor"] == news["results"][0]["id"] > cursor
    assert client.get("/api/events", headers={"If-None-Match": etag}).status_code == 200


def test_an_etag_changes_with_what_is_shown(story, user, other, time_machine):
    client, etags = client_of(user), set()
    for values in ({}, {"display_name": "Benjamin"}, {"visibility": "private"}):
        User.objects.filter(pk=other.pk).update(**values or {"display_name": ""})
        etags.add(client.get("/api/events").headers["ETag"])
    time_machine.shift(1)
    client.patch(f"/api/weeks/{story['week'].pk}/movies/1", {"position": 2})

    assert client.get("/api/events").headers["ETag"] not in etags
    assert len(etags) == 3


def test_older_events_are_on_further_pages(user, api):
    people = UserFactory.create_batch(60)
    Event.objects.bulk_create(Event(kind="joined", user=person) for person in people)

    first = api.get("/api/events").json()
    second = api.get("/api/events", {"before": first["next"]}).json()

    assert [len(page["results"]) for page in (first, second)] == [50, 10]
    ids = [event["id"] for page in (first, second) for event in page["results"]]
    assert ids == sorted(set(ids), reverse=True)
    assert (first["next"], second["next"]) == (ids[49], None)


def test_bad_parameters_are_refused(api):
    for query in ({"since": "x"}, {"since": "-1"}, {"before": 2**63}, {"after": 1}, {"page": 1}):
        assert api.get("/api/events", query).status_code == 422


def test_the_number_of_queries_is_constant(story, user, other):
    client = client_of(user)

    def count(**options) -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get("/api/events", **options)
        return len(queries)

    few = count()
    for _ in range(3):
        vote(UserFactory(), story["item"])
        pick = WeekMovieFactory(week=WeekFactory(user=other))
        give_opinion(user, pick, rating=5, review="", contains_spoilers=False)
        challenge_member(UserFactory(), user, MovieFactory(), note="")
    etag = client.get("/api/events").headers["ETag"]

    assert count() == few
    assert count(headers={"If-None-Match": etag}) == 2  # the session's, and one


def test_an_event_is_about_what_its_kind_says(story, user):
    for wrong in ({"kind": "joined", "week": story["week"]}, {"kind": "voted"}, {"kind": "week_completed"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Event.objects.create(user=user, **wrong)
    Event.objects.create(kind="joined", user=user)
    for twice in ({"kind": "joined"}, {"kind": "week_completed", "week": story["week"]}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Event.objects.create(user=user, **twice)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_events_are_seen_in_the_order_of_their_ids(story, user, other):
    """A client that has seen an event finds no older one later, which it would miss."""
    items, people = ShortlistItemFactory.create_batch(4, user=user), UserFactory.create_batch(4)
    seen: list[set[int]] = []

    def act(number):
        vote(people[number], items[number])
        seen.append(set(Event.objects.values_list("pk", flat=True)))
        return number

    at_once(4, act)

    for before in seen:
        assert {pk for pk in Event.objects.values_list("pk", flat=True) if pk <= max(before)} == before
