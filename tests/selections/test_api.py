"""Weeks."""

from datetime import UTC, datetime, timedelta

import pytest

from selections import services
from selections.models import Week, WeekMovie
from tests.conftest import assert_problem, at_once, client_of
from tests.factories import AlbumFactory, MovieFactory, UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

WEEK = {
    "year": 2026,
    "week_number": 7,
    "starts_on": "2026-02-09",
    "ends_on": "2026-02-15",
    "notes": None,
    "is_complete": False,
    "created_at": "2026-02-11T12:00:00Z",
    "updated_at": "2026-02-11T12:00:00Z",
}


def of(user, **changes):
    return (
        WEEK | {"user_id": user.pk, "owner": {"id": user.pk, "username": user.username, "display_name": None}} | changes
    )


# Create


def test_create_a_week(api, user, now):
    response = api.post("/api/weeks", {"year": 2026, "week_number": 7, "notes": " Two of each. "})

    assert response.status_code == 201
    assert response.json() == of(user, id=Week.objects.get().pk, notes=" Two of each. ")


@pytest.mark.parametrize("body", [{}, {"notes": None}, {"notes": ""}, {"unknown": 1}])
def test_notes_may_be_missing(api, body):
    response = api.post("/api/weeks", {"year": 2026, "week_number": 53} | body)

    assert (response.status_code, response.json()["notes"]) == (201, None)


def test_a_week_exists_once_per_person(api, user, other):
    WeekFactory(user=other, year=2026, week_number=1)
    assert api.post("/api/weeks", {"year": 2026, "week_number": 1}).status_code == 201

    response = api.post("/api/weeks", {"year": 2026, "week_number": 1})

    assert_problem(response, 409)
    assert response.json()["detail"].startswith("Week 2026-W01 already exists")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "year"),
        ({"year": 1899}, "year"),
        ({"year": 2101}, "year"),
        ({"year": "2026"}, "year"),
        ({"year": True}, "year"),
        ({"year": 2026.5}, "year"),
        ({"year": None}, "year"),
        ({"year": 10**30}, "year"),
        ({"week_number": 0}, "week_number"),
        ({"week_number": 54}, "week_number"),
        ({"week_number": 53, "year": 2025}, "week_number"),
        ({"week_number": [1]}, "week_number"),
        ({"notes": 5}, "notes"),
        ({"notes": "\0"}, "notes"),
        ({"notes": "x" * 10_001}, "notes"),
    ],
)
def test_create_refuses_bad_input(api, body, field):
    response = api.post("/api/weeks", ({"year": 2026, "week_number": 7} | body) if body else {})

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field
    assert not Week.objects.exists()


def test_a_whole_float_is_a_whole_number(api):
    response = api.post("/api/weeks", '{"year": 2026.0, "week_number": 7}', content_type="application/json")

    assert (response.status_code, response.json()["year"]) == (201, 2026)


# Current


def test_the_current_week_is_made_when_it_is_not_there(api, user, now):
    first = api.get("/api/weeks/current")
    second = api.get("/api/weeks/current")

    assert first.status_code == second.status_code == 200
    assert first.json() == second.json() == of(user, id=Week.objects.get().pk, movies=[], albums=[])


@pytest.mark.parametrize(
    ("moment", "zone", "week"),
    [
        ("2026-12-31T12:00", "UTC", (2026, 53)),
        ("2027-01-03T23:59", "UTC", (2026, 53)),
        ("2027-01-04T00:00", "UTC", (2027, 1)),
        ("2025-12-29T00:00", "UTC", (2026, 1)),
        ("2025-12-28T23:59", "UTC", (2025, 52)),
        ("2027-01-03T23:59", "Europe/Berlin", (2027, 1)),
        ("2027-01-04T00:30", "America/New_York", (2026, 53)),
        ("2026-02-15T11:00", "Pacific/Kiritimati", (2026, 8)),
    ],
)
def test_whose_today_it_is(user, time_machine, moment, zone, week):
    user.time_zone = zone
    user.save()
    time_machine.move_to(datetime.fromisoformat(moment).replace(tzinfo=UTC), tick=False)

    body = client_of(user).get("/api/weeks/current").json()

    assert (body["year"], body["week_number"]) == week
    assert body["created_at"].endswith("Z")


# Read


def full_week(user):
    week = WeekFactory(user=user, year=2026, week_number=7, notes="Good one")
    movie = MovieFactory(
        title="Heat", original_title="", overview="", poster_path="/heat.jpg", release_date="1995-12-15"
    )
    album = AlbumFactory(title="Debut", artist="", release_date="1993-07", cover_art_url="")
    when = datetime(2026, 2, 12, 20, tzinfo=UTC)
    WeekMovieFactory(week=week, movie=movie, position=2, added_at=when, rewatch=True)
    WeekAlbumFactory(week=week, album=album, position=1, added_at=when)
    return week, movie, album


def test_a_week_with_its_picks(api, user, other, now):
    week, movie, album = full_week(other)

    response = api.get(f"/api/weeks/{week.pk}")

    assert response.status_code == 200
    assert response.json() == of(
        other,
        id=week.pk,
        notes="Good one",
        is_complete=True,
        movies=[
            {
                "position": 2,
                "added_at": "2026-02-12T20:00:00Z",
                "rewatch": True,
                "movie": {
                    "id": movie.pk,
                    "tmdb_id": movie.tmdb_id,
                    "title": "Heat",
                    "original_title": None,
                    "release_date": "1995-12-15",
                    "poster_path": "/heat.jpg",
                    "poster_url": "https://image.tmdb.org/t/p/w342/heat.jpg",
                    "overview": None,
                    "overview_language": None,
                    "cached_at": "2026-01-02T03:04:05Z",
                    "confirmed": True,
                },
                "my_opinion": None,
                "opinions_count": 0,
            }
        ],
        albums=[
            {
                "position": 1,
                "added_at": "2026-02-12T20:00:00Z",
                "rewatch": None,
                "album": {
                    "id": album.pk,
                    "musicbrainz_id": str(album.musicbrainz_id),
                    "title": "Debut",
                    "artist": "Unknown Artist",
                    "release_date": "1993-07-01",
                    "release_date_precision": "month",
                    "cover_art_url": None,
                    "cached_at": "2026-01-02T03:04:05Z",
                    "confirmed": True,
                },
                "my_opinion": None,
                "opinions_count": 0,
            }
        ],
    )


def test_picks_are_in_order_of_position(api, user):
    week = WeekFactory(user=user)
    for position in (2, 1):
        WeekMovieFactory(week=week, position=position)
        WeekAlbumFactory(week=week, position=position)

    body = api.get(f"/api/weeks/{week.pk}").json()

    assert [pick["position"] for pick in body["movies"] + body["albums"]] == [1, 2, 1, 2]


@pytest.mark.parametrize("raw", ["999999", "0", "-1", "abc", "1.0", "9" * 30, "%00", "%ff", "٣"])
def test_a_missing_week(api, raw):
    assert_problem(api.get(f"/api/weeks/{raw}"), 404, "Week not found")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "", {"notes": "x"}),
        ("delete", "", None),
        ("post", "/movies", {"tmdb_id": 1, "position": 1}),
        ("delete", "/albums/1", None),
    ],
)
def test_a_missing_week_cannot_be_changed(api, method, path, body):
    for raw in ("999999", "9" * 30, "%00"):
        assert_problem(getattr(api, method)(f"/api/weeks/{raw}{path}", body), 404, "Week not found")


@pytest.mark.parametrize("picks", [1, 2])
def test_a_week_costs_the_same_queries_whatever_is_in_it(api, user, django_assert_num_queries, picks):
    week = WeekFactory(user=user)
    for position in range(1, picks + 1):
        WeekMovieFactory(week=week, position=position)
        WeekAlbumFactory(week=week, position=position)

    with django_assert_num_queries(4):  # who asks, the week, its movies, its albums, each with your own opinion
        assert len(api.get(f"/api/weeks/{week.pk}").json()["movies"]) == picks


# List


def test_the_list(api, user, now):
    week, *_ = full_week(user)

    response = api.get("/api/weeks")

    assert response.json() == {
        "total": 1,
        "page": 1,
        "page_size": 20,
        "links": {"next": None, "previous": None},
        "results": [of(user, id=week.pk, notes="Good one", is_complete=True)],
    }


@pytest.fixture
def week(user, now):
    return WeekFactory(user=user, year=2026, week_number=7)


# Change and delete


def test_notes_change(api, user, now, time_machine):
    week = WeekFactory(user=user, year=2026, week_number=7)
    time_machine.shift(timedelta(hours=1))

    response = api.patch(f"/api/weeks/{week.pk}", {"notes": "New\nlines stay "})

    expected = of(user, id=week.pk, notes="New\nlines stay ", updated_at="2026-02-11T13:00:00Z")
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize(("body", "notes"), [({}, "Old"), ({"notes": None}, None), ({"notes": ""}, None)])
def test_notes_stay_or_go(api, user, now, time_machine, body, notes):
    week = WeekFactory(user=user, notes="Old")
    time_machine.shift(timedelta(hours=1))

    changed = api.patch(f"/api/weeks/{week.pk}", body).json()

    assert changed["notes"] == notes
    assert (changed["updated_at"] == changed["created_at"]) == (body == {})


@pytest.mark.parametrize("notes", [5, True, [], {}, "\0", "x" * 10_001])
def test_change_refuses_bad_input(api, user, notes):
    assert_problem(api.patch(f"/api/weeks/{WeekFactory(user=user).pk}", {"notes": notes}), 422)


def test_the_notes_of_a_week_that_has_just_been_deleted(user):
    week = WeekFactory(user=user)
    Week.objects.all().delete()

    with pytest.raises(Week.DoesNotExist):
        services.change_week(week, notes="x")


def test_only_the_owner_changes_a_week(api, other):
    week = WeekFactory(user=other, notes="Mine")

    for body in ({"notes": "x"}, {"year": 2026, "week_number": 8}):
        assert_problem(api.patch(f"/api/weeks/{week.pk}", body), 403, "Only the owner can modify this week")
    assert_problem(api.delete(f"/api/weeks/{week.pk}"), 403, "Only the owner can delete this week")
    assert Week.objects.get().notes == "Mine"


def test_a_week_moves_with_its_picks(api, week):
    WeekMovieFactory(week=week)

    response = api.patch(f"/api/weeks/{week.pk}", {"year": 2020, "week_number": 53, "notes": "Long ago"})

    body = response.json()
    assert response.status_code == 200
    assert (body["id"], body["year"], body["week_number"], body["notes"]) == (week.pk, 2020, 53, "Long ago")
    assert (body["starts_on"], body["ends_on"]) == ("2020-12-28", "2021-01-03")
    assert len(api.get("/api/weeks/2020-W53").json()["movies"]) == 1


def test_a_week_does_not_move_onto_another(api, week, user, other):
    WeekFactory(user=user, year=2026, week_number=8)
    WeekFactory(user=other, year=2026, week_number=9)

    refused = api.patch(f"/api/weeks/{week.pk}", {"year": 2026, "week_number": 8, "notes": "x"})

    assert_problem(refused, 409, "Week 2026-W08 already exists")
    week.refresh_from_db()
    assert (week.week_number, week.notes) == (7, "")
    for number in (7, 9):
        assert api.patch(f"/api/weeks/{week.pk}", {"year": 2026, "week_number": number}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"year": 2026}, "week_number"),
        ({"week_number": 8}, "year"),
        ({"year": 2025, "week_number": 53}, "week_number"),
        ({"year": 1899, "week_number": 1}, "year"),
        ({"year": "2026", "week_number": 8}, "year"),
        ({"year": 2026, "week_number": None}, "week_number"),
    ],
)
def test_a_week_moves_only_by_both_numbers_to_an_existing_iso_week(api, week, body, field):
    response = api.patch(f"/api/weeks/{week.pk}", body)

    assert_problem(response, 422)
    assert response.json()["errors"][0]["field"] == field


def test_delete_a_week(api, user):
    week = WeekMovieFactory(week__user=user).week

    response = api.delete(f"/api/weeks/{week.pk}")

    assert (response.status_code, response.content) == (204, b"")
    assert not WeekMovie.objects.exists()
    assert_problem(api.delete(f"/api/weeks/{week.pk}"), 404, "Week not found")


def test_another_method_is_a_405(api, user):
    week = WeekFactory(user=user)

    assert_problem(api.put("/api/weeks", {}), 405)
    assert_problem(api.put(f"/api/weeks/{week.pk}", {}), 405)
    assert_problem(api.get(f"/api/weeks/{week.pk}/movies"), 405)


# At the same time


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_creations_one_wins():
    user = UserFactory()

    statuses = at_once(8, lambda _: client_of(user).post("/api/weeks", {"year": 2026, "week_number": 7}).status_code)

    assert statuses == [201] + [409] * 7


@pytest.mark.django_db(transaction=True)
def test_the_current_week_is_made_once():
    user = UserFactory()

    ids = at_once(8, lambda _: client_of(user).get("/api/weeks/current").json()["id"])

    assert len(set(ids)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_moves_to_one_place_one_wins():
    user = UserFactory()
    weeks = [WeekFactory(user=user, year=2026, week_number=number) for number in range(1, 6)]
    aim = {"year": 2026, "week_number": 30}

    statuses = at_once(5, lambda n: client_of(user).patch(f"/api/weeks/{weeks[n].pk}", aim).status_code)

    assert statuses == [200] + [409] * 4
