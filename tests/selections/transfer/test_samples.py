import json
import re
from collections import Counter
from datetime import date

import pytest
from django.utils import timezone

from accounts.models import User
from catalog.models import Album, Movie
from integrations.values import mbid, partial_date
from selections.models import Week
from selections.transfer import samples
from tests.conftest import client_of

pytestmark = pytest.mark.django_db


def test_the_file_holds_facts_only():
    data = json.loads(samples.FILE.read_text(encoding="utf-8"))

    assert len(data["movies"]) >= 60
    assert len(data["albums"]) >= 60
    assert not any("overview" in movie or "poster_path" in movie for movie in data["movies"])
    for movie in data["movies"]:
        assert date.fromisoformat(movie["release_date"]).year >= 1900
        assert movie["tmdb_id"] < 9_000_000
    for album in data["albums"]:
        assert mbid(album["musicbrainz_id"])
        assert mbid(album["release_group_id"])
        assert partial_date(album["release_date"]) == album["release_date"]
        assert album["artist_credit"]


def test_two_people_with_a_year_of_weeks_up_to_today(now):
    passwords = samples.load()

    assert set(passwords) == {"ada", "ben"}
    assert not User.objects.filter(is_staff=True).exists()
    this_week = timezone.localdate().isocalendar()
    for person in User.objects.all():
        assert person.check_password(passwords[person.username])
        weeks = person.weeks.all()
        assert 40 <= len(weeks) <= 52
        assert weeks.filter(year=this_week.year, week_number=this_week.week).exists()
        assert not weeks.filter(created_at__gt=timezone.now()).exists()
    states = Counter(week.is_complete for week in Week.objects.for_list())
    assert states[True] > states[False] > 3


@pytest.mark.parametrize("day", ["2027-01-03", "2024-02-29"])
def test_on_any_day(time_machine, day):
    time_machine.move_to(f"{day}T00:00:30Z", tick=False)

    samples.load()

    assert Week.objects.newest_first(User.objects.first(), own_first=False).first().ends_on >= date.fromisoformat(day)


def test_every_list_has_something_to_show(now):
    samples.load()
    api = client_of(User.objects.get(username="ada"))

    assert api.get("/api/weeks").json()["total"] > 80
    assert api.get("/api/movies/selections").json()["total"] > 40
    assert api.get("/api/albums/selections").json()["total"] > 40
    assert Movie.objects.matching("matrix").exists()
    told = api.get("/api/opinions").json()
    assert told["total"] > 150
    assert {opinion["user"]["username"] for opinion in told["results"]} == {"ada", "ben"}


def test_rows_are_fetched_again_and_covers_are_the_archive_s(now):
    samples.load()

    assert all(work.is_due for work in (*Movie.objects.all(), *Album.objects.all()))
    album = Album.objects.filter(artist__contains=" & ").first()
    assert album.artist == "".join(part.name + part.join_phrase for part in album.artist_credit.all())
    for album in Album.objects.exclude(cover_art_url=""):
        assert re.fullmatch(r"https://coverartarchive\.org/release/[0-9a-f-]{36}/front-500", album.cover_art_url)
