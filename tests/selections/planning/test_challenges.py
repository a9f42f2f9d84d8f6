import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from catalog import merging
from selections.models import Challenge, ShortlistItem, WeekMovie
from selections.planning import services
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import (
    FETCHED,
    OPINIONS,
    WORKS,
    AlbumFactory,
    ChallengeFactory,
    MovieFactory,
    MovieOpinionFactory,
    ShortlistItemFactory,
    UserFactory,
    WeekFactory,
    WeekMovieFactory,
)

CHALLENGES = "/api/challenges"
UNKNOWN = "There is no member of that name. Use me, or a username from GET /api/users."
ANSWERED = {"answered_at": FETCHED}


@pytest.fixture
def week(user):
    return WeekFactory(user=user, year=2026, week_number=6)


def challenge_of(member, kind, **values):
    return ChallengeFactory(member=member, **{kind.name: WORKS[kind.name]()}, **values)


def accept(client, challenge, week, position=1):
    return client.post(f"{CHALLENGES}/{challenge.pk}/accept", {"week": week, "position": position}, format="json")


def test_a_challenge_becomes_a_pick_of_the_week_that_is_chosen(api, user, other, week, kind):
    work = WORKS[kind.name]()
    external_id = {kind.id_field: work.tmdb_id if kind.name == "movie" else str(work.musicbrainz_id)}
    ShortlistItemFactory(user=user, **{kind.name: work})

    made = client_of(other).post(CHALLENGES, external_id | {"for": "ada", "note": "You must"}, format="json")

    assert made.status_code == 201, made.json()
    assert made.json() | {"state": "pending", "pick": None, "answered_at": None, "note": "You must"} == made.json()
    assert (made.json()["challenger"]["username"], made.json()["member"]["username"]) == ("ben", "ada")
    assert api.get(CHALLENGES).json()["results"] == [made.json()]

    accepted = accept(api, Challenge.objects.get(), "2026-W06", 2)

    assert accepted.status_code == 200, accepted.json()
    assert accepted.json()["state"] == "accepted"
    assert accepted.json()["pick"] | {"week_id": week.pk, "position": 2} == accepted.json()["pick"]
    assert week.picks[0].work == work
    assert week.picks[0].challenge.challenger == other
    assert client_of(other).get(CHALLENGES).json()["results"] == [accepted.json()]
    assert not ShortlistItem.objects.exists()


def test_a_challenge_is_answered_once(api, user, week):
    accepted, declined = ChallengeFactory(member=user), ChallengeFactory(member=user)
    accept(api, accepted, week.pk)

    assert api.post(f"{CHALLENGES}/{declined.pk}/decline").json()["state"] == "declined"
    for challenge in (accepted, declined):
        assert accept(api, challenge, week.pk, 2).json()["code"] == "challenge_answered"
        assert_problem(api.post(f"{CHALLENGES}/{challenge.pk}/decline"), 409)
    assert week.movie_picks.count() == 1


def test_a_challenge_stays_open_if_it_cannot_be_picked(api, user, other, week):
    challenge = ChallengeFactory(member=user)
    WeekMovieFactory(week=week, position=1)
    theirs = WeekFactory(user=other)

    assert_problem(accept(api, challenge, week.pk), 409, "Position 1 is already occupied")
    assert_problem(accept(api, challenge, theirs.pk, 2), 403, "Only the owner can modify this week")
    assert_problem(accept(api, challenge, "2026-W40", 2), 404, "Week not found")
    assert_problem(accept(api, challenge, True, 2), 422)
    assert_problem(accept(api, challenge, week.pk, 3), 422, "Position must be 1 or 2.")
    assert Challenge.objects.get().state == "pending"


def test_only_the_two_see_a_challenge_and_only_the_member_answers(api, user, other):
    challenge = ChallengeFactory(challenger=user, member=other)
    place = f"{CHALLENGES}/{challenge.pk}"

    assert_problem(api.post(f"{place}/decline"), 403, "Only the challenged member can answer this")
    third = client_of(UserFactory())
    assert_problem(third.post(f"{place}/decline"), 404, "Challenge not found")
    assert third.get(CHALLENGES).json()["total"] == 0
    other.visibility = "private"
    other.save()
    assert api.get(CHALLENGES).json()["total"] == 0


def test_who_can_be_challenged(api, user, other):
    movie = MovieFactory()
    UserFactory(username="hermit", visibility="private")

    def propose(**body):
        return api.post(CHALLENGES, {"tmdb_id": movie.tmdb_id} | body)

    for name in ("me", "ada"):
        assert_problem(propose(**{"for": name}), 422, "For: Challenge another member.")
    for name in ("hermit", "nobody"):
        assert_problem(
            propose(**{"for": name}),
            422,
            f"For: {UNKNOWN}",
        )
    assert_problem(propose(), 422)
    assert propose(**{"for": "ben"}).status_code == 201
    assert propose(**{"for": "ben"}).json()["code"] == "already_proposed"
    user.visibility = "private"
    user.save()
    assert propose(**{"for": "ben"}).json()["code"] == "private_member"


def test_a_challenge_is_withdrawn_until_it_is_answered(api, user, other):
    waiting, declined = (ChallengeFactory(challenger=user, member=other) for _ in range(2))
    client_of(other).post(f"{CHALLENGES}/{declined.pk}/decline")

    assert_problem(client_of(other).delete(f"{CHALLENGES}/{waiting.pk}"), 403, "Only the challenger can withdraw this")
    assert api.delete(f"{CHALLENGES}/{waiting.pk}").status_code == 204
    assert_problem(api.delete(f"{CHALLENGES}/{waiting.pk}"), 404, "Challenge not found")
    assert_problem(api.delete(f"{CHALLENGES}/{declined.pk}"), 409)
    assert Challenge.objects.get() == declined


@pytest.mark.django_db(transaction=True)
def test_a_challenge_is_either_accepted_or_withdrawn():
    challenge = ChallengeFactory()
    WeekFactory(user=challenge.member, year=2026, week_number=6)

    def act(number):
        if number:
            return accept(client_of(challenge.member), challenge, "2026-W06").status_code
        return client_of(challenge.challenger).delete(f"{CHALLENGES}/{challenge.pk}").status_code

    assert at_once(2, act) in ([200, 409], [204, 404], [204, 409])
    assert WeekMovie.objects.count() == Challenge.objects.count()


def test_a_member_has_only_so_many_of_anothers_to_answer(api, user, other):
    ChallengeFactory.create_batch(services.MAX_PENDING, member=other)  # of others, who may be private

    def propose():
        return api.post(CHALLENGES, {"tmdb_id": MovieFactory().tmdb_id, "for": "ben"})

    assert [propose().status_code for _ in range(services.MAX_PENDING)] == [201] * services.MAX_PENDING
    assert_problem(propose(), 409, "ben has 10 of your challenges to answer. Try again later.")


@pytest.mark.parametrize("address", [CHALLENGES, "/api/shortlist"])
def test_nothing_is_proposed_to_accounts_that_are_disabled(api, other, address):
    User.objects.filter(pk=other.pk).update(is_active=False)

    response = api.post(address, {"tmdb_id": MovieFactory().tmdb_id, "for": "ben"})

    assert_problem(response, 422, "For: The account of this member is disabled.")


def test_filters(api, user, other):
    given, made = ChallengeFactory(member=user), ChallengeFactory(challenger=user, album=AlbumFactory())
    declined = ChallengeFactory(member=user, state="declined", **ANSWERED)

    for query, expected in (
        ({}, {given, made, declined}),
        ({"by": "me"}, {made}),
        ({"by": "others"}, {given, declined}),
        ({"state": "pending", "kind": "movie"}, {given}),
    ):
        found = api.get(CHALLENGES, query).json()["results"]
        assert {row["id"] for row in found} == {challenge.pk for challenge in expected}


def test_lists_cost_the_same_queries_whatever_their_length(api, user, week, kind, django_assert_num_queries):
    for position in (1, 2):
        accept(api, challenge_of(user, kind), week.pk, position)
        challenge_of(user, kind)
        with django_assert_num_queries(2):  # who asks, which
            api.get(CHALLENGES)


def test_a_challenge_outlives_its_pick(api, user, week):
    challenge = ChallengeFactory(member=user)
    accept(api, challenge, week.pk)

    assert api.delete(f"/api/weeks/{week.pk}/movies/1").status_code == 204

    [left] = api.get(CHALLENGES).json()["results"]
    assert (left["state"], left["pick"]) == ("accepted", None)


def test_the_report_card_counts_how_challenges_were_liked(api, user, other, kind):
    challenge = challenge_of(other, kind, challenger=user)
    services.accept_challenge(challenge, WeekFactory(user=other), 1)
    challenge.refresh_from_db()
    for person, rating in ((user, 1), (other, 8), (UserFactory(), 5), (UserFactory(visibility="private"), 1)):
        OPINIONS[kind.name](user=person, rating=rating, **{f"{kind.name}_pick": challenge.pick})
    MovieOpinionFactory(movie_pick__week__user=user, user=other)

    card = api.get("/api/stats/report-card").json()

    assert card["challenges"] == {"n": 2, "mean": 6.5, "hit_rate": 0.5}
    assert api.get("/api/stats/report-card?user=ben").json()["challenges"]["n"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"movie": None},
        {"album": True},
        {"state": "accepted"},
        {"answered_at": FETCHED},
        {"state": "maybe", "answered_at": FETCHED},
        {"movie_pick": True},
        {"album": True, "movie": None, "movie_pick": True, "state": "accepted", "answered_at": FETCHED},
        {"challenger": "the member"},
    ],
)
def test_the_database_refuses(user, other, values):
    rows = {"album": AlbumFactory, "movie_pick": WeekMovieFactory}
    values = {name: rows[name]() if value is True else value for name, value in values.items()}
    if "challenger" in values:
        values["challenger"] = user

    with pytest.raises(IntegrityError), transaction.atomic():
        Challenge.objects.create(**{"challenger": other, "member": user, "movie": MovieFactory()} | values)


def test_the_database_refuses_a_second_pending_one(user, kind):
    first = challenge_of(user, kind)
    same = {"challenger": first.challenger, "member": user, kind.name: first.work}
    Challenge.objects.create(**same, state="declined", **ANSWERED)

    with pytest.raises(IntegrityError), transaction.atomic():
        Challenge.objects.create(**same)


def test_a_merge_takes_challenges_along(user, kind):
    challenge, kept = challenge_of(user, kind), WORKS[kind.name]()

    merging.merge(kept, [challenge.work])

    assert Challenge.objects.get().work == kept


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_answers_one_wins():
    challenge = ChallengeFactory()
    weeks = [WeekFactory(user=challenge.member) for _ in range(2)]

    def answer(number):
        client = client_of(challenge.member)
        if number:
            return accept(client, challenge, weeks[number % 2].pk).status_code
        return client.post(f"{CHALLENGES}/{challenge.pk}/decline").status_code

    assert at_once(4, answer) == [200, 409, 409, 409]
    assert WeekMovie.objects.count() == (Challenge.objects.get().state == "accepted")


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_proposals_of_a_title_one_wins():
    challenger, member, movie = UserFactory(), UserFactory(), MovieFactory()
    body = {"tmdb_id": movie.tmdb_id, "for": member.username}

    assert at_once(4, lambda _: client_of(challenger).post(CHALLENGES, body).status_code) == [201, 409, 409, 409]
