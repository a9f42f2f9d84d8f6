"""manage.py import_original: the SQLite file of the FastAPI version, as that created it."""

import io
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import bcrypt
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from catalog.models import Album, Movie, Person
from selections.models import Week, WeekAlbum, WeekMovie
from tests.accounts.conftest import login
from tests.conftest import assert_problem
from tests.factories import PASSWORD, MovieFactory, WeekFactory, WeekMovieFactory, make_user
from tests.payloads import RELEASE
from wrong_opinions import settings as production

pytestmark = pytest.mark.django_db
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
AT = "2025-01-06 19:30:00.123456"
SCHEMA = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY, username VARCHAR(50), email VARCHAR(255), hashed_password VARCHAR(255),
    created_at DATETIME, is_active BOOLEAN);
CREATE TABLE weeks (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), year INTEGER, week_number INTEGER,
    notes TEXT, created_at DATETIME, updated_at DATETIME);
CREATE TABLE movies (id INTEGER PRIMARY KEY, tmdb_id INTEGER, title VARCHAR(500), original_title VARCHAR(500),
    release_date DATE, poster_path VARCHAR(255), overview TEXT, cached_at DATETIME);
CREATE TABLE albums (id INTEGER PRIMARY KEY, musicbrainz_id VARCHAR(36), title VARCHAR(500), artist VARCHAR(500),
    release_date DATE, cover_art_url VARCHAR(500), cached_at DATETIME);
CREATE TABLE week_movies (id INTEGER PRIMARY KEY, week_id INTEGER, movie_id INTEGER, position INTEGER,
    added_at DATETIME);
CREATE TABLE week_albums (id INTEGER PRIMARY KEY, week_id INTEGER, album_id INTEGER, position INTEGER,
    added_at DATETIME);
CREATE TABLE persons (id INTEGER PRIMARY KEY, tmdb_id INTEGER, name VARCHAR(255));
"""
FILE = {
    "users": [
        (1, "Ada", "ada@example.org", HASH, AT, 1),
        (2, "ben", "ben@example.org", HASH, "2025-02-01T00:00:00+01:00", 0),
    ],
    "weeks": [
        (1, 1, 2025, 2, "A good one.", AT, "2025-01-12 23:00:00"),
        (2, 2, 2025, 2, None, AT, AT),
        (3, None, 2025, 3, "Shared.", AT, AT),
    ],
    "movies": [
        (1, 603, "The Matrix", "The Matrix", "1999-03-30", "/m.jpg", "Invented.", AT),
        (2, 604, "Reloaded", "Reloaded", "2003-05-15", "/r.jpg", "Invented.", AT),
        (3, 949, "Heat", "Heat", None, None, None, AT),
    ],
    "albums": [(1, RELEASE, "You Want It Darker", "Leonard Cohen", "2016-10-21", "http://evil.example/x", AT)],
    "week_movies": [(1, 1, 1, 2, AT), (2, 1, 2, 1, AT), (3, 2, 1, 1, AT), (4, 3, 3, 1, AT)],
    "week_albums": [(1, 1, 1, 1, AT)],
    "persons": [(1, 6384, "Keanu Reeves")],
}


@pytest.fixture
def file(tmp_path):
    """Writes a file with these rows instead of, or with `more_`, after those of FILE."""

    def write(schema=SCHEMA, **changes):
        path = tmp_path / "wrong opinions?.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(schema)
            for table, rows in FILE.items():
                for row in [*changes.get(table, rows), *changes.get(f"more_{table}", [])]:
                    connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
            connection.commit()
        return path

    return write


def run(path, *arguments, is_applied=True):
    """What the command says on both channels."""
    out = io.StringIO()
    arguments = [*arguments, "--apply"] if is_applied else arguments
    try:
        call_command("import_original", str(path), *arguments, stdout=out, stderr=out)
    except CommandError as error:
        return f"{out.getvalue()}CommandError {error.returncode}: {error}"
    return out.getvalue()


def everything():
    tables = (User, Week, WeekMovie, WeekAlbum, Movie, Album)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def picked(user):
    movies = WeekMovie.objects.filter(week__user=user).order_by("week__week_number", "position")
    return list(movies.values_list("week__week_number", "position", "movie__tmdb_id"))


def test_a_dry_run_says_what_would_happen(file):
    path = file()
    before = path.read_bytes()

    said = run(path, "--owner", "ada", is_applied=False)

    assert said.splitlines() == [
        "wrong opinions?.db: 2 users, 3 weeks.",
        "ada: new account. Weeks: 2 new, 0 existing, 0 skipped. Picks: 4 new, 0 existing, 0 skipped.",
        "ben: new account. Weeks: 1 new, 0 existing, 0 skipped. Picks: 1 new, 0 existing, 0 skipped.",
        "Nothing was changed: this was a dry run. Add --apply to import.",
    ]
    assert everything() == [[]] * 6
    assert path.read_bytes() == before


def test_users_weeks_and_picks_are_as_they_were(file):
    run(file(), "--owner", "ada")

    ada, ben = User.objects.order_by("username")
    joined_at = datetime(2025, 1, 6, 19, 30, 0, 123456, UTC)
    assert (ada.username, ada.email, ada.is_active, ada.date_joined) == ("ada", "ada@example.org", True, joined_at)
    assert (ben.is_active, ben.date_joined) == (False, datetime(2025, 1, 31, 23, tzinfo=UTC))
    assert (ada.is_staff, ada.is_superuser) == (False, False)
    week, shared = ada.weeks.order_by("week_number")
    assert (week.notes, week.created_at, week.updated_at.hour) == ("A good one.", joined_at, 23)
    assert shared.notes == "Shared."
    assert picked(ada) == [(2, 1, 604), (2, 2, 603), (3, 1, 949)]
    assert picked(ben) == [(2, 1, 603)]
    assert WeekMovie.objects.filter(added_at=joined_at).count() == 4
    assert str(WeekAlbum.objects.get().album.musicbrainz_id) == RELEASE


def test_they_sign_in_with_their_passwords(file, settings):
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    run(file())

    assert login("ada@example.org").status_code == 200
    assert_problem(login("ben"), 403)


def test_the_cached_works_shape_nothing_that_is_shared(file):
    known = MovieFactory(tmdb_id=949, title="Ours")

    run(file(), "--owner", "ada")

    assert Movie.objects.get(pk=known.pk).title == "Ours"
    for work in [*Movie.objects.exclude(pk=known.pk), *Album.objects.all()]:
        assert work.fetched_at is None
    assert set(Movie.objects.values_list("overview", "poster_path", "original_title")) == {("", "", "")}
    assert list(Album.objects.values_list("title", "artist", "cover_art_url", "release_date")) == [
        ("You Want It Darker", "Leonard Cohen", "", "")
    ]
    assert not Person.objects.exists()


def test_twice_is_harmless_also_after_they_signed_in(file, settings):
    settings.PASSWORD_HASHERS = production.PASSWORD_HASHERS
    path = file()
    run(path, "--owner", "ada")
    login("ada")
    User.objects.filter(username="ada").update(email="new@example.org")
    before = everything()

    said = run(path, "--owner", "ada")

    assert "ada: existing account. Weeks: 0 new, 2 existing, 0 skipped. Picks: 0 new, 4 existing, 0 skipped." in said
    assert everything() == before


def test_an_interrupted_import_leaves_nothing(file):
    def interrupt(execute, sql, *arguments):
        if sql.startswith('INSERT INTO "selections_weekalbum"'):
            raise KeyboardInterrupt
        return execute(sql, *arguments)

    with connection.execute_wrapper(interrupt):
        said = run(file())

    assert said.endswith("CommandError 130: Interrupted. Nothing was changed.")
    assert everything() == [[]] * 6


def test_no_account_is_taken_over(file):
    ada = make_user(username="ada", email="ada@example.org")
    before = everything()

    said = run(file())

    assert "ada: not imported.\n  There is another account with this name" in said
    assert "add --same ada if both belong to the same person.\n  Weeks that were left out with the account: 1." in said
    assert "ben: new account." in said
    assert said.endswith("CommandError 1: 1 user could not be imported; the others are not affected.")
    assert everything()[0][0] == before[0][0]
    assert not ada.weeks.exists()


def test_the_operator_may_say_that_it_is_the_same_person(file):
    ada = make_user(username="ada", email="else@example.org")
    known = WeekMovieFactory(week=WeekFactory(user=ada, year=2025, week_number=2, notes="Mine."), position=2)

    said = run(file(), "--same", "Ada")

    stored = User.objects.get(username="ada")
    assert (stored.email, stored.password, stored.date_joined) == (ada.email, ada.password, ada.date_joined)
    assert picked(ada) == [(2, 1, 604), (2, 2, known.movie.tmdb_id)]
    assert Week.objects.get(user=ada).notes == "Mine."
    assert "2025-W02: both positions are occupied, so The Matrix was skipped." in said


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((3, "BEN", "x@example.org", HASH, AT, 1), "There is another account with this name"),
        ((3, "cleo", "Ben@example.org", HASH, AT, 1), "Email already registered"),
        ((3, "cl", "x@example.org", HASH, AT, 1), "username: "),
        ((3, "all", "x@example.org", HASH, AT, 1), "username: This name is reserved."),
        ((3, "cleo o'hara", "x@example.org", HASH, AT, 1), "username: Use only letters, digits, _ and -."),
        ((3, None, "x@example.org", HASH, AT, 1), "username: "),
        ((3, "cleo", None, HASH, AT, 1), "email: "),
        ((3, "cleo", "nowhere", HASH, AT, 1), "email: Enter a valid email address."),
    ],
)
def test_a_user_who_cannot_have_an_account_is_named(file, row, reason):
    said = run(file(more_users=[row], more_weeks=[(9, 3, 2025, 9, "", AT, AT)]), "--owner", "ada")

    assert ": not imported." in said
    assert reason in said
    assert "Weeks that were left out with the account: 1." in said
    assert User.objects.count() == 2


@pytest.mark.parametrize(
    "password",
    ["", None, "secret", "$2b$12$short", HASH.replace("$04$", "$31$"), "$argon2id$v=19$x"],
    ids=["empty", "none", "plain", "short", "dear", "argon2"],  # a random salt would be another in each process
)
def test_a_password_that_cannot_be_read_is_named(file, password):
    said = run(file(users=[(1, "ada", "ada@example.org", password, AT, 1)]))

    assert "  The password cannot be read. Set one with manage.py changepassword ada." in said
    assert not User.objects.get().has_usable_password()


def test_weeks_without_an_owner_wait_for_a_name(file):
    assert "Weeks without an owner: 1. Name the account that gets them with --owner." in run(file())
    assert not Week.objects.filter(week_number=3).exists()
    run(file(), "--owner", "Ben@example.org")
    assert Week.objects.get(week_number=3).user.username == "ben"


def test_they_may_go_to_an_account_that_is_not_in_the_file(file):
    make_user(username="cleo")

    said = run(file(), "--owner", "cleo")

    assert "cleo: existing account. Weeks: 1 new" in said
    assert Week.objects.get(week_number=3).user.username == "cleo"


def test_an_unknown_owner_changes_nothing(file):
    said = run(file(), "--owner", "nobody")

    assert said.endswith("There is no account called nobody, on this site or in the file.")
    assert everything() == [[]] * 6


def test_weeks_of_all_in_one_table_without_users(file):
    schema = SCHEMA.replace("user_id INTEGER REFERENCES users (id), ", "")
    schema += "CREATE UNIQUE INDEX once_for_all ON weeks (year, week_number);"
    weeks = [(1, 2025, 2, "One.", AT, AT), (3, 2025, 3, None, AT, AT)]

    run(file(schema, weeks=weeks), "--owner", "ada")

    ada = User.objects.get(username="ada")
    assert list(ada.weeks.order_by("week_number").values_list("week_number", "notes")) == [(2, "One."), (3, "")]
    assert picked(ada) == [(2, 1, 604), (2, 2, 603), (3, 1, 949)]


def test_an_own_week_and_one_without_an_owner_become_one(file):
    weeks = [(1, 1, 2025, 2, "Mine.", AT, AT), (3, None, 2025, 2, "Shared.", AT, AT), (4, 77, 2025, 2, "Mine.", AT, AT)]

    said = run(file(weeks=weeks), "--owner", "ada")

    assert Week.objects.get().notes == "Mine.\n\nShared."
    assert "2025-W02: Heat was left out: both positions are occupied." in said


@pytest.mark.parametrize(
    ("rows", "sentence", "expected"),
    [
        (
            {"week_movies": [(1, 1, 1, 1, AT), (2, 1, 2, 1, AT)]},
            "2025-W02: Reloaded is moved to position 2, as 1 is occupied or does not exist.",
            [(2, 1, 603), (2, 2, 604)],
        ),
        (
            {"week_movies": [(1, 1, 1, 1, AT), (2, 1, 2, 1, AT), (3, 1, 3, 2, AT)]},
            "2025-W02: Reloaded was left out: both positions are occupied.",
            [(2, 1, 603), (2, 2, 949)],
        ),
        (
            {"week_movies": [(1, 1, 1, 0, AT), (2, 1, 2, None, AT)]},
            "2025-W02: Reloaded is moved to position 2, as None is occupied or does not exist.",
            [(2, 1, 603), (2, 2, 604)],
        ),
        (
            {"week_movies": [(1, 1, 1, 1, AT), (2, 1, 1, 2, AT)]},
            "2025-W02: The Matrix was listed twice.",
            [(2, 1, 603)],
        ),
        (
            {"week_movies": [(1, 1, 99, 1, AT), (2, 1, 2, 2, AT)]},
            "2025-W02: A movie was left out, as the file has no TMDB id for it.",
            [(2, 2, 604)],
        ),
        (
            {"movies": [(1, -1, "x", *[None] * 5), (2, 604, None, *[None] * 5)], "week_movies": [(1, 1, 1, 1, AT)]},
            "2025-W02: A movie was left out, as the file has no TMDB id for it.",
            [],
        ),
        (
            {"albums": [(1, "darker", "x", *[None] * 4)], "week_movies": []},
            "2025-W02: An album was left out, as the file has no MusicBrainz release id for it.",
            [],
        ),
        (
            {"week_movies": [(1, 1, 1, 1, "yesterday")]},
            "2025-W02: added_at is not a time, so that of the import is used.",
            [(2, 1, 603)],
        ),
        (
            {"weeks": [(1, 1, 2025, 53, None, AT, AT), (5, 1, 2025, 2, "x" * 10_001, AT, None)], "week_movies": []},
            "Week 1 was left out: there is no week 53 in 2025.",
            [],
        ),
        (
            {"weeks": [(1, 1, None, "x", None, AT, AT), (5, 1, 2025, 2, "x" * 10_001, AT, None)], "week_movies": []},
            "2025-W02: The notes were cut after 10,000 characters.",
            [],
        ),
    ],
)
def test_damaged_rows_are_named_and_the_rest_is_imported(file, rows, sentence, expected):
    said = run(file(**rows))

    ada = User.objects.get(username="ada")
    assert f"  {sentence}\n" in said
    assert picked(ada) == expected
    assert ada.weeks.count() == 1
    assert "CommandError" not in said


def test_texts_that_no_database_takes(file):
    path = file(weeks=[(1, 1, 2025, 2, "a\0b", AT, AT)], week_movies=[], week_albums=[])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE weeks SET notes = CAST(x'61FF62' AS TEXT) WHERE id = 1")
        connection.commit()

    run(path)

    assert Week.objects.get().notes == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("schema", ["DROP TABLE week_albums", "ALTER TABLE users DROP COLUMN hashed_password"])
def test_another_database_is_refused(file, schema):
    path = file()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(schema)

    assert "This is not a database of the FastAPI version" in run(path)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0 and no more"])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "x.db"
    path.write_bytes(content)

    assert f"{path} cannot be read as an SQLite database: file is not a database." in run(path)
    assert f"{tmp_path} is not a file." in run(tmp_path)


def test_a_user_with_too_many_weeks_is_named(file, monkeypatch):
    monkeypatch.setattr("selections.services.MAX_WEEKS", 1)
    weeks = [(number, 1, 2025, number, None, AT, AT) for number in (1, 2)]

    said = run(file(weeks=weeks))

    assert "  No week was imported. That makes 2 weeks, and an account can have 1. Delete some weeks first." in said
