"""Emails that members have chosen: what is in them, when they are sent, to whom, and how they are stopped."""

import email.policy
import io
from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from selections import notifications
from tests.conftest import assert_problem, at_once, client_of, delivered
from tests.factories import OPINIONS, PICKS, MovieOpinionFactory, UserFactory, WeekFactory, WeekMovieFactory

SUNDAY = datetime(2026, 2, 15, 18, tzinfo=UTC)  # of 2026-W07
REFUSED = "refused@example.org"


class Refusing(EmailBackend):
    """A server that refuses one address."""

    def send_messages(self, messages):
        if messages[0].to == [REFUSED]:
            raise SMTPRecipientsRefused({REFUSED: (451, b"later")})
        return super().send_messages(messages)


class Away(EmailBackend):
    """A server that does not answer."""

    def send_messages(self, messages):
        super().send_messages(messages)
        raise SMTPServerDisconnected


def run():
    """To whom a run of the job sends an email."""
    delivered().clear()
    notifications.send_due(stdout=io.StringIO())
    return [message.to[0].partition("@")[0] for message in delivered()]


@pytest.fixture
def choose(user, now):
    """Lets Ada choose emails, an hour ago."""
    return lambda mode: User.objects.filter(pk=user.pk).update(notifications=mode, told_until=now - timedelta(hours=1))


@pytest.fixture
def weekly(choose, time_machine):
    choose("weekly")
    time_machine.move_to(SUNDAY, tick=False)


def test_the_weekly_email_says_what_is_missing_waiting_and_revealed(user, other, weekly, settings):
    settings.SITE_URL, settings.APP_URL = "https://opinions.example.org", "https://app.example.org"
    week = WeekFactory(user=other, year=2026, week_number=7)
    hidden = WeekMovieFactory(week=week, movie__title="The\nMatrix", movie__release_date="1999-03-31")
    PICKS["album"](week=week, album__title="OK Computer", album__artist="Radiohead")
    WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie__title="Mine")
    old = WeekMovieFactory(week=WeekFactory(user=user), movie__title="Stalker")
    MovieOpinionFactory(user=other, movie_pick=old, rating=3), MovieOpinionFactory(user=other, movie_pick=hidden)

    assert run() == ["ada"]

    [message] = delivered()
    user.refresh_from_db()
    link = f"https://opinions.example.org/unsubscribe/{user.unsubscribe_key}"
    assert message.subject == "Wrong Opinions: your week 2026-W07"
    assert message.body.split("\n") == [
        "Hello ada,",
        "",
        "your week 2026-W07 still needs an album.",
        "",
        "Waiting for your opinion:",
        "",
        "- Mine, your own pick",
        "- The Matrix (1999), picked by ben",
        "- Radiohead: OK Computer, picked by ben",
        "",
        "Revealed since the last email:",
        "",
        "- ben on Stalker: 3 of 10",
        "",
        "You chose to get these emails. To stop them:",
        link,
        "",
        "-- ",
        "Wrong Opinions: https://app.example.org",
        "",
    ]
    raw = message.message(policy=email.policy.SMTP).as_bytes()
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


@pytest.mark.parametrize(
    ("zone", "moment", "is_sent"),
    [
        ("UTC", "2026-02-15T17:59Z", False),
        ("UTC", "2026-02-16T05:59Z", True),
        ("UTC", "2026-02-16T06:00Z", False),
        ("Pacific/Kiritimati", "2026-02-15T04:00Z", True),
        ("America/New_York", "2026-02-15T22:59Z", False),
        ("America/New_York", "2026-02-15T23:00Z", True),
    ],
)
def test_it_comes_once_on_sunday_evening_where_the_member_lives(user, weekly, time_machine, zone, moment, is_sent):
    User.objects.filter(pk=user.pk).update(time_zone=zone)
    time_machine.move_to(moment, tick=False)

    assert (run(), run()) == (["ada"] * is_sent, [])
    User.objects.filter(pk=user.pk).update(time_zone="Pacific/Honolulu")  # where Sunday evening is yet to come
    time_machine.move_to("2026-02-16T05:00Z", tick=False)
    assert run() == ["ada"] * (not is_sent)


@pytest.mark.django_db(transaction=True)
def test_simultaneous_runners_send_an_email_once_to_those_who_chose_it(weekly):
    UserFactory(), UserFactory(notifications="weekly", is_active=False), UserFactory(notifications="weekly", email="")

    at_once(3, lambda number: notifications.send_due(stdout=io.StringIO()) or number)

    assert [message.to for message in delivered()] == [["ada@example.org"]]


def test_a_failure_stops_no_other_and_is_tried_again(weekly, settings, caplog):
    mailers = settings.MAILERS
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.Refusing"}}
    UserFactory(username="aaron", email=REFUSED, notifications="weekly")

    assert run() == ["ada"]
    with pytest.raises(CommandError, match="1 could not be sent"):
        run()
    settings.MAILERS = mailers
    assert run() == ["refused"]
    assert "SMTPRecipientsRefused" in caplog.text
    assert REFUSED not in caplog.text


def test_others_do_not_wait_for_a_mail_server_that_does_not_answer(weekly, settings):
    mailers = settings.MAILERS
    UserFactory.create_batch(4, notifications="weekly")
    settings.MAILERS = {"default": {"BACKEND": f"{__name__}.Away"}}

    with pytest.raises(CommandError, match="3 could not be sent"):
        run()

    assert len(delivered()) == 3
    settings.MAILERS = mailers
    assert len(run()) == 5


def test_an_email_tells_what_was_revealed_since_the_last_at_most_once_an_hour(user, other, choose, time_machine):
    choose("reveal")
    pick = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7), movie__title="Mine")
    MovieOpinionFactory(user=other, movie_pick=pick, rating=2)
    MovieOpinionFactory(user=other)  # on another's pick that Ada has not rated
    assert run() == []  # the week is not over, and Ada has not rated it

    time_machine.shift(timedelta(minutes=1))
    MovieOpinionFactory(user=user, movie_pick=pick, rating=9)
    time_machine.shift(timedelta(minutes=58))
    assert run() == []
    time_machine.shift(timedelta(minutes=1))
    assert run() == ["ada"]
    assert "these opinions were revealed:\n\n- ben on Mine: 2 of 10\n" in delivered()[0].body
    OPINIONS["album"](user=other, album_pick__week=pick.week, album_pick__album__title="Ours", rating=None, review="So")
    time_machine.move_to("2026-02-16T00:00Z", tick=False)  # the week is over
    assert run() == ["ada"]
    assert [line for line in delivered()[0].body.split("\n") if line[:1] == "-"] == [
        "- ben on Somebody: Ours: a review"
    ]
    time_machine.shift(timedelta(hours=2))
    assert run() == []


def test_after_the_clock_was_wrong_emails_go_on(user, other, choose, time_machine):
    choose("reveal")
    time_machine.shift(timedelta(days=400))
    run()
    time_machine.shift(timedelta(days=-400))
    run()
    time_machine.shift(timedelta(minutes=1))
    pick = MovieOpinionFactory(user=user, movie_pick__week__user=user).movie_pick
    MovieOpinionFactory(user=other, movie_pick=pick)

    time_machine.shift(timedelta(hours=1))

    assert run() == ["ada"]


@pytest.mark.parametrize("mode", ["weekly", "reveal"])
def test_an_email_tells_nothing_of_private_members_and_hidden_opinions(user, other, choose, time_machine, mode):
    choose(mode)
    hermit, cleo = UserFactory(username="hermit", visibility="private"), UserFactory(username="cleo")
    hidden = WeekMovieFactory(week=WeekFactory(user=hermit, year=2026, week_number=7), movie__title="Hidden")
    running = WeekMovieFactory(week=WeekFactory(user=user, year=2026, week_number=7))
    old = WeekMovieFactory(week=WeekFactory(user=user), movie__title="Old")
    givers = {hidden: [user, hermit, cleo], running: [hermit, cleo], old: [hermit, other]}
    for pick, members in givers.items():
        for member in members:
            MovieOpinionFactory(user=member, movie_pick=pick)
    time_machine.move_to(SUNDAY, tick=False)

    assert run() == ["ada"]

    [message] = delivered()
    assert "- ben on Old: 7 of 10" in message.body
    assert not {name for name in ("hermit", "cleo", "Hidden") if name in message.body}


@pytest.mark.parametrize(("mode", "queries"), [("weekly", 7), ("reveal", 3)])
def test_the_number_of_queries_stays_the_same(user, choose, time_machine, mode, queries, django_assert_num_queries):
    choose(mode)
    for year, number in ((2026, 7), (2026, 7), (2025, 7)):
        week = WeekFactory(year=year, week_number=number)
        for kind, opinion in OPINIONS.items():
            on = {f"{kind}_pick": PICKS[kind](week=week)}
            opinion(**on), opinion(**on), opinion(user=user, **on)
    time_machine.move_to(SUNDAY, tick=False)

    with django_assert_num_queries(queries):
        notifications.send_due(stdout=io.StringIO())

    assert delivered()[0].body.count("\n- ") == 12


def test_the_setting_is_the_members_own(api, user, other):
    changed = api.patch(f"/api/users/{user.pk}", {"notifications": "weekly"})

    user.refresh_from_db()
    assert changed.json()["notifications"] == api.get("/api/auth/me").json()["notifications"] == "weekly"
    assert timezone.now() - user.told_until < timedelta(minutes=1)
    assert "notifications" not in client_of(other).get(f"/api/users/{user.pk}").json()
    assert_problem(api.patch(f"/api/users/{user.pk}", {"notifications": "daily"}), 422)


def test_one_click_unsubscribes_without_signing_in(user, other):
    User.objects.update(notifications="reveal")
    address, client = f"/unsubscribe/{user.unsubscribe_key}", Client(enforce_csrf_checks=True)

    page = client.get(address)
    assert page.status_code == 200
    assert not {name for name in ("ada", user.email) if name in page.content.decode()}
    assert client.post("/unsubscribe/00000000-0000-4000-8000-000000000000").status_code == 404
    assert User.objects.filter(notifications="reveal").count() == 2

    assert "Notifications are off" in client.post(address, {"List-Unsubscribe": "One-Click"}).content.decode()
    assert dict(User.objects.values_list("username", "notifications")) == {"ada": "off", "ben": "reveal"}
