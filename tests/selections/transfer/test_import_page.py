"""The admin's page "Import a file"."""

import os
import re
from html import unescape

import pytest
import zeal
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.services import delete_account
from selections.models import ImportedRow, Opinion, Week, WeekMovie
from selections.transfer import export, import_page, importing, restoring
from tests import payloads
from tests.admin.staff import client_with, history, said
from tests.admin.test_curators import make_curators
from tests.factories import MovieOpinionFactory, UserFactory, WeekMovieFactory
from tests.selections.transfer.readers import shapes

pytestmark = pytest.mark.usefixtures("now")
PAGE = "/admin/selections/importedrow/import/"
RIGHTS = ["add_week", "change_week", "add_weekmovie", "add_weekalbum"]
TABLE = """Week,Title,Year,Type,Rating
2024-W07,The Matrix,1999,movie,9
2024-W07,Heat,1995,movie,
2024-W08,Dune,,movie,7
2024-W69,Alien,1979,movie,10
"""
WATCHLIST = "Date,Name,Year,Letterboxd URI\n2025-01-02,The Matrix,1999,https://boxd.it/2a1m\n"


@pytest.fixture(autouse=True)
def row_by_row():
    """An import writes row by row, so that it may be interrupted."""
    with zeal.zeal_ignore():
        yield


@pytest.fixture
def uploaded(settings):
    """The files that are kept between preview and import."""
    return lambda: sorted((settings.CACHE_DIR / "uploads").glob("*"))


def upload(client, user, content=TABLE, name="films.csv", **options):
    """The page that says what a file would do."""
    data = content if isinstance(content, bytes) else content.encode()
    file = SimpleUploadedFile(name, data)
    response = client.post(PAGE, {"user": user.pk, "file": file} | options)
    assert response.status_code == 200
    return response


def token_of(response):
    found = re.search(r'name="token" value="([^"]+)"', response.content.decode())
    return unescape(found[1]) if found else None


def go_on(client, response):
    """Import what a page is about."""
    return client.post(PAGE, {"token": token_of(response), "apply": "Import"})


def counts(response):
    return {words: count for count, words in response.context["result"].counts}


def test_a_file_is_imported_after_a_preview(admin_client, user, tmdb, uploaded):
    preview = upload(admin_client, user)

    assert not Week.objects.exists()
    assert counts(preview) == {"picked": 2, "to be decided": 1, "failed": 1}
    text = preview.content.decode()
    assert "The Matrix (1999)" in text
    assert "2 go by that name" in text
    assert "line 5: There is no week 69 in 2024." in text

    done = go_on(admin_client, preview)

    assert counts(done) == counts(preview)
    assert [pick.movie.title for pick in WeekMovie.objects.order_by("position")] == ["The Matrix", "Heat"]
    assert (Opinion.objects.get().user, Opinion.objects.get().rating) == (user, 9)
    assert ImportedRow.objects.get(state="review").reason == "2 go by that name"
    assert history(Week.objects.get()) == ["Imported from a file."]
    assert uploaded() == []


def test_any_supported_file_is_recognized(admin_client, user, tmdb, tmp_path):
    archive = shapes.pack(tmp_path, shapes.LETTERBOXD).read_bytes()

    done = go_on(admin_client, upload(admin_client, user, archive, "letterboxd.zip"))

    assert WeekMovie.objects.get(movie__title="Heat").week.name == "2025-W01"
    assert "diary.csv has columns that are not imported: Tags." in done.context["result"].remarks


def test_our_own_json_is_restored(admin_client, user):
    pick = WeekMovieFactory(week__user=user, week__year=2024, week__week_number=7)
    MovieOpinionFactory(user=user, movie_pick=pick, rating=8)
    exported = "".join(export.to_json(user))
    Week.objects.all().delete()

    preview = upload(admin_client, user, exported, "ada.json")
    assert counts(preview) == {"new weeks": 1, "new picks": 1, "new opinions": 1}
    assert not Week.objects.exists()

    go_on(admin_client, preview)
    assert WeekMovie.objects.get().opinions.get().rating == 8
    assert history(Week.objects.get()) == ["Imported from a file."]


def test_options_are_those_of_the_command(admin_client, user, tmdb):
    table = "Title,Year\nThe Matrix,1999\nHeat,1995\nAlien,1979\n"
    options = {"kind": "movie", "first_week": "2024-w07", "next_free_week": "on", "again": "on"}

    go_on(admin_client, upload(admin_client, user, table, **options))
    assert [week.name for week in Week.objects.order_by("week_number")] == ["2024-W07", "2024-W08"]

    WeekMovie.objects.get(movie__title="Heat").delete()
    assert counts(upload(admin_client, user, table, **options)) == {"picked": 1, "imported before": 2}


def test_what_takes_longer_goes_on_with_the_next_request(admin_client, user, tmdb, monkeypatch, uploaded):
    monkeypatch.setattr(import_page, "SECONDS", -1)
    monkeypatch.setattr(importing, "BATCH", 1)  # a row each time
    table = "Week,Title,Year,Type\n" + "".join(
        f"2024-W0{number},{title},movie\n" for number, title in enumerate(["The Matrix,1999", "Heat,1995"], 1)
    )

    preview = upload(admin_client, user, table)
    first = go_on(admin_client, preview)

    assert "1 of 2 rows" in preview.content.decode()
    assert (counts(first), WeekMovie.objects.count(), len(uploaded())) == ({"picked": 1}, 1, 1)
    assert "data-goes-on" in first.content.decode()
    stuck = go_on(admin_client, go_on(admin_client, first))
    assert (counts(stuck), "data-goes-on" in stuck.content.decode()) == ({"picked": 1}, False)

    monkeypatch.setattr(import_page, "SECONDS", 60)
    last = go_on(admin_client, first)
    assert (counts(last), WeekMovie.objects.count(), uploaded()) == ({"picked": 2}, 2, [])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04 not really", "The ZIP is damaged"),
        (b"Week,Title\n2024-W07,caf\xe9\n", "in line 2"),
        (b"Week,Colour\n2024-W07,red\n", "No column says which movie or album it is"),
        (b'{"format": "other"}', "not an export of Wrong Opinions"),
        (b'{"format": ' + b"[" * 100_000, "more lists and objects than an export has"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(admin_client, user, content, sentence, uploaded):
    response = upload(admin_client, user, content)

    assert sentence in said(response)[0]
    assert (token_of(response), uploaded()) == (None, [])


@pytest.mark.parametrize(
    ("form", "field", "sentence"),
    [
        ({"file": ""}, "file", "Choose a file."),
        ({"file": SimpleUploadedFile("x", b"")}, "file", "The file is empty."),
        ({"file": SimpleUploadedFile("x", b"x" * 20_000)}, "file", "larger than 0.01 MB"),
        ({"user": "0"}, "user", "no such user"),
        ({"first_week": "2024-W60"}, "first_week", "Enter an ISO week"),
    ],
)
def test_a_form_that_is_not_complete_is_shown_again(admin_client, user, settings, form, field, sentence):
    settings.IMPORT_MAX_MB = 0.01
    file = SimpleUploadedFile("films.csv", TABLE.encode())

    response = admin_client.post(PAGE, {"user": user.pk, "file": file} | form)

    assert sentence in str(response.context["form"].errors[field])


def test_a_file_that_cannot_be_stored_is_one_sentence(admin_client, user, settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHE_DIR = tmp_path / "file"

    assert "CACHE_DIR" in str(upload(admin_client, user).context["form"].errors["file"])


def test_only_the_server_reads_a_kept_file_and_the_next_upload_deletes_old_ones(admin_client, user, tmdb, uploaded):
    upload(admin_client, user)
    (old,) = uploaded()
    assert (old.stat().st_mode & 0o777, old.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    long_ago = old.stat().st_mtime - import_page.KEPT - 10_000_000_000
    os.utime(old, (long_ago, long_ago))
    upload(admin_client, user)

    assert len(uploaded()) == 1
    assert not old.exists()


def test_a_token_is_good_for_its_own_user_and_for_a_day(admin_client, user, tmdb, time_machine):
    preview = upload(admin_client, user)
    token = token_of(preview)
    other = Client()
    other.force_login(UserFactory(is_staff=True, is_superuser=True))

    answers = [
        admin_client.post(PAGE, {"token": bad, "apply": "Import"}) for bad in (f"{token[:-2]}xx", "", "x" * 1000)
    ]
    answers.append(other.post(PAGE, {"token": token, "apply": "Import"}))
    assert [said(answer)[-1] for answer in answers] == [import_page.EXPIRED] * 4

    time_machine.shift(import_page.KEPT + 1)
    late = Client()
    late.force_login(preview.wsgi_request.user)
    assert said(late.post(PAGE, {"token": token, "apply": "Import"})) == [import_page.EXPIRED]
    assert not Week.objects.exists()


def test_importing_twice_changes_nothing_more(admin_client, user, tmdb):
    preview = upload(admin_client, user)
    go_on(admin_client, preview)

    again = admin_client.post(PAGE, {"token": token_of(preview), "apply": "Import"})

    assert said(again) == [import_page.EXPIRED]  # the file is gone
    assert counts(upload(admin_client, user)) == {"imported before": 2, "to be decided": 1, "failed": 1}


def test_a_person_who_leaves_meanwhile_is_a_sentence(admin_client, user, tmdb):
    preview = upload(admin_client, user)
    delete_account(user)

    assert said(go_on(admin_client, preview)) == ["The account has just been deleted."]


def test_while_another_import_runs_our_json_has_to_wait(admin_client, user, monkeypatch):
    monkeypatch.setattr(restoring, "IMPORT_WAIT", 0)
    preview = upload(admin_client, user, "".join(export.to_json(user)))
    with restoring.IMPORTING:
        response = go_on(admin_client, preview)

    assert said(response) == [import_page.BUSY]
    assert said(go_on(admin_client, preview)) == []  # the file was kept


def test_an_upstream_that_fails_is_said_for_each_row(admin_client, user, upstream):
    upstream.get(f"{payloads.TMDB}/search/movie", status=500)

    preview = upload(admin_client, user, "Week,Title,Type\n2024-W07,Heat,movie\n")

    assert counts(preview) == {"failed": 1}
    assert "TMDB" in preview.context["result"].to_decide[0].sentence


def test_what_a_file_says_is_text(admin_client, user, tmdb):
    response = upload(admin_client, user, "Week,Title,Type,<b>\n2024-W07,<script>alert(1)</script>,movie,x\n")

    text = response.content.decode()
    assert not re.search(r"<script[^>]*>alert|<b>", text)
    assert "style=" not in text
    assert not re.search(r"\son\w+=", text)


def test_an_import_needs_the_permission_to_all_that_it_adds(db):
    answers = {
        left_out: client_with(*(code for code in RIGHTS if code != left_out)).get(PAGE).status_code
        for left_out in [*RIGHTS, ""]
    }

    assert answers == dict.fromkeys(RIGHTS, 403) | {"": 200}


@pytest.mark.parametrize("page", ["selections_week_changelist", "selections_importedrow_changelist"])
def test_lists_link_to_the_page_for_those_who_may_import(db, page):
    seeing = ["view_week", "view_importedrow"]

    linked = [
        PAGE in client_with(*codes).get(reverse(f"admin:{page}")).content.decode()
        for codes in (seeing, [*seeing, *RIGHTS])
    ]

    assert linked == [False, True]


@pytest.mark.parametrize("ending", ["-cinephile-2025-11-27-10-12-utc.csv", f"-{'long' * 10}.csv", f"-{'é' * 200}.csv"])
def test_a_watchlist_of_letterboxd_is_told_by_any_part_of_its_name(admin_client, user, tmdb, ending):
    assert counts(upload(admin_client, user, WATCHLIST, name=f"Watchlist{ending}")) == {"put on the shortlist": 1}


def test_curators_import_picks_but_speak_for_no_one_else(user, tmdb):
    make_curators()
    curator = UserFactory(is_staff=True)
    curator.groups.add(Group.objects.get(name="curator"))
    client = Client()
    client.force_login(curator)

    preview = upload(client, user)
    go_on(client, preview)
    restored = upload(client, user, "".join(export.to_json(user)))
    name = f"letterboxd-{'ada' * 20}-watchlist.csv"
    planned = [upload(client, person, WATCHLIST, name=name) for person in (user, curator)]

    assert import_page.NO_OPINIONS in preview.context["result"].remarks
    assert (WeekMovie.objects.count(), Opinion.objects.count()) == (2, 0)
    assert "rating" not in {name for name, value in ImportedRow.objects.get(state="review").said.items() if value}
    assert said(restored) == [import_page.NOT_WHOLE]
    assert [counts(page) for page in planned] == [{}, {"put on the shortlist": 1}]
    assert [page.context["result"].remarks for page in planned] == [[import_page.NO_PLANS], []]
    go_on(client, upload(client, curator))
    assert Opinion.objects.get().user == curator
    assert counts(upload(client, curator, "".join(export.to_json(curator))))["existing opinions"] == 1


def test_the_form_is_protected_against_other_sites(admin_user):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)

    assert strict.post(PAGE, {"token": "x", "apply": "Import"}).status_code == 403
