"""The calendar feed: what it holds, as bytes and as a calendar program reads it; and who may read it."""

import datetime
import re
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit

import icalendar
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import ApiToken
from catalog.services import curate
from selections import calendar, services
from selections.kinds import MOVIE
from selections.models import Week
from selections.opinions.services import delete_opinion, give_opinion
from tests.conftest import assert_problem, at_once, client_of
from tests.endpoints import OPERATIONS
from tests.factories import (
    AlbumOpinionFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

FEED = "/api/weeks.ics"
TOKEN = "/api/weeks/calendar-token"


@pytest.fixture
def feed(user):
    """Reads the user's calendar as raw bytes."""
    secret = accounts.renew_calendar_token(user)

    def read():
        response = APIClient().get(FEED, {"token": secret})
        assert response.status_code == 200, response.content
        return response.content

    return read


def parse(raw):
    calendar = icalendar.Calendar.from_ical(raw)
    return calendar, calendar.walk("VEVENT")


def unfold(raw):
    return raw.decode().replace("\r\n ", "").split("\r\n")


def ask(url, client=None):
    parts = urlsplit(url)
    return (client or APIClient()).get(parts.path, {name: value[0] for name, value in parse_qs(parts.query).items()})


# What it holds


def test_a_week_is_an_event_of_seven_days(user, other, feed, now):
    week = WeekFactory(
        user=user, year=2026, week_number=7, notes="We fell asleep.", updated_at=now, created_at=now - timedelta(days=2)
    )
    movie = WeekMovieFactory(week=week, movie__title="The Matrix", movie__release_date="1999-03-31")
    album = WeekAlbumFactory(week=week, album__title="OK Computer", album__artist="Radiohead", position=2)
    MovieOpinionFactory(user=user, movie_pick=movie, rating=9, updated_at=now + timedelta(hours=1), review="A review")
    MovieOpinionFactory(user=other, movie_pick=movie, rating=2, review="Not mine")
    AlbumOpinionFactory(user=other, album_pick=album, rating=3, updated_at=now + timedelta(days=1))
    WeekFactory(user=other, notes="Not mine")

    calendar, events = parse(feed())

    (event,) = events
    assert event.uid == f"week-{week.pk}-20260209120000000000@wrong-opinions"
    assert (event.start, event.end) == (datetime.date(2026, 2, 9), datetime.date(2026, 2, 16))
    assert event["SUMMARY"] == "2026-W07: The Matrix · Radiohead: OK Computer"
    assert event["DESCRIPTION"] == "The Matrix (1999) – 9 of 10\nRadiohead: OK Computer\n\nWe fell asleep."
    assert event["TRANSP"] == "TRANSPARENT"
    assert event.last_modified == event.stamp == now + timedelta(hours=1)
    assert calendar["VERSION"] == "2.0"
    assert calendar["METHOD"] == "PUBLISH"
    assert calendar["PRODID"]
    assert calendar["X-WR-CALNAME"] == "Wrong Opinions of ada"


def test_the_raw_lines_of_an_event(user, feed, now):
    week = WeekFactory(user=user, year=2026, week_number=53, created_at=now, updated_at=now)

    lines = unfold(feed())

    assert lines[0] == "BEGIN:VCALENDAR"
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT6H" in lines
    assert "X-PUBLISHED-TTL:PT6H" in lines
    assert lines[lines.index("BEGIN:VEVENT") :] == [
        "BEGIN:VEVENT",
        f"UID:week-{week.pk}-20260211120000000000@wrong-opinions",
        "DTSTAMP:20260211T120000Z",
        "LAST-MODIFIED:20260211T120000Z",
        "DTSTART;VALUE=DATE:20261228",
        "DTEND;VALUE=DATE:20270104",
        "SUMMARY:2026-W53: nothing yet",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_week_that_moves_stays_the_same_event(user, feed, now):
    week = WeekFactory(user=user, year=2025, week_number=7, updated_at=now - timedelta(days=3))
    before = parse(feed())[1][0]

    services.change_week(Week.objects.get(pk=week.pk), year=2025, week_number=8)

    after = parse(feed())[1][0]
    assert (before.uid, before.start + timedelta(days=7)) == (after.uid, after.start)
    assert after.last_modified == now


TITLES = [
    "千と千尋の神隠し" * 12,
    'Сталкер, или; \\Желание\\: "да"',
    "مدينة الحزن، الجزء الثاني" * 5,
    "👩‍👩‍👧‍👦" * 20,
    "e\u0301" * 60,
    "\\Nach der Nacht\\nicht",
    "x" * 300,
    "^n ^' ^^",
    "a\tb",
]


@pytest.mark.parametrize("title", TITLES)
def test_titles_in_all_scripts_come_through(user, feed, title):
    week = WeekFactory(user=user, year=2024, week_number=7, notes=f"{title}\r\n\n{title}")
    WeekMovieFactory(week=week, movie__title=title)

    raw = feed()

    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # no sign is torn apart
    said = {name: value for name, _, value in (line.partition(":") for line in unfold(raw))}
    assert unescape(said["SUMMARY"]) == "2024-W07: " + title.replace("\t", " ")
    assert unescape(said["DESCRIPTION"]) == "\n".join([title.replace("\t", " "), "", title, "", title])
    if "\\" not in title:  # of which icalendar reads more than is there
        assert parse(raw)[1][0]["SUMMARY"] == "2024-W07: " + title.replace("\t", " ")


def unescape(text):
    r"""As RFC 5545 says: \\, \;, \, and \n, and no comma or semicolon without."""
    assert not re.search(r"(?<!\\)(\\\\)*[,;]", text)
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], text)


def test_control_characters_and_odd_line_breaks_are_left_out(user, feed):
    week = WeekFactory(user=user, year=2024, week_number=7, notes="a\x01b\x7f\u2028c\x85d\x0be\rf\n\n")
    WeekMovieFactory(week=week, movie__title="One\nEND:VEVENT\u2029Two\x1b")

    event = parse(feed())[1][0]

    assert event["SUMMARY"] == "2024-W07: One END:VEVENT Two"
    assert event["DESCRIPTION"] == "One END:VEVENT Two\n\nab\nc\nd\ne\nf"


def test_a_name_breaks_nothing(user, feed):
    user.display_name = "Ada, the “First”; of 安達"
    user.save()

    raw = feed()

    names = [line.partition(":")[2] for line in unfold(raw) if line.startswith(("X-WR-CALNAME:", "NAME:"))]
    assert list(map(unescape, names)) == ["Wrong Opinions of Ada, the “First”; of 安達"] * 2
    assert parse(raw)[1] == []


@pytest.mark.parametrize("count", [1, 12])
def test_the_number_of_queries_stays_the_same(user, feed, count, django_assert_num_queries):
    feed()  # which notes that the token was used
    for number in range(1, count + 1):
        week = WeekFactory(user=user, year=2024, week_number=number)
        MovieOpinionFactory(user=user, movie_pick=WeekMovieFactory(week=week))
        AlbumOpinionFactory(user=user, album_pick=WeekAlbumFactory(week=week))

    with django_assert_num_queries(7):  # the token, the stamp's three, weeks, picks twice
        raw = feed()

    assert len(parse(raw)[1]) == count


def test_what_has_not_changed_is_not_sent_again(user, now, time_machine):
    week = WeekFactory(user=user, notes="the notes")
    url = client_of(user).post(TOKEN).json()["url"]
    first = ask(url)

    again = ask(url, APIClient(headers={"If-None-Match": first.headers["ETag"]}))
    time_machine.shift(1)
    services.change_week(week, notes="other notes")
    changed = ask(url, APIClient(headers={"If-None-Match": first.headers["ETag"]}))

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert first.headers["Content-Disposition"] == 'inline; filename="wrong-opinions.ics"'
    assert {"private", "no-cache"} <= set(first.headers["Cache-Control"].split(", "))


def test_the_etag_changes_with_all_that_the_calendar_shows(user, other, now, time_machine):
    week = WeekFactory(user=user, year=2025, week_number=7)
    movie, album = WeekMovieFactory(week=week), WeekAlbumFactory(week=week)
    rated = partial(give_opinion, review="", contains_spoilers=False)
    again = Week(user=user, year=2025, week_number=8, created_at=week.created_at, updated_at=week.updated_at)
    seen = [(calendar.stamp(user), calendar.write_calendar(user))]
    for change in [
        lambda: rated(user, movie, rating=8),
        lambda: rated(user, movie, rating=3),
        lambda: delete_opinion(user, movie),
        lambda: rated(user, album, rating=1),
        lambda: curate(movie.movie, own_title="As we say"),
        lambda: type(movie.movie).objects.update(title="New", own_title="", release_date=datetime.date(1999, 1, 1)),
        lambda: type(movie.movie).objects.update(release_date=None),
        lambda: type(album.album).objects.update(artist="New"),
        lambda: curate(album.album, own_title="As we say, too"),
        lambda: services.remove_pick(MOVIE, week, 1),
        lambda: services.pick_work(MOVIE, week, MovieFactory().tmdb_id, 2),
        lambda: services.change_week(week, notes="Notes."),
        lambda: services.change_week(week, notes=""),
        lambda: services.change_week(week, year=2024, week_number=9),
        lambda: services.delete_week(week),
        again.save,  # as an import stores it, with the same instants
        lambda: type(user).objects.filter(pk=user.pk).update(display_name="Ada"),
        lambda: type(user).objects.filter(pk=user.pk).update(username="ada2", display_name=""),
    ]:
        time_machine.shift(1)
        change()
        user.refresh_from_db()
        seen.append((calendar.stamp(user), calendar.write_calendar(user)))

    different = len(seen) - 1  # without the opinion it is the one before again
    assert len({stamp for stamp, _ in seen}) == len({text for _, text in seen}) == len(set(seen)) == different


def test_the_etag_stays_while_the_calendar_does(user, other, now, time_machine):
    pick = WeekMovieFactory(week__user=user)
    before = calendar.stamp(user)

    time_machine.shift(timedelta(days=30))
    MovieOpinionFactory(user=other, movie_pick=pick)
    WeekMovieFactory(week__user=other, movie=pick.movie)

    assert calendar.stamp(user) == before


def test_calendars_that_changed_are_limited_and_others_are_not(user, settings):
    settings.EXPORT_RATE = "2/hour"
    url = client_of(user).post(TOKEN).json()["url"]
    first = ask(url)
    assert ask(url).status_code == 200

    response = ask(url)

    assert_problem(response, 429)
    assert 3590 <= int(response.headers["Retry-After"]) <= 3600
    assert ask(url, APIClient(headers={"If-None-Match": first.headers["ETag"]})).status_code == 304


# Who may read it


def test_the_address_begins_as_the_site_does(api, settings):
    settings.SITE_URL = "https://opinions.example.org"

    response = api.post(TOKEN)

    secret = response.json()["url"].removeprefix("https://opinions.example.org/api/weeks.ics?token=")
    assert (response.status_code, set(response.json())) == (201, {"url"})
    assert re.fullmatch(r"wo_[\w-]{40,}", secret)
    assert secret not in str(ApiToken.objects.values().get())


def test_a_new_address_ends_the_one_before(api, user):
    first, second = (api.post(TOKEN).json()["url"] for _ in range(2))

    assert_problem(ask(first), 401, "This calendar address is invalid or has been replaced. Create a new one.")
    assert ask(second).status_code == 200
    assert user.api_tokens.count() == 1


def test_switching_it_off(api, user, other):
    theirs = client_of(other).post(TOKEN).json()["url"]
    url = api.post(TOKEN).json()["url"]

    assert [api.delete(TOKEN).status_code for _ in range(2)] == [204, 204]

    assert_problem(ask(url), 401)
    assert ask(theirs).status_code == 200


@pytest.mark.parametrize(
    "query", [{}, {"token": ""}, {"token": "wo_guessed"}, {"token": "\x00\ud83d"[:1]}, {"token": "x" * 5000}]
)
def test_a_wrong_token_opens_nothing(anonymous, user, query):
    accounts.renew_calendar_token(user)

    assert_problem(anonymous.get(FEED, query), 401)


@pytest.mark.parametrize("scope", ["read", "full"])
def test_no_other_token_opens_it(anonymous, user, scope):
    _, secret = accounts.create_token(user, name="widget", scope=scope)

    assert_problem(anonymous.get(FEED, {"token": secret}), 401)
    assert_problem(APIClient(headers={"Authorization": f"Bearer {secret}"}).get(FEED), 401)


def test_a_stale_header_does_not_matter(user):
    secret = accounts.renew_calendar_token(user)

    assert APIClient(headers={"Authorization": "Bearer expired"}).get(FEED, {"token": secret}).status_code == 200


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_its_token_opens_nothing_else(user, operation):
    """Other addresses answer as they do without a token."""
    secret = accounts.renew_calendar_token(user)
    method, address = operation.split()
    place = re.sub(r"\{\w+\}", "1", address)
    nobody, bearer = APIClient(), APIClient(headers={"Authorization": f"Bearer {secret}"})

    asked, with_token = (getattr(client, method.lower())(place, {"token": "x"}) for client in (nobody, bearer))

    assert with_token.status_code == asked.status_code
    if asked.status_code == 401 and address not in {"/api/auth/refresh", "/api/auth/login", FEED}:
        assert_problem(with_token, 401, "Could not validate credentials")


def test_it_is_listed_among_ones_tokens_and_can_be_revoked_there(api, user):
    url = api.post(TOKEN).json()["url"]

    (listed,) = api.get("/api/auth/tokens").json()["results"]
    assert (listed["name"], listed["scope"]) == ("Calendar", "calendar")
    assert listed["hint"] == parse_qs(urlsplit(url).query)["token"][0][:8]
    assert api.delete(f"/api/auth/tokens/{listed['id']}").status_code == 204

    assert_problem(ask(url), 401)


def test_it_is_not_made_as_other_tokens_are(api):
    assert_problem(api.post("/api/auth/tokens", {"name": "feed", "scope": "calendar"}), 422)


@pytest.mark.parametrize("scope", ["read", "full"])
def test_an_api_token_neither_makes_nor_ends_one(user, scope):
    secret = accounts.renew_calendar_token(user)
    _, script = accounts.create_token(user, name="script", scope=scope)
    client = APIClient(headers={"Authorization": f"Bearer {script}"})

    for method in (client.post, client.delete):
        assert_problem(method(TOKEN), 403)

    assert APIClient().get(FEED, {"token": secret}).status_code == 200


def test_a_new_password_ends_it(user):
    secret = accounts.renew_calendar_token(user)

    accounts.change_password(user, "Quite-another-7-phrase")

    assert_problem(APIClient().get(FEED, {"token": secret}), 401)


def test_a_disabled_account_has_no_calendar(user):
    secret = accounts.renew_calendar_token(user)
    type(user).objects.update(is_active=False)

    assert_problem(APIClient().get(FEED, {"token": secret}), 403, "User account is inactive")


def test_private_people_read_their_own(user, feed):
    WeekFactory(user=user)
    type(user).objects.update(visibility="private")

    assert len(parse(feed())[1]) == 1


def test_when_it_was_last_read_is_told(user, feed, now):
    feed()

    assert ApiToken.objects.get().last_used_at == now == timezone.now()


def test_the_database_allows_one_a_person(user):
    accounts.renew_calendar_token(user)

    with pytest.raises(IntegrityError), transaction.atomic():
        accounts.create_token(user, name="Another", scope="calendar")


@pytest.mark.django_db(transaction=True)
def test_of_addresses_made_at_once_one_is_good():
    user = UserFactory()
    urls = []

    def make(number):
        response = client_of(user).post(TOKEN)
        urls.append(response.json().get("url", ""))
        return response.status_code

    assert at_once(4, make) == [201] * 4
    assert sorted(ask(url).status_code for url in urls) == [200, 401, 401, 401]


def test_its_secret_stays_out_of_the_log(user, caplog):
    secret = accounts.renew_calendar_token(user)

    def fail_for_weeks(execute, sql, *arguments):
        if "selections_week" in sql:
            raise RuntimeError("broken")
        return execute(sql, *arguments)

    APIClient().get(FEED, {"token": secret + "x"})
    with connection.execute_wrapper(fail_for_weeks):
        response = APIClient(raise_request_exception=False).get(FEED, {"token": secret})

    assert response.status_code == 500
    assert "/api/weeks.ics" in caplog.text
    assert secret[3:] not in caplog.text + response.content.decode()


def test_its_address_is_no_weeks(api):
    assert_problem(api.get(TOKEN), 405)
