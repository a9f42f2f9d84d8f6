"""Emails that members have chosen: what is in them, when they are sent, to whom, and how they are stopped."""

import email.policy
import io
from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from selections import notifications
from tests.conftest import assert_problem, at_once, client_of, delivered
from tests.factories import (
    AlbumOpinionFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

SUNDAY = datetime(2026, 2, 15, 18, tzinfo=UTC)  # of 2026-W07
REFUSED = "refused@example.org"


class Refusing(EmailBackend):
    """A server that refuses one address."""

    def send_messages(self, messages):
        if messages[0].to == [REFUSED]:
            raise ConnectionResetError("refused")
        return super().send_messages(messages)


def run():
    """What a run of the job says, and to whom it sent an email."""
    delivered().clear()
    stdout = io.StringIO()
    notifications.send_due(stdout=stdout)
    return stdout.getvalue(), [message.to[0].partition("@")[0] for message in delivered()]


def sent():
    return run()[1]


@pytest.fixture
def weekly(user, other, now, time_machine):
    """Ada, who gets weekly emails, on Sunday evening, with two of Ben's picks in this week."""
    User.objects.filter(pk=user.pk).update(notifications="weekly", told_until=now)
    week = WeekFactory(user=other, year=2026, week_number=7)
    WeekMovieFactory(week=week, movie__title="The\nMatrix", movie__release_date="1999-03-31")
    WeekAlbumFactory(week=week, album__title="OK Computer", album__artist="Radiohead")
    time_machine.move_to(SUNDAY, tick=False)
    return week


def test_the_weekly_email_says_what_is_missing_waiting_and_revealed(user, other, weekly, settings):
    settings.SITE_URL, settings.APP_URL = "https://opinions.example.org", "https://app.example.org"
    old = WeekMovieFactory(week__user=user, week__year=2025, week__week_number=7, movie__title="Stalker")
    MovieOpinionFactory(user=other, movie_pick=old, rating=3, created_at=SUNDAY - timedelta(days=1))
    MovieOpinionFactory(user=other, movie_pick=weekly.movie_picks.get(), rating=9)  # hidden
    WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie__title="Mine")

    assert run() == ("Sent 1 email; 0 could not be sent.", ["ada"])

    [message] = delivered()
    user.refresh_from_db()
    link = f"https://opinions.example.org/unsubscribe/{user.unsubscribe_key}"
    assert message.subject == "Wrong Opinions: your week 2026-W07"
    assert (
        message.body
        == f"""Hello ada,

your week 2026-W07 still needs an album.

Waiting for your opinion:

- Mine, your own pick
- The Matrix (1999), picked by ben
- Radiohead: OK Computer, picked by ben

Revealed since the last email:

- ben on Stalker: 3 of 10

You chose to get these emails. To stop them:
{link}

--\x20
Wrong\x20Opinions:\x20https://app.example.org
"""
    )
    raw = message.message(policy=email.policy.SMTP).as_bytes()
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


@pytest.mark.parametrize(
    ("zone", "moment", "is_sent"),
    [
        ("UTC", "2026-02-15T17:59Z", False),
        ("UTC", "2026-02-15T18:00Z", True),
        ("UTC", "2026-02-16T05:59Z", True),
        ("UTC", "2026-02-16T06:00Z", False),
        ("Pacific/Kiritimati", "2026-02-15T04:00Z", True),
        ("America/New_York", "2026-02-15T22:59Z", False),
        ("America/New_York", "2026-02-15T23:00Z", True),
    ],
)
def test_it_comes_on_sunday_evening_where_the_member_lives(user, weekly, time_machine, zone, moment, is_sent):
    User.objects.filter(pk=user.pk).update(time_zone=zone)
    time_machine.move_to(moment, tick=False)

    assert sent() == ["ada"] * is_sent
    assert sent() == []
    User.objects.filter(pk=user.pk).update(time_zone="Pacific/Honolulu")  # where Sunday evening is yet to come
    time_machine.move_to("2026-02-16T05:00Z", tick=False)
    assert sent() == ["ada"] * (not is_sent)


def test_nobody_else_gets_emails(user, weekly):
    UserFactory(), UserFactory(notifications="weekly", is_active=False), UserFactory(notifications="weekly", email="")

    assert sent() == ["ada"]


@pytest.mark.django_db(transaction=True)
def test_simultaneous_runners_send_an_email_once(weekly):
    at_once(3, lambda number: notifications.send_due(stdout=io.StringIO()) or number)

    assert [message.to for message in delivered()] == [["ada@example.org"]]


def test_a_failure_stops_no_other_and_is_tried_again(weekly, settings):
    mailers = settings.MAILERS
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.Refusing"}}
    UserFactory(username="zoe", email=REFUSED, notifications="weekly")

    assert run() == ("Sent 1 email; 1 could not be sent.", ["ada"])
    with pytest.raises(CommandError, match="Check EMAIL_URL"):
        run()
    settings.MAILERS = mailers
    assert sent() == ["refused"]


@pytest.fixture
def reveal(user, now):
    """Ada, who gets emails about what is revealed."""
    User.objects.filter(pk=user.pk).update(notifications="reveal", told_until=now)
    return user


def test_an_email_tells_what_was_revealed_since_the_last_at_most_once_an_hour(reveal, other, now, time_machine):
    pick = WeekMovieFactory(week__user=reveal, week__year=2026, week__week_number=7, movie__title="Mine")
    MovieOpinionFactory(user=other, movie_pick=pick, rating=2, created_at=now + timedelta(minutes=1))
    MovieOpinionFactory(user=other, created_at=now + timedelta(minutes=1))  # on another's pick that Ada has not rated
    time_machine.shift(timedelta(hours=2))
    assert sent() == []  # the week is not over, and Ada has not rated it

    time_machine.shift(timedelta(minutes=1))
    MovieOpinionFactory(user=reveal, movie_pick=pick, rating=9)
    time_machine.shift(timedelta(minutes=58))
    assert sent() == []
    time_machine.shift(timedelta(minutes=1))
    assert sent() == ["ada"]
    assert "these opinions were revealed:\n\n- ben on Mine: 2 of 10\n" in delivered()[0].body
    AlbumOpinionFactory(user=other, album_pick__week=pick.week, rating=None, review="So", created_at=timezone.now())
    time_machine.move_to("2026-02-16T00:00Z", tick=False)  # the week is over
    assert sent() == ["ada"]
    assert [line for line in delivered()[0].body.split("\n") if line.startswith("- ")] == [
        f"- ben on {pick.week.album_picks.get().album}: a review"
    ]
    time_machine.shift(timedelta(hours=2))
    assert sent() == []


@pytest.mark.parametrize("mode", ["weekly", "reveal"])
def test_an_email_tells_nothing_of_private_members_and_hidden_opinions(user, other, now, time_machine, mode):
    User.objects.filter(pk=user.pk).update(notifications=mode, told_until=now - timedelta(hours=2))
    hermit, cleo = UserFactory(username="hermit", visibility="private"), UserFactory(username="cleo")
    hidden = WeekMovieFactory(week__user=hermit, week__year=2026, week__week_number=7, movie__title="Hidden")
    running = WeekMovieFactory(week__user=user, week__year=2026, week__week_number=7, movie__title="Mine")
    old = WeekMovieFactory(week__user=user, week__year=2025, week__week_number=7, movie__title="Old")
    MovieOpinionFactory(user=user, movie_pick=hidden)
    for pick in (hidden, running, old):
        MovieOpinionFactory(user=hermit, movie_pick=pick)
    MovieOpinionFactory(user=cleo, movie_pick=hidden), MovieOpinionFactory(user=cleo, movie_pick=running)
    MovieOpinionFactory(user=other, movie_pick=old)
    time_machine.move_to(SUNDAY, tick=False)

    assert sent() == ["ada"]

    [message] = delivered()
    assert "- ben on Old: 7 of 10" in message.body
    assert not {name for name in ("hermit", "cleo", "Hidden") if name in message.body}


@pytest.mark.parametrize("mode", ["weekly", "reveal"])
def test_the_number_of_queries_stays_the_same(user, now, time_machine, mode, django_assert_num_queries):
    User.objects.filter(pk=user.pk).update(notifications=mode, told_until=now - timedelta(hours=1))
    for year, number in ((2026, 7), (2026, 7), (2025, 7)):
        week = WeekFactory(year=year, week_number=number)
        for pick, opinion in ((WeekMovieFactory, MovieOpinionFactory), (WeekAlbumFactory, AlbumOpinionFactory)):
            on = {f"{pick._meta.model.kind}_pick": pick(week=week)}
            opinion(**on), opinion(**on), opinion(user=user, **on)
    time_machine.move_to(SUNDAY, tick=False)

    with django_assert_num_queries(8 if mode == "weekly" else 4):
        notifications.send_due(stdout=io.StringIO())

    assert delivered()[0].body.count("\n- ") == 12


def test_the_setting_is_the_members_own(api, user, other, time_machine, now):
    time_machine.shift(timedelta(days=1))
    changed = api.patch(f"/api/users/{user.pk}", {"notifications": "weekly"})

    user.refresh_from_db()
    assert (changed.json()["notifications"], user.told_until) == ("weekly", now + timedelta(days=1))
    assert api.get("/api/auth/me").json()["notifications"] == "weekly"
    assert "notifications" not in client_of(other).get(f"/api/users/{user.pk}").json()
    assert_problem(api.patch(f"/api/users/{user.pk}", {"notifications": "daily"}), 422)
    assert_problem(api.patch(f"/api/users/{other.pk}", {"notifications": "weekly"}), 403)


def test_one_click_unsubscribes_without_signing_in(user, other):
    User.objects.update(notifications="reveal")
    address, client = f"/unsubscribe/{user.unsubscribe_key}", Client(enforce_csrf_checks=True)

    page = client.get(address)
    assert page.status_code == 200
    assert not {name for name in ("ada", user.email) if name in page.content.decode()}
    assert client.get(f"/unsubscribe/{other.pk}").status_code == 404
    assert client.post("/unsubscribe/00000000-0000-4000-8000-000000000000").status_code == 404
    assert User.objects.filter(notifications="reveal").count() == 2

    done = client.post(address, {"List-Unsubscribe": "One-Click"})

    assert (done.status_code, "Notifications are off" in done.content.decode()) == (200, True)
    assert dict(User.objects.values_list("username", "notifications")) == {"ada": "off", "ben": "reveal"}
