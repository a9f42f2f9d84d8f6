"""Everything of a user as files, for us, for spreadsheets, and for Letterboxd."""

import csv
import gc
import io
import json
import re
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from django.db import connection

from catalog.spreadsheets import restore
from selections.models import Opinion, Week, WeekAlbum, WeekMovie
from selections.transfer import export
from selections.weeks import FIRST_YEAR
from tests.conftest import assert_problem, at_once
from tests.factories import (
    AlbumFactory,
    MovieFactory,
    MovieOpinionFactory,
    UserFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

from .exports import long_reviews, rows_of

pytestmark = pytest.mark.django_db
csv.field_size_limit(2_000_000)
ROOT = Path(__file__).resolve().parents[3]


def to_csv(*users):
    return rows_of("".join(export.to_csv(*users)))


def to_letterboxd(user):
    return [row for part in export.to_letterboxd(user) for row in rows_of(part)]


def history(user, years, weeks=50):
    """So many weeks of two movies and two albums a year, with an opinion on each."""
    works = 20
    movies, albums = MovieFactory.create_batch(works), AlbumFactory.create_batch(works)
    rows = Week.objects.bulk_create(
        Week(user=user, year=FIRST_YEAR + year, week_number=number, search_text="")
        for year in range(years)
        for number in range(1, weeks + 1)
    )
    for model, name, chosen in ((WeekMovie, "movie", movies), (WeekAlbum, "album", albums)):
        picks = model.objects.bulk_create(
            model(week=week, position=position, **{name: chosen[(2 * place + position) % works]})
            for place, week in enumerate(rows)
            for position in (1, 2)
        )
        Opinion.objects.bulk_create(
            Opinion(user=user, rating=7, review="A few words.", week=pick.week, **{f"{name}_pick": pick})
            for pick in picks
        )


def test_the_json_of_a_user(now, user, other):
    week = WeekFactory(user=user, year=2026, week_number=6, notes="Ünd", created_at=now, updated_at=now)
    movie = MovieFactory(tmdb_id=603, title="The Matrix")
    pick = WeekMovieFactory(week=week, movie=movie, position=2, added_at=now, rewatch=False)
    mine = MovieOpinionFactory(user=user, movie_pick=pick, created_at=now, updated_at=now)
    mine.earlier_ratings.create(rating=3, until_at=now)
    MovieOpinionFactory(user=other, movie_pick=pick, rating=1, review="No.", created_at=now, updated_at=now)

    text = "".join(export.to_json(user))

    data, at = json.loads(text), "2026-02-11T12:00:00Z"
    said = {"contains_spoilers": False, "created_at": at, "updated_at": at}
    assert data["user"] == {"username": "ada", "display_name": None, "time_zone": "UTC", "visibility": "members"}
    assert data["weeks"] == [
        {
            "year": 2026,
            "week_number": 6,
            "notes": "Ünd",
            "created_at": at,
            "updated_at": at,
            "movies": [
                {
                    "position": 2,
                    "added_at": at,
                    "rewatch": False,
                    "tmdb_id": 603,
                    "opinions": [
                        {"by": "ada", "own": True, "rating": 7, "review": None}
                        | said
                        | {"earlier_ratings": [{"rating": 3, "until_at": at}]},
                        {"by": "ben", "own": False, "rating": 1, "review": "No."} | said | {"earlier_ratings": []},
                    ],
                }
            ],
            "albums": [],
        }
    ]
    assert (data["exported_at"], data["opinions_given"]) == (at, [])
    assert data["catalog"]["movies"][0]["title"] == "The Matrix"
    assert text.count("\n") == 9  # a week and a work are a line each
    assert "Ünd" in text


def test_no_json_has_what_belongs_to_the_account(now, user):
    WeekFactory(user=user)

    text = "".join(export.to_json(user))

    assert user.email not in text
    assert not re.search(r'"(id|pk|password|date_joined|user_id|\w+_pick|movie_id)"', text)


def test_an_empty_history_makes_a_file(now, user):
    data = json.loads("".join(export.to_json(user)))

    assert (data["weeks"], data["opinions_given"], data["catalog"]) == ([], [], {"movies": [], "albums": []})
    assert len(to_csv(user)) == 0
    assert to_letterboxd(user) == []


def test_opinions_that_the_user_may_not_read_are_not_in_it(now, user, other):
    week = WeekFactory(user=user, year=2026, week_number=7)  # which is not over
    pick = WeekMovieFactory(week=week)
    MovieOpinionFactory(user=other, movie_pick=pick, review="Hidden.")
    hermit = UserFactory(username="hermit", visibility="private")
    old = WeekMovieFactory(week__user=user, week__year=2025)
    MovieOpinionFactory(user=hermit, movie_pick=old, review="Hidden.")
    MovieOpinionFactory(user=user, movie_pick__week__user=hermit, review="On what is gone.")

    for text in ("".join(export.to_json(user)), "".join(export.to_csv(user))):
        assert "Hidden" not in text
        assert "gone" not in text
        assert "hermit" not in text

    MovieOpinionFactory(user=user, movie_pick=pick)
    assert "Hidden" in "".join(export.to_json(user))


@pytest.mark.parametrize("make", [export.to_json, export.to_csv, export.to_letterboxd])
def test_queries_are_counted_by_the_year_not_by_the_week(now, user, make, django_assert_max_num_queries):
    history(user, years=3)

    with django_assert_max_num_queries(3 * 7 + 16):
        assert len("".join(make(user))) > 10_000


def most_memory(make, user):
    """The most bytes in use while a file is read, not counting what the garbage collector has yet to find."""
    gc.collect()
    gc.freeze()  # so that it looks at nothing else
    tracemalloc.start()
    try:
        for number, _ in enumerate(make(user)):
            if number % 10 == 0:
                gc.collect()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        gc.unfreeze()


def test_memory_does_not_grow_with_the_history(now, user, other):
    """Of six years no more is in memory than of two. The CSV is made of the same weeks."""
    history(user, years=6, weeks=8)
    history(other, years=2, weeks=8)
    most_memory(export.to_json, other)  # what is loaded once

    few, many = most_memory(export.to_json, other), most_memory(export.to_json, user)

    assert many < 1.3 * few


def test_no_transaction_and_no_query_is_open_between_two_pieces(now, user, transactional_db):
    history(user, years=2)
    pieces = export.to_json(user)
    first = list(islice(pieces, 10))

    assert not connection.in_atomic_block
    at_once(
        1, lambda number: len(Week.objects.filter(year=FIRST_YEAR + 1).delete())
    )  # no request waits for slow readers
    assert json.loads("".join([*first, *pieces]))["weeks"][-1]["year"] == FIRST_YEAR


def test_the_csv_of_a_user(now, user, other):
    week = WeekFactory(user=user, year=2026, week_number=6, notes="Two\r\nlines")
    movie = MovieFactory(tmdb_id=603, title="The Matrix", release_date=datetime(1999, 3, 31, tzinfo=UTC).date())
    pick = WeekMovieFactory(week=week, movie=movie, added_at=now, rewatch=True)
    MovieOpinionFactory(user=other, movie_pick=pick, rating=None, review="No.", contains_spoilers=True, created_at=now)
    MovieOpinionFactory(user=user, movie_pick=pick, rating=7, created_at=now)
    album = WeekAlbumFactory(week=week, album__release_date="1997-05", position=2, added_at=now).album
    WeekFactory(user=user, year=2026, week_number=5, notes="Nothing.")

    text = "".join(export.to_csv(user))

    columns = (
        "format_version,username,year,week_number,week_start,kind,position,tmdb_id,musicbrainz_id,release_group_id"
    )
    columns += ",title,artist,release_date,added_at,rating,review,contains_spoilers,opinion_by,opinion_at,week_notes"
    columns += ",rewatch"
    matrix = "1,ada,2026,6,2026-02-02,movie,1,603,,,The Matrix,,1999-03-31,2026-02-11T12:00:00Z"
    record = f"1,ada,2026,6,2026-02-02,album,2,,{album.musicbrainz_id},{album.release_group_id},{album.title},Somebody"
    assert text.removeprefix("\ufeff").replace('"Two\r\nlines"', "Two/lines").split("\r\n") == [
        columns,
        "1,ada,2026,5,2026-01-26,,,,,,,,,,,,,,,Nothing.,",
        f"{matrix},7,,false,ada,2026-02-11T12:00:00Z,Two/lines,true",
        f"{matrix},,No.,true,ben,2026-02-11T12:00:00Z,Two/lines,true",
        f"{record},1997-05,2026-02-11T12:00:00Z,,,,,,Two/lines,",
        "",
    ]
    assert text.startswith("\ufeff")


FORMULAS = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "\n=1", "\r\n=1", " =1", "\xa0=1", "\u200b+1", "\ufeff@x"]
FORMULAS += ["＝1", "＋1", "－1", "＠x", "\x0b=1", "\x1f=1", "\u2028=1", "'=1", "'\n=1", "' =1", "''+1"]


@pytest.mark.parametrize("cell", [*FORMULAS, "'quoted'", "plain", "a=1", " a", "’=1"])
def test_no_cell_is_a_formula_and_each_comes_back(now, user, cell):
    week = WeekFactory(user=user, notes=cell)
    pick = WeekMovieFactory(week=week, movie__title=cell)
    MovieOpinionFactory(user=user, movie_pick=pick, review=cell)

    row = to_csv(user)[0]

    for name in ("title", "review", "week_notes"):
        assert row[name] == (f"'{cell}" if cell in FORMULAS else cell)
        assert restore(row[name]) == cell


def test_the_csv_of_several_users_has_one_header(now, user, other):
    WeekFactory(user=user)
    WeekFactory(user=other)

    rows = to_csv(user, other)

    assert [row["username"] for row in rows] == ["ada", "ben"]


def test_a_diary_for_letterboxd(now, user, other):
    movie = MovieFactory(tmdb_id=603, title="=The Matrix, the", release_date=datetime(1999, 3, 31, tzinfo=UTC).date())
    old = WeekMovieFactory(week__user=user, week__year=2025, week__week_number=50, movie=movie)
    again = WeekMovieFactory(
        week__user=user, week__year=2026, week__week_number=6, movie=movie, added_at=now - timedelta(days=4)
    )
    MovieOpinionFactory(user=user, movie_pick=again, rating=9, review='"So" good,\nagain.')
    MovieOpinionFactory(user=other, movie_pick=again, rating=1, review="No.")
    WeekAlbumFactory(week=again.week)
    WeekMovieFactory(week__user=other, movie=movie)

    (text,) = export.to_letterboxd(user)

    assert old.added_at > now - timedelta(days=1)  # picked later for an earlier week
    matrix = '603,"\'=The Matrix, the",1999'
    assert text.split("\r\n") == [
        "tmdbID,Title,Year,Rating10,WatchedDate,Rewatch,Tags,Review",
        f'{matrix},,2025-12-14,,"wrong-opinions, 2025-W50",',
        f'{matrix},9,2026-02-07,Yes,"wrong-opinions, 2026-W06","""So"" good,\nagain."',
        "",
    ]


@pytest.mark.parametrize(("rewatch", "cells"), [(None, ["", "Yes"]), (False, ["", ""]), (True, ["Yes", "Yes"])])
def test_letterboxd_is_told_of_rewatches_as_the_user_says_else_by_earlier_picks(now, user, rewatch, cells):
    movie = MovieFactory()
    for week_number in (1, 2):
        WeekMovieFactory(week__user=user, week__year=2026, week__week_number=week_number, movie=movie, rewatch=rewatch)

    assert [row["Rewatch"] for row in to_letterboxd(user)] == cells


def test_nothing_was_watched_on_a_day_to_come(now, user):
    WeekMovieFactory(
        week__user=user, week__year=2026, week__week_number=7, added_at=now - timedelta(days=20)
    )  # picked in advance for this week
    WeekMovieFactory(week__user=user, week__year=2026, week__week_number=8)

    assert [row["WatchedDate"] for row in to_letterboxd(user)] == ["2026-02-11"]


@pytest.mark.parametrize(("zone", "day"), [("Pacific/Kiritimati", "2026-02-09"), ("America/Adak", "2026-02-15")])
def test_days_are_those_of_the_user_s_zone(time_machine, user, zone, day):
    time_machine.move_to(datetime(2026, 3, 1, tzinfo=UTC), tick=False)
    user.time_zone = zone
    user.save()
    late_on_sunday = datetime(2026, 2, 8, 23, tzinfo=UTC)
    WeekMovieFactory(week__user=user, week__year=2026, week__week_number=7, added_at=late_on_sunday)

    assert [row["WatchedDate"] for row in to_letterboxd(user)] == [day]


def test_files_for_letterboxd_stay_below_a_megabyte(now, user):
    long_reviews(user)

    parts = list(export.to_letterboxd(user))

    assert len(parts) == 2
    assert all(len(part.encode()) <= 1_000_000 for part in parts)
    assert all(part.startswith("tmdbID,Title,Year,Rating10,WatchedDate,Rewatch,Tags,Review\r\n") for part in parts)
    assert [len(row["Review"]) for row in to_letterboxd(user)] == [150_000] * 6


@pytest.mark.parametrize("sign", ["x", "ö", "😀", '"'])
def test_a_review_that_is_longer_than_a_file_may_be_is_cut(now, user, sign):
    long_reviews(user, count=1, sign=sign, length=1_200_000)

    (part,) = export.to_letterboxd(user)

    assert 400_000 < len(part.encode()) <= 1_000_000
    assert rows_of(part)[0]["Review"].strip(sign) == "…"


def content(response):
    assert response.status_code == 200
    assert response.streaming
    assert response.headers["Cache-Control"] == "no-store"
    return response.getvalue()


@pytest.mark.parametrize(
    ("query", "make", "content_type", "ending"),
    [
        ("", export.to_json, "application/json", ".json"),
        ("?format=csv", export.to_csv, "text/csv; charset=utf-8", ".csv"),
        ("?format=letterboxd", export.to_letterboxd, "text/csv; charset=utf-8", "-letterboxd.csv"),
    ],
)
def test_the_api_streams_a_file(now, user, api, query, make, content_type, ending):
    WeekMovieFactory(week__user=user)

    response = api.get(f"/api/export{query}")

    assert content(response).decode() == "".join(make(user))
    assert response.headers["Content-Type"] == content_type
    assert response.headers["Content-Disposition"] == f'attachment; filename="wrong-opinions-ada-2026-02-11{ending}"'


def test_the_api_zips_what_is_too_large_for_one_file(now, user, api):
    long_reviews(user)

    response = api.get("/api/export?format=letterboxd")

    with zipfile.ZipFile(io.BytesIO(content(response))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"wrong-opinions-ada-2026-02-11-letterboxd-{n}.csv" for n in (1, 2)]
        assert [archive.read(name).decode() for name in archive.namelist()] == list(export.to_letterboxd(user))
    assert response.headers["Content-Type"] == "application/zip"


@pytest.mark.parametrize("query", ["format=xml", "format=JSON"])
def test_an_unknown_format_is_a_422(api, query):
    assert_problem(api.get(f"/api/export?{query}"), 422, "Format must be json, csv or letterboxd.")


def test_a_client_that_leaves_in_the_middle_leaves_nothing_open(now, user, api):
    WeekFactory.create_batch(3, user=user)
    response = api.get("/api/export")
    next(iter(response))

    response.close()

    assert list(response.streaming_content) == []
