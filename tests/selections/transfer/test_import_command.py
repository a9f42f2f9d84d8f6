"""manage.py import_selections: what it says, writes and leaves behind."""

import csv
import io
import json
import re

import pytest
from django.core.management import CommandError, call_command

from selections.models import ImportedRow, Week, WeekMovie
from selections.transfer import importing, review
from tests.factories import AlbumFactory, MovieFactory

pytestmark = pytest.mark.usefixtures("now")
TABLE = """Week,Title,Year,Type,Rating
2024-W07,The Matrix,1999,movie,9
2024-W07,Heat,1995,movie,
2024-W08,Dune,,movie,7
2024-W69,Alien,1979,movie,10
"""


class Interrupted(io.StringIO):
    """An output on which Ctrl-C arrives while this text is written."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    def write(self, text: str) -> int:
        if self.words in text:
            self.words = text  # once
            super().write(text)
            raise KeyboardInterrupt
        return super().write(text)


@pytest.fixture
def import_file(user, tmdb, tmp_path):
    """Runs the command for ada with a file of this text, and returns what it says on both channels."""

    def run(text=TABLE, *arguments, name="films.csv", out=None):
        file = tmp_path / name
        if text is not None:
            file.write_text(text, encoding="utf-8")
        out, err = out or io.StringIO(), io.StringIO()
        try:
            call_command("import_selections", "ada", str(file), *arguments, stdout=out, stderr=err)
        except CommandError as error:
            return f"{out.getvalue()}{err.getvalue()}CommandError {error.returncode}: {error}"
        return out.getvalue() + err.getvalue()

    return run


def test_a_dry_run_is_a_table_of_what_would_happen(import_file, tmp_path):
    said = import_file()

    path = tmp_path / "films.review.csv"
    assert said.splitlines() == [
        "films.csv: a plain CSV, 3 rows.",
        "Ratings are read as out of 10.",
        "To ask about: 3 movies: about 1 second.",
        f"2024-W07  movie 1  {'The Matrix (1999)':60}  new",
        f"2024-W07  movie 2  {'Heat (1995)':60}  new",
        f"2024-W08  movie    {'Dune':60}  to be decided: 2 go by that name (line 4)",
        "Rows would be: 2 picked, 1 to be decided, 1 failed; 1 opinion.",
        f"To decide: 1 row. In the column `choice` of {path}, enter the number of a candidate, an id or address, or "
        f"skip, and run the command again with --resolve {path}",
        "Nothing was changed: this was a dry run. Add --apply to import.",
        "films.csv, line 5: There is no week 69 in 2024. Years from 1900 to 2100 have 52 or 53.",
        "CommandError 1: 1 row failed; the others are not affected. Fix the file and run the command again.",
    ]
    assert not Week.objects.exists()


def test_apply_does_it_and_says_only_what_needs_attention(import_file):
    said = import_file(TABLE.replace("W69", "W09"), "--apply")

    assert "The Matrix" not in said
    assert "Dune" in said
    assert "Rows: 3 picked, 1 to be decided; 2 opinions." in said
    assert "Error" not in said
    assert WeekMovie.objects.count() == 3


def test_albums_of_listens_come_with_their_evidence(import_file):
    album = AlbumFactory(title="Low", artist="Low")
    mbids = "uts,artist,album,album_mbid,track\n" + "".join(
        f"{1_707_908_400 + number},Low,Low,{album.musicbrainz_id},Track {number}\n" for number in range(5)
    )

    said = import_file(mbids, "--apply", "-v", "2")

    assert "An album counts in a week if at least 4 of its tracks were heard in it" in said
    assert re.search(r"2024-W07  album 1  .*  new: 5 of 5 tracks heard\n", said)
    assert "Rows: 1 picked." in said


@pytest.mark.parametrize("sign", ["\x1b", "\x9b", "\n", "\u202e"])
def test_titles_do_not_control_the_terminal(import_file, other, sign):
    title = f"Du{sign}ne"
    given = {"owner": other.username, "year": 2024, "week_number": 7, "kind": "movie", "tmdb_id": 9, "rating": 5}
    ours = {"format": "wrong-opinions", "version": 1, "opinions_given": [given]}
    ours |= {"catalog": {"movies": [{"tmdb_id": 9, "title": title}]}}
    twins = MovieFactory.create_batch(2, title=title)

    said = import_file(f'week,kind,title\n2024-W07,movie,"{title}"\n', "-v", "2")
    said += import_file(json.dumps(ours), name="ours.json")
    call_command("find_duplicates", stdout=(out := io.StringIO()))

    assert said.count("Du?ne") == 2
    assert out.getvalue().count("Du?ne") == len(twins)
    assert title not in said + out.getvalue()


def test_verbosity(import_file):
    whole = TABLE.replace("W69", "W09")

    assert import_file(whole, "-v", "0") == ""
    assert "The Matrix" in import_file(whole, "--apply", "-v", "2")


def test_the_review_file_is_edited_and_read_back(import_file, tmp_path):
    import_file(TABLE.replace("W69", "W09"), "--apply")
    path = tmp_path / "films.review.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["place"], row["kind"], row["week"], row["title"]) == ("line 4", "movie", "2024-W08", "Dune")
    assert {row["candidate_1"], row["candidate_2"]} == {"438631 Dune (2021)", "841 Dune (1984)"}
    which = next(name[-1] for name, cell in row.items() if cell == "841 Dune (1984)")

    edit(path, choice=which, week="2024-W10")
    said = import_file(TABLE.replace("W69", "W09"), "--apply", "--resolve", str(path))

    assert "Rows: 1 picked, 3 imported before; 1 opinion." in said
    pick = WeekMovie.objects.get(movie__tmdb_id=841)
    assert (pick.week.name, pick.opinions.get().rating) == ("2024-W10", 7)
    assert set(ImportedRow.objects.values_list("state", flat=True)) == {"done"}


def edit(path, **cells):
    """Change cells of the one row, and save the file as a spreadsheet in German would."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, list(row), delimiter=";")
        table.writeheader()
        table.writerow(row | cells)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"choice": "3"}, "line 2: there is no candidate 3."),
        ({"choice": "the old one"}, "line 2: the choice is neither the number of a candidate, nor an id or address of"),
        ({"choice": "1", "week": "2024-W60"}, "line 2: the week must be an ISO week such as 2026-W07."),
        ({"choice": "1", "key": "another"}, "is about another file: 1 of its rows are not in this one."),
    ],
)
def test_a_mistake_in_the_review_file_changes_nothing(cells, sentence, import_file, tmp_path):
    whole = TABLE.replace("W69", "W09")
    import_file(whole)
    edit(tmp_path / "films.review.csv", **cells)

    said = import_file(whole, "--apply", "--resolve", str(tmp_path / "films.review.csv"))

    assert sentence in said.splitlines()[-1]
    assert not Week.objects.exists()


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("https://www.themoviedb.org/movie/841-dune", 841),
        ("tt0000603", 603),
        ("skip", None),
        ("SKIP", None),
    ],
)
def test_choices(choice, found, import_file, tmp_path):
    whole = TABLE.replace("W69", "W09")
    import_file(whole)
    edit(tmp_path / "films.review.csv", choice=choice)

    import_file(whole, "--apply", "--resolve", str(tmp_path / "films.review.csv"))

    picked = WeekMovie.objects.filter(week__week_number=8).first()
    assert (picked.movie.tmdb_id if picked else None) == found


def test_an_edited_review_file_is_not_overwritten(import_file, tmp_path):
    import_file()
    import_file()
    assert [path.name for path in tmp_path.glob("*.review*")] == ["films.review.csv"]
    edit(tmp_path / "films.review.csv", choice="skip")

    said = import_file()

    assert "films.review-2.csv" in said
    assert "skip" in (tmp_path / "films.review.csv").read_text()


def test_a_second_import_writes_the_same_review_file(import_file, tmp_path):
    whole = "Week,Title,Year,tmdb_id,Type\n" + "".join(
        f"{row},movie\n"
        for row in ("2024-W07,The Matrix,1999,", "2024-W07,,,949", "2024-W07,,,348", "2024-W07,Alien,1979,")
    )
    whole += ",Heat,1995,,movie\n2024-W08,Dune,,,movie\n"
    import_file(whole, "--apply")
    path = tmp_path / "films.review.csv"
    first = path.read_bytes()
    path.unlink()

    import_file(whole, "--apply")

    assert path.read_bytes() == first
    assert first.count(b"\r\n") == 5


def test_cells_of_the_review_file_are_no_formulas(import_file, tmp_path):
    import_file('Week,Title,Type\n2024-W08,"=HYPERLINK(""x"") Dune",movie\n2024-W09,@Dune,movie\n')

    text = (tmp_path / "films.review.csv").read_text(encoding="utf-8-sig")
    assert "'=HYPERLINK" in text
    assert "'@Dune" in text
    assert len(review.read(tmp_path / "films.review.csv")) == 2


def test_our_json_comes_back(import_file, user, tmp_path):
    import_file(TABLE.replace("W69", "W09"), "--apply")
    path = tmp_path / "ada.json"
    call_command("export_selections", "ada", "--output", str(path))
    Week.objects.all().delete()

    said = import_file(None, name="ada.json")
    assert "Picks: 3 new, 0 existing, 0 skipped." in said
    assert not Week.objects.exists()

    import_file(None, "--apply", name="ada.json")
    call_command("export_selections", "ada", "--output", str(tmp_path / "again.json"))
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"format": "wrong-opinions",\n "version": }', "Line 2 is not valid JSON"),
        ('{"format": "wrong-opinions", "version": 2}', "version: "),
        ('{"format": "wrong-opinions", "version": 1' + "0" * 5000 + "}", "not valid JSON"),
        ('{"format": "wrong-opinions", "x": ' + "[" * 100_000, "not valid JSON"),
        ('{"title": "Dune"}', "not an export of a program that is supported"),
    ],
)
def test_json_of_no_use_is_one_sentence(text, sentence, import_file):
    said = import_file(text, "--apply", name="ada.json")

    assert re.match(r"CommandError 1: [^\n]+\Z", said)
    assert sentence in said


@pytest.mark.parametrize("option", [["--from", "2024-W01"], ["--overflow", "next-free-week"], ["--kind", "movie"]])
def test_our_json_takes_no_options(option, import_file):
    said = import_file('{"format": "wrong-opinions", "version": 1}', *option, name="ada.json")

    assert f"{option[0]} has no meaning for our own JSON. Leave it out." in said


def test_where_nothing_can_be_written_nothing_begins(import_file):
    said = import_file(TABLE, "--apply", "--review", "/nowhere/review.csv")

    assert said == "CommandError 1: /nowhere cannot be written to. Choose another place with --review."
    assert not Week.objects.exists()


def test_where_the_review_file_is_a_folder_nothing_begins(import_file, tmp_path):
    said = import_file(TABLE, "--apply", "--review", str(tmp_path))

    assert said == f"CommandError 1: {tmp_path} is a folder. Name a file with --review."
    assert not Week.objects.exists()


def test_rows_without_a_week_are_reported_before_upstreams_are_asked(import_file):
    said = import_file("Title,Year,Type\nAlien,1979,movie\n").splitlines()

    assert said[1] == "1 row without a week. Set the first week to fill with --from, such as 2024-W01."
    assert said[2].endswith("to be decided: the file does not give a week (line 2)")
    assert "2024-W07  movie 1  Alien" in import_file("Title,Year,Type\nAlien,1979,movie\n", "--from", "2024-W07")


def test_only_its_owner_reads_the_review_file(import_file, tmp_path):
    import_file()

    assert (tmp_path / "films.review.csv").stat().st_mode & 0o777 == 0o600


def test_people_are_known_by_their_address_too(import_file, user, tmp_path):
    (tmp_path / "films.csv").write_text(TABLE.replace("W69", "W09"))
    call_command("import_selections", user.email.upper(), str(tmp_path / "films.csv"), apply=True, verbosity=0)

    assert WeekMovie.objects.filter(week__user=user).count() == 3


def test_ctrl_c_ends_it_and_the_next_run_goes_on(import_file, monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 1)
    whole = TABLE.replace("W69", "W09")

    said = import_file(whole, "--apply", out=Interrupted("Dune"))
    assert (
        said.splitlines()[-1] == "CommandError 130: Interrupted after 3 of 4 rows. Run the command again to continue."
    )

    assert "Rows: 1 picked, 2 imported before, 1 to be decided" in import_file(whole, "--apply")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "The file is empty."),
        (b"Week,Title\n2024-W07,caf\xe9\n", "line 2"),
        (b"Week,Colour\n2024-W07,red\n", "No column says which movie or album it is"),
        (b"PK\x03\x04 not really", "damaged"),
    ],
)
def test_a_file_of_no_use_is_one_sentence_and_changes_nothing(text, sentence, import_file, tmp_path):
    (tmp_path / "bad.csv").write_bytes(text)

    said = import_file(None, "--apply", name="bad.csv")

    assert re.match(r"CommandError 1: [^\n]+\Z", said)
    assert sentence in said
    assert not Week.objects.exists()


def test_an_unknown_account_or_file_is_one_sentence(import_file, tmp_path, db):
    with pytest.raises(CommandError, match=r"There is no account called zoe\."):
        call_command("import_selections", "zoe", str(tmp_path / "films.csv"))
    assert "cannot be read" in import_file(None)


def test_the_time_is_said_in_advance(import_file, settings, upstream):
    settings.MUSICBRAINZ_INTERVAL = 1.05
    rows = "".join(f"2024-W{week:02},Album {week},Artist {week},album\n" for week in range(1, 51))
    said = []
    for options in ([], ["--apply"]):
        out = Interrupted("To ask about")
        with pytest.raises(KeyboardInterrupt):
            import_file(f"Week,Title,Artist,Type\n{rows}", *options, out=out)
        said.append(out.getvalue())

    assert "To ask about: 50 albums: about 52 seconds, as MusicBrainz allows one request in 1.05 seconds." in said[0]
    assert "50 albums: about 2 minutes" in said[1]
