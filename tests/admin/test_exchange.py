"""Lists of the admin as files, out and back."""

import contextlib
import csv
import io
import json
import random
import re
from html import unescape
from uuid import UUID

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection
from django.db.models import ProtectedError
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from catalog import exchange
from catalog.merging import merge
from catalog.models import Album, Movie
from selections.models import Week, WeekAlbum, WeekMovie
from tests.admin.test_curators import make_curators
from tests.conftest import at_once
from tests.factories import AlbumFactory, MovieFactory, UserFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

LISTS = ["catalog_movie", "catalog_album", "selections_week"]
HEADER = "username,week,kind,position,tmdb_id,musicbrainz_id,added_at,notes\r\n"


@pytest.fixture
def admin(db):
    staff = User.objects.create_superuser("admin", "admin@example.org", "a-password")
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def staff_with(db):
    """A client of staff with these permissions and no others."""

    def make(*codes):
        staff = UserFactory(is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__in=codes))
        client = Client()
        client.force_login(staff)
        return client

    return make


def address(of, page):
    return reverse(f"admin:{of}_{page}")


def export(client, of, ending="csv", query=""):
    response = client.post(address(of, "export") + query, {"format": "0" if ending == "csv" else "1"})
    assert response.status_code == 200
    assert response["Content-Disposition"].endswith(f'.{ending}"')
    return response.content


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def look(client, of, data, name="table.csv"):
    """The page that tells what a file would do."""
    content = data if isinstance(data, bytes) else data.encode()
    form = {"csrfmiddlewaretoken": "as browsers send", "import_file": SimpleUploadedFile(name, content)}
    response = client.post(address(of, "import"), form)
    assert response.status_code == 200
    return response


def carried(response):
    found = re.search(r'name="import_file_name" value="([^"]+)"', response.content.decode())
    return unescape(found[1]) if found else None


def confirm(client, of, response):
    return client.post(address(of, "process_import"), {"import_file_name": carried(response)}, follow=True)


def sentences(response):
    """What keeps rows from being imported, by the number of the row."""
    return {row["number"]: row["words"] for row in response.context["looked"]["refused"]}


def happens(response):
    looked = response.context["looked"]
    assert looked["refused"] == []
    return [word for row in looked["changes"] for word in row["words"]]


def counting():
    return CaptureQueriesContext(connection)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def file_error(response):
    (sentence,) = response.context["form"].errors["import_file"]
    assert "looked" not in response.context
    assert carried(response) is None
    return sentence


def stored():
    """All of it, to see whether anything moved."""
    return {model: list(model.objects.order_by("pk").values()) for model in (Movie, Album, Week, WeekMovie, WeekAlbum)}


# What goes out


def test_movies_go_out_with_what_was_fetched_and_what_a_curator_wrote(admin):
    MovieFactory(
        tmdb_id=603, title="The Matrix", release_date="1999-03-31", genres=["Action", "Drama"], own_title="Matrix"
    )

    (row,) = rows_of(export(admin, "catalog_movie"))

    assert row | {"fetched_at": ""} == {
        "tmdb_id": "603",
        "imdb_id": row["imdb_id"],
        "title": "The Matrix",
        "original_title": row["original_title"],
        "original_language": row["original_language"],
        "release_date": "1999-03-31",
        "runtime": row["runtime"],
        "genres": "Action, Drama",
        "status": row["status"],
        "own_title": "Matrix",
        "own_cover": "",
        "note": "",
        "fetched_at": "",
    }


def test_albums_go_out_with_their_artists_as_they_are_credited(admin):
    album = AlbumFactory(artist="Simon & Garfunkel", title="Bookends")

    (row,) = json.loads(export(admin, "catalog_album", "json"))

    assert (row["musicbrainz_id"], row["artist"], row["title"]) == (
        str(album.musicbrainz_id),
        "Simon & Garfunkel",
        "Bookends",
    )


def test_weeks_go_out_with_a_row_for_each_pick(admin):
    week = WeekFactory(user=UserFactory(username="cleo"), year=2026, week_number=7, notes="Snow")
    movie = WeekMovieFactory(week=week, position=2, movie__title="Dune", movie__tmdb_id=841, movie__release_date=None)
    album = WeekAlbumFactory(week=week, position=1, album__title="Blue", album__artist="Joni Mitchell")
    WeekFactory(user=week.user, year=2026, week_number=6)

    rows = rows_of(export(admin, "selections_week"))

    assert [list(row.values()) for row in rows] == [
        ["cleo", "2026-W07", "movie", "2", "841", "", "Dune", movie.added_at.isoformat(), "Snow"],
        [
            *("cleo", "2026-W07", "album", "1", "", str(album.album.musicbrainz_id), "Joni Mitchell: Blue"),
            *(album.added_at.isoformat(), "Snow"),
        ],
        ["cleo", "2026-W06", "", "", "", "", "", "", ""],
    ]


def test_what_is_searched_and_filtered_goes_out(admin):
    MovieFactory(title="Dune")
    MovieFactory(title="Alien")

    found = rows_of(export(admin, "catalog_movie", query="?q=dune"))
    nonsense = admin.get(address("catalog_movie", "export") + "?genre__nonsense=1")
    page = admin.get(address("catalog_movie", "changelist") + "?q=dune")

    assert [row["title"] for row in found] == ["Dune"]
    assert nonsense.status_code == 302
    assert f'{address("catalog_movie", "export")}?q=dune"' in page.content.decode()


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\r\n=1", " =1", "＝1", "'=1", "''=1"]
)
def test_formulas_are_harmless_in_a_spreadsheet_and_themselves_again_here(admin, formula):
    MovieFactory(note=formula, title="=cmd|' /C calc'!A0")
    before = stored()

    data = export(admin, "catalog_movie")
    (row,) = rows_of(data)
    page = look(admin, "catalog_movie", data)

    assert (row["note"], row["title"]) == ("'" + formula, "'=cmd|' /C calc'!A0")
    assert (happens(page), page.context["looked"]["unchanged_count"]) == ([], 1)
    assert stored() == before


def test_a_formula_in_json_is_just_text(admin):
    movie = MovieFactory(note="=1+1")

    (row,) = json.loads(export(admin, "catalog_movie", "json"))
    confirm(
        admin, "catalog_movie", look(admin, "catalog_movie", json.dumps([{"tmdb_id": movie.tmdb_id, "note": "'=2"}]))
    )

    assert row["note"] == "=1+1"
    assert Movie.objects.get().note == "'=2"


@pytest.mark.parametrize("of", LISTS)
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_what_went_out_changes_nothing_when_it_comes_back(admin, of, ending):
    week = WeekFactory(notes='=Two\r\nlines, "and" quotes ')
    WeekMovieFactory(week=week, position=2, movie__own_title="Own; title", movie__note="Lines\r\nand\nmore\n")
    WeekAlbumFactory(week=week, position=1, album__own_cover="https://coverartarchive.org/release/x/1.jpg")
    WeekFactory(user=week.user, year=2020, week_number=53, notes=" ")
    before = stored()

    page = look(admin, of, export(admin, of, ending), f"table.{ending}")

    assert happens(page) == []
    assert page.context["looked"]["unchanged_count"] == {"catalog_movie": 1, "catalog_album": 1}.get(of, 3)
    assert page.content.decode().count("<p>No change</p>") == page.context["looked"]["unchanged_count"]
    assert carried(page) is None  # there is nothing to confirm
    assert stored() == before


@pytest.mark.parametrize("of", LISTS)
def test_an_export_costs_the_same_queries_whatever_its_length(admin, of, django_assert_num_queries):
    def fill(count):
        for _ in range(count):
            pick = WeekMovieFactory(week__user=UserFactory())
            WeekAlbumFactory(week=pick.week)

    fill(2)
    with counting() as few:
        export(admin, of)
    fill(50)
    with django_assert_num_queries(len(few)):
        export(admin, of)


# What comes back to the catalog


def test_a_curators_words_come_back_after_a_look_at_them(admin):
    movie = MovieFactory(tmdb_id=603, title="The Matrix", own_title="Old", note="Stays")
    staff = User.objects.get(username="admin")
    table = "TMDB_ID;own_title;own_cover;title\r\n603;Matrix;https://image.tmdb.org/t/p/w500/abc.jpg;Mine\r\n"

    page = look(admin, "catalog_movie", table)
    looked_at = Movie.objects.get()
    done = confirm(admin, "catalog_movie", page)

    assert happens(page) == ["Change"]
    assert "<del>Old</del> <ins>Matrix</ins>" in page.content.decode()
    assert looked_at.own_title == "Old"
    movie.refresh_from_db()
    assert (movie.title, movie.own_title, movie.own_cover, movie.note) == ("The Matrix", "Matrix", "/abc.jpg", "Stays")
    assert Movie.objects.matching("matrix").get() == movie
    assert messages_of(done) == ["Imported: 1 changed."]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.action_flag) == (staff, str(movie.pk), CHANGE)
    assert entry.change_message == "Imported from a file."


def test_an_empty_cell_empties_and_a_missing_column_does_not(admin):
    album = AlbumFactory(own_title="Old", note="Stays")

    confirm(
        admin, "catalog_album", look(admin, "catalog_album", f"musicbrainz_id,own_title\n{album.musicbrainz_id},\n")
    )

    album.refresh_from_db()
    assert (album.own_title, album.note) == ("", "Stays")


def test_what_was_fetched_cannot_be_imported_over(admin):
    movie = MovieFactory(title="The Matrix")

    page = look(admin, "catalog_movie", f"tmdb_id,title,runtime,note\n{movie.tmdb_id},Mine,1,\n")

    assert happens(page) == []
    assert page.context["looked"]["unchanged_count"] == 1


def test_rows_of_the_catalog_that_cannot_be_imported_say_why(admin):
    MovieFactory(tmdb_id=603)
    before = stored()
    rows = [(999, "", ""), ("x", "", ""), (603, "Good", ""), (603, "", "Twice"), ("", "a", "")]
    table = "tmdb_id,own_title,note,own_cover\n" + "".join(f"{a},{b},{c},\n" for a, b, c in rows)

    page = look(admin, "catalog_movie", table)

    assert sentences(page) == {
        "2": ["999 is not in the catalog: add it first by searching TMDB."],
        "3": ["Write an id of TMDB in tmdb_id: “x” is none."],
        "5": ["This is in row 4 already: keep one of the two."],
        "6": ["Write an id of TMDB in tmdb_id: “” is none."],
    }
    assert carried(page) is None
    assert stored() == before


def test_a_picture_from_elsewhere_is_refused(admin):
    movie, album = MovieFactory(), AlbumFactory()

    poster = look(admin, "catalog_movie", f"tmdb_id,own_cover\n{movie.tmdb_id},https://example.org/a.jpg\n")
    cover = look(admin, "catalog_album", f"musicbrainz_id,own_cover\n{album.musicbrainz_id},javascript:x\n")
    long = look(admin, "catalog_movie", f"tmdb_id,own_title\n{movie.tmdb_id},{'x' * 501}\n")

    assert "image.tmdb.org" in sentences(poster)["2"][0]
    assert "coverartarchive.org" in sentences(cover)["2"][0]
    assert "500 characters" in sentences(long)["2"][0]


@pytest.mark.parametrize(
    ("title", "sentence"),
    [("\u200b", "Nobody could see this title"), ("Two\nlines", "Use one line"), ("\u202etxet", "Use one line")],
)
def test_a_title_that_nobody_could_read_is_refused(admin, title, sentence):
    movie = MovieFactory()

    page = look(admin, "catalog_movie", f'tmdb_id,own_title\n{movie.tmdb_id},"{title}"\n')

    assert sentence in sentences(page)["2"][0]
    assert carried(page) is None


def test_a_merged_id_means_the_one_that_was_kept(admin):
    kept, other = MovieFactory(tmdb_id=1), MovieFactory(tmdb_id=2)
    merge(kept, [other])

    confirm(admin, "catalog_movie", look(admin, "catalog_movie", "tmdb_id,note\n2,Found\n"))

    assert Movie.objects.get().note == "Found"


def test_html_and_formulas_are_text_in_a_preview(admin):
    movie = MovieFactory(title="<script>alert(1)</script>", note="<b>old</b>")

    page = look(admin, "catalog_movie", f"tmdb_id,note\n{movie.tmdb_id},<img src=x onerror=alert(2)>\n")
    refused = look(admin, "catalog_movie", "tmdb_id,note\n<script>alert(3)</script>,x\n")
    named = look(admin, "catalog_movie", "<script>alert(4)</script>,x\n1,2\n")

    for response in (page, refused, named):
        assert not re.search(r"<(script|img)[^>]*>?alert|<img src=x|<b>old", response.content.decode())
        assert "style=" not in response.content.decode()


# What comes back to weeks


def pick_row(user, week, work, position, **cells):
    kind = "movie" if isinstance(work, Movie) else "album"
    ids = [work.tmdb_id, ""] if kind == "movie" else ["", work.musicbrainz_id]
    row = [user.username, week, kind, position, *ids, cells.get("added_at", ""), cells.get("notes", "")]
    return ",".join(str(cell) for cell in row) + "\r\n"


def test_missing_weeks_and_picks_are_made(admin):
    cleo, dora = UserFactory(username="cleo"), UserFactory(username="dora")
    movie, album = MovieFactory(), AlbumFactory()
    there = WeekFactory(user=dora, year=2026, week_number=7)
    before = there.updated_at
    table = HEADER + pick_row(cleo, "2020-W53", movie, 2, added_at="2020-12-31T20:15:00Z", notes="Snow")
    table += pick_row(cleo, "2020-W53", album, 1) + pick_row(dora, "2026-W07", movie, 1, notes="Rain")
    table += "CLEO,2021-w01,,,,,,Just notes\r\n"

    page = look(admin, "selections_week", table)
    untouched = (Week.objects.count(), WeekMovie.objects.count())
    done = confirm(admin, "selections_week", page)

    assert happens(page) == ["New week and pick and notes", "New pick", "New pick and notes", "New week and notes"]
    assert untouched == (1, 0)
    assert messages_of(done) == ["Imported: 4 new."]
    made = Week.objects.get(user=cleo, year=2020)
    assert (made.week_number, made.notes, made.movie_picks.get().position) == (53, "Snow", 2)
    assert made.movie_picks.get().added_at.isoformat() == "2020-12-31T20:15:00+00:00"
    assert made.album_picks.get().album == album
    assert Week.objects.mentioning("snow").get() == made
    there.refresh_from_db()
    assert (there.notes, there.movie_picks.get().movie) == ("Rain", movie)
    assert there.updated_at > before
    assert Week.objects.get(user=cleo, year=2021).notes == "Just notes"
    entries = LogEntry.objects.order_by("object_repr").values_list("object_repr", "action_flag", "change_message")
    assert list(entries) == [
        ("2020-W53 of cleo", ADDITION, "Imported from a file."),
        ("2021-W01 of cleo", ADDITION, "Imported from a file."),
        ("2026-W07 of dora", CHANGE, "Picks imported from a file."),
    ]


def test_what_is_there_is_never_overwritten(admin, user):
    week = WeekFactory(user=user, year=2026, week_number=7, notes="Mine")
    pick = WeekMovieFactory(week=week, position=1)
    before = stored()
    row = pick_row(user, "2026-W07", pick.movie, 1, added_at="2020-01-01T00:00:00Z", notes="Others")

    page = look(admin, "selections_week", HEADER + row)

    assert happens(page) == []
    assert stored() == before


def test_rows_of_weeks_that_cannot_be_imported_say_why(admin, user):
    week = WeekFactory(user=user, year=2026, week_number=7)
    dune = WeekMovieFactory(week=week, position=1, movie__title="Dune", movie__release_date=None).movie
    other, album = MovieFactory(title="Alien", release_date=None), AlbumFactory()
    group = f"https://musicbrainz.org/release-group/{album.musicbrainz_id}"
    name = user.username
    rows = [
        ("nobody,2026-W07,movie,2,603,,,", "Nobody here is called “nobody”"),
        (f"{name},2025-W53,movie,2,{other.tmdb_id},,,", "Write the ISO week as 2026-W07: “2025-W53” is none."),
        (f"{name},2026-W07,movie,1,{other.tmdb_id},,,", "Position 1 is taken by Dune, which is there and stays"),
        (f"{name},2026-W07,movie,2,{dune.tmdb_id},,,", "Dune is in this week already, at position 1."),
        (f"{name},2026-W08,movie,2,999999,,,", "999999 is not in the catalog: add it first by searching TMDB."),
        (f"{name},2026-W08,album,2,,{UUID(int=5)},,", "is not in the catalog: add it first by searching MusicBrainz."),
        (f"{name},2026-W08,album,2,,{group},,", "Write an id of MusicBrainz in musicbrainz_id"),
        (f"{name},2026-W08,movie,3,{other.tmdb_id},,,", "“3” is no position: write 1 or 2"),
        (f"{name},2026-W08,movie,,{other.tmdb_id},,,", "Write 1 or 2 as the position."),
        (f"{name},2026-W08,book,1,{other.tmdb_id},,,", "The kind is movie or album: “book” is neither."),
        (f"{name},2026-W08,,1,,,,", "Write movie or album in kind"),
        (f"{name},2026-W08,movie,1,{other.tmdb_id},,yesterday,", "Write the time as"),
        (f"{name},2026-W09,movie,1,{other.tmdb_id},,,One", ""),
        (f"{name},2026-W09,movie,1,{dune.tmdb_id},,,", "Position 1 is taken by Alien, which is in row 14"),
        (f"{name},2026-W09,,,,,,Two", "Row 14 has other notes for this week"),
        (f"{name},2026-W10,,,,,,{'x' * 10_001}", "has 10,001 characters: shorten it"),
        (f"{name},{'9' * 5000}-W10,,,,,,", "Write the ISO week"),
    ]
    before = stored()

    page = look(admin, "selections_week", HEADER + "".join(row + "\r\n" for row, _ in rows))

    said = sentences(page)
    for number, (_, sentence) in enumerate(rows, start=2):
        assert sentence in said.pop(str(number), [""])[0]
    assert said == {}
    assert carried(page) is None
    assert stored() == before


def test_a_row_that_says_the_same_again_is_no_change(admin, user):
    movie = MovieFactory()

    page = look(admin, "selections_week", HEADER + pick_row(user, "2026-W07", movie, 1) * 2)
    confirm(admin, "selections_week", page)

    assert (happens(page), page.context["looked"]["unchanged_count"]) == (["New week and pick"], 1)
    assert WeekMovie.objects.count() == 1


def test_nothing_is_picked_in_the_future(admin, user):
    row = pick_row(user, "2026-W07", MovieFactory(), 1, added_at="2090-01-01T00:00:00Z")
    confirm(admin, "selections_week", look(admin, "selections_week", HEADER + row))

    assert WeekMovie.objects.get().added_at <= timezone.now()


def test_what_changed_since_the_preview_keeps_all_of_it_out(admin, user):
    movie = MovieFactory()
    table = HEADER + pick_row(user, "2026-W08", movie, 1) + pick_row(user, "2026-W07", movie, 1)
    page = look(admin, "selections_week", table)
    taken = WeekMovieFactory(week__user=user, week__year=2026, week__week_number=7, position=1, movie__title="Dune")
    before = stored()

    done = confirm(admin, "selections_week", page)

    (sentence,) = messages_of(done)
    assert sentence.startswith(f"Row 3: Position 1 is taken by {taken.movie}, which is there and stays")
    assert done.redirect_chain[0][0] == address("selections_week", "import")
    assert stored() == before
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            IntegrityError("somebody else"),
            "Somebody else has just changed the same, so nothing was imported: choose the file again.",
        ),
        (
            User.DoesNotExist(),
            "Somebody else has just changed the same, so nothing was imported: choose the file again.",
        ),
        (OperationalError("database is locked"), "The database is busy; try again in a moment."),
    ],
)
def test_who_is_faster_meanwhile_wins_and_nothing_is_half_done(admin, user, monkeypatch, error, sentence):
    movie = MovieFactory()
    page = look(admin, "selections_week", HEADER + pick_row(user, "2026-W08", movie, 1))

    def faster(*arguments, **options):
        raise error

    monkeypatch.setattr(type(WeekMovie.objects), "bulk_create", faster)
    done = confirm(admin, "selections_week", page)

    assert messages_of(done) == [sentence]
    assert not Week.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_simultaneous_imports_one_makes_each_pick():
    staff = User.objects.create_superuser("admin", "admin@example.org", "a-password")
    people, movies = UserFactory.create_batch(2), MovieFactory.create_batch(4)

    def client():
        new = Client()
        new.force_login(staff)
        return new

    tables = [
        HEADER + "".join(pick_row(person, f"2026-W0{n}", movie, 1) for person in order for n in range(1, 6))
        for movie, order in zip(movies, (people, people[::-1]) * 2, strict=True)
    ]
    previews = [look(client(), "selections_week", table) for table in tables]
    clients = [client() for _ in tables]

    def act(number):
        page = confirm(clients[number], "selections_week", previews[number])
        # Contexts are caught from all threads: the page is this one's.
        return re.search(r'<li class="(?:success|error)">(\w+)', page.content.decode())[1]

    assert at_once(4, act) == ["Imported", "Row", "Row", "Row"]
    assert set(WeekMovie.objects.values_list("movie").distinct()) < {(movie.pk,) for movie in movies}
    assert WeekMovie.objects.count() == Week.objects.count() == 10


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", ["week", "movie"])
def test_what_is_deleted_while_it_is_imported(meanwhile):
    staff = User.objects.create_superuser("admin", "admin@example.org", "a-password")
    for _ in range(5):
        week, movie = WeekFactory(year=2026, week_number=7), MovieFactory()
        client = Client()
        client.force_login(staff)
        page = look(client, "selections_week", HEADER + pick_row(week.user, "2026-W07", movie, 1))

        def act(number, page=page, client=client, gone=week if meanwhile == "week" else movie):
            if number == 0:
                return confirm(client, "selections_week", page).status_code
            with contextlib.suppress(ProtectedError, IntegrityError):
                type(gone)._default_manager.get(pk=gone.pk).delete()
            return 0

        assert at_once(2, act) == [0, 200]
        assert WeekMovie.objects.filter(movie=None).count() == 0


def test_confirming_twice_changes_nothing_more(admin, user):
    page = look(admin, "selections_week", HEADER + pick_row(user, "2026-W08", MovieFactory(), 1))

    confirm(admin, "selections_week", page)
    before = stored()
    again = confirm(admin, "selections_week", page)

    assert messages_of(again) == ["Imported: 1 without changes."]
    assert stored() == before
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize("of", LISTS)
def test_a_preview_and_an_import_cost_few_queries(admin, of, user):
    def table(count):
        movies, albums = MovieFactory.create_batch(count), AlbumFactory.create_batch(count)
        if of == "catalog_movie":
            return "tmdb_id,note\n" + "".join(f"{movie.tmdb_id},New\n" for movie in movies)
        if of == "catalog_album":
            return "musicbrainz_id,note\n" + "".join(f"{album.musicbrainz_id},New\n" for album in albums)
        rows = zip(movies, albums, strict=True)
        return HEADER + "".join(
            pick_row(user, f"{2000 + count}-W{n:02}", movie, 1) + pick_row(user, f"{2000 + count}-W{n:02}", album, 1)
            for n, (movie, album) in enumerate(rows, start=1)
        )

    small_table, large_table = table(2), table(50)
    admin.get(address(of, "import"))  # what pages remember for some seconds
    with counting() as few:
        small = look(admin, of, small_table)
    with counting() as many:
        large = look(admin, of, large_table)
    with counting() as small_import:
        confirm(admin, of, small)
    with counting() as large_import:
        confirm(admin, of, large)

    assert len(many) == len(few)
    assert happens(large)
    updates = 0 if of == "selections_week" else 48  # one for each work; picks are written together
    assert len(large_import) <= len(small_import) + updates


# Files that are none


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\0\x01\x02binary", "binary file: save it as CSV"),
        (b"PK\x03\x04spreadsheet", "binary file: save it as CSV"),
        (b"tmdb_id,note\n1,caf\xe9\n", "Line 2 is not UTF-8"),
        ("tmdb_id,note\n1,x\n".encode("utf-16"), "This is UTF-16"),
        (b" \r\n ", "The file is empty."),
        (b"\xef\xbb\xbf", "The file is empty."),
        (b"tmdb_id,note\n", "no rows below the names"),
        (b"tmdb_id,note\n,\n\n", "no rows below the names"),
        (
            b"title,year\nDune,2021\n",
            "lacks the column tmdb_id, own_title or own_cover or note; it has “title”, “year”",
        ),
        (b"tmdb_id,title\n1,Dune\n", "lacks the column own_title or own_cover or note"),
        (b"tmdb_id,note,note\n1,a,b\n", "two columns called “note”"),
        (b'tmdb_id,note\n1,"never closed\n', "Row 2 is not as CSV has it"),
        (b'tmdb_id,note\n1,"a"b\n', "Row 2 is not as CSV has it"),
        (b"tmdb_id,note\n1,a,b\n", "Row 2 has more cells"),
        (b"tmdb_id,note\n1," + b"x" * 1_200_000 + b"\n", "Row 2 has a cell of more than 50,000 characters"),
        (b"tmdb_id,note\n1," + b"x" * 60_000 + b"\n", "Row 2 has a cell of more than 50,000 characters"),
        (b"tmdb_id,note\n" + b"1,x\n" * 5_001, "more than 5,000 rows"),
        (b"x" * 1_500_001, "larger than 1.5 MB"),
        (b"{", "begins like JSON, but is none"),
        (b"[" * 100_000, "more lists and objects than a list of rows"),
        (b"[" + b"9" * 5_000 + b"]", "begins like JSON, but is none"),
        (b'{"format": "wrong-opinions"}', "no list of rows"),
        (b"[1, 2]", "no list of rows"),
        (b"[]", "no rows below the names"),
        (b"[{}]", "lacks the column"),
        (b'[{"tmdb_id": [1], "note": "x"}]', "Row 1 has a list or an object"),
        (b'[{"tmdb_id": 1, "note": "\\u0000"}]', "Row 1 has a sign in it"),
        (b'[{"tmdb_id": 1, "note": "\\ud800"}]', "Row 1 has a sign in it"),
        (b'[{"tmdb_id": 1, "\\ud800": "x"}]', "Row 1 has a sign in it"),
    ],
)
def test_wrong_files_get_a_sentence(admin, data, sentence):
    MovieFactory(tmdb_id=1)

    response = look(admin, "catalog_movie", data)

    assert sentence in file_error(response)


@pytest.mark.parametrize("of", LISTS)
@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\0", b"[[]]", b'[{"": 1}]', b",,,\n,,,\n", b"\n\n\n", b"'=1\n'=1", b"row\n1\n", b"null", b"1e999",
        b'[{"tmdb_id": 1e999, "note": NaN, "musicbrainz_id": true}]',
        "tmdb_id,musicbrainz_id,note,username,week,kind,position\n９,９,\u202e,\u0301,２０２６-W07,movie,１\n".encode(),
        b"tmdb_id,musicbrainz_id,note,username,week,kind,position\n99999999999999999999,x,x,cleo,0000-W00,album,-1\n",
    ],
)  # fmt: skip
def test_no_file_is_a_server_error(admin, of, data):
    UserFactory(username="cleo")
    before = stored()

    response = look(admin, of, data)

    assert carried(response) is None
    assert stored() == before


def test_no_file_at_all_gets_a_sentence(admin):
    response = admin.post(address("catalog_movie", "import"), {"x": "y"})

    assert file_error(response) == "Choose a file."


# Between preview and confirmation


def test_what_is_confirmed_is_what_was_looked_at(admin):
    movie = MovieFactory()
    table = f"tmdb_id,note\n{movie.tmdb_id},New\n"
    page, of_albums = look(admin, "catalog_movie", table), carried(look(admin, "catalog_movie", table))
    token = carried(page)
    tampered = [token[:-2] + "xx", "A" + token[1:], "../../etc/passwd", "", "x" * 1000, None]

    for name in tampered:
        data = {} if name is None else {"import_file_name": name}
        done = admin.post(address("catalog_movie", "process_import"), data, follow=True)
        assert messages_of(done) == ["This preview is too old, or was not made here: choose the file again."]
    elsewhere = admin.post(address("catalog_album", "process_import"), {"import_file_name": of_albums}, follow=True)

    assert "choose the file again" in messages_of(elsewhere)[0]
    assert Movie.objects.get().note == ""


def test_an_old_preview_cannot_be_confirmed(admin, monkeypatch):
    movie = MovieFactory()
    page = look(admin, "catalog_movie", f"tmdb_id,note\n{movie.tmdb_id},New\n")
    monkeypatch.setattr(exchange, "KEPT", -1)

    done = confirm(admin, "catalog_movie", page)

    assert "too old" in messages_of(done)[0]


def test_a_preview_leaves_nothing_behind(admin, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    movie = MovieFactory()

    with counting() as queries:
        look(admin, "catalog_movie", f"tmdb_id,note\n{movie.tmdb_id},New\n")

    assert list(tmp_path.iterdir()) == []
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


def test_the_largest_file_comes_back_whole(admin):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
    movies = MovieFactory.create_batch(149)
    notes = ["".join(random.Random(n).choices(letters, k=9_990)) for n in range(149)]
    table = "tmdb_id,note\n" + "".join(f"{m.tmdb_id},{note}\n" for m, note in zip(movies, notes, strict=True))
    assert 1_480_000 < len(table) <= exchange.MAX_BYTES

    done = confirm(admin, "catalog_movie", look(admin, "catalog_movie", table))

    assert messages_of(done) == ["Imported: 149 changed."]
    assert set(Movie.objects.values_list("note", flat=True)) == set(notes)


# Who may


@pytest.mark.parametrize("of", LISTS)
def test_staff_without_rights_may_neither(staff_with, of):
    nobody = staff_with("view_person")

    pages = [nobody.get(address(of, page)) for page in ("export", "import")]
    pages += [nobody.post(address(of, page), {"format": "0"}) for page in ("export", "import", "process_import")]

    assert [page.status_code for page in pages] == [403] * 5


@pytest.mark.parametrize(("of", "model"), [("catalog_movie", "movie"), ("selections_week", "week")])
def test_who_may_look_exports_and_does_not_import(staff_with, of, model):
    reader = staff_with(f"view_{model}")

    page = reader.get(address(of, "changelist")).content.decode()

    assert reader.get(address(of, "export")).status_code == 200
    assert reader.get(address(of, "import")).status_code == 403
    assert (address(of, "export") in page, address(of, "import") in page) == (True, False)


def test_curators_may_both(db, user):
    make_curators()
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="curator"))
    client = Client()
    client.force_login(curator)
    movie = MovieFactory()

    for of in LISTS:
        export(client, of)
    weeks = confirm(
        client, "selections_week", look(client, "selections_week", HEADER + pick_row(user, "2026-W07", movie, 1))
    )
    notes = confirm(client, "catalog_movie", look(client, "catalog_movie", f"tmdb_id,note\n{movie.tmdb_id},New\n"))

    assert [messages_of(page) for page in (weeks, notes)] == [["Imported: 1 new."], ["Imported: 1 changed."]]


def test_an_import_of_weeks_needs_the_right_to_all_that_it_adds(staff_with):
    rights = ["view_week", "add_week", "change_week", "add_weekmovie", "add_weekalbum"]

    allowed = {left_out: staff_with(*(right for right in rights if right != left_out)) for left_out in [*rights, ""]}
    answers = {name: client.get(address("selections_week", "import")).status_code for name, client in allowed.items()}

    assert answers == dict.fromkeys(rights, 403) | {"": 200, "view_week": 200}


@pytest.mark.parametrize("of", LISTS)
def test_nobody_else_gets_there(db, client, of):
    member = Client()
    member.force_login(UserFactory())

    for page in ("export", "import", "process_import"):
        assert client.post(address(of, page)).status_code == 302
        assert member.post(address(of, page)).status_code == 302


@pytest.mark.parametrize("of", LISTS)
def test_an_import_is_confirmed_by_a_form_of_ours(admin, of):
    staff = User.objects.get(username="admin")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(staff)

    assert admin.get(address(of, "process_import")).status_code == 405
    assert strict.post(address(of, "process_import"), {"import_file_name": "x"}).status_code == 403


@pytest.mark.parametrize("of", LISTS)
def test_the_pages_have_nothing_inline(admin, of):
    MovieFactory(tmdb_id=1)

    for page in ("import", "export"):
        text = admin.get(address(of, page)).content.decode()
        assert "style=" not in text
        assert not re.search(r"\son\w+=", text)
        assert not re.search(r"<script(?![^>]*(src|nonce|application/json))", text)
