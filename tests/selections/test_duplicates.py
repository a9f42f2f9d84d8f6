"""manage.py find_duplicates: what is probably the same, and what only looks so."""

import random
import uuid

import pytest
from django.core.management import call_command

from catalog.models import Album
from selections.merging import duplicates
from tests.factories import AlbumFactory, MovieFactory, WeekAlbumFactory, WeekFactory, WeekMovieFactory

GROUP = uuid.UUID(int=7)


@pytest.fixture
def find(db, capsys):
    def run(*arguments, **options):
        call_command("find_duplicates", *arguments, **options)
        return capsys.readouterr().out

    return run


def groups(found):
    return [(group.reason, [work.pk for work in group.works]) for group in found]


def test_editions_of_one_release_group_the_most_picked_first(find):
    first = AlbumFactory(release_group_id=GROUP, title="OK Computer", artist="Radiohead", release_date="1997-05-21")
    picked = AlbumFactory(release_group_id=GROUP, title="OK Computer OKNOTOK", artist="Radiohead")
    WeekAlbumFactory(album=picked)
    WeekAlbumFactory(album=picked)
    WeekAlbumFactory(album=AlbumFactory(title="Another", artist="Band"))

    said = find()

    assert said.splitlines() == [
        "Albums, editions of one release group:",
        f"  {picked.pk}: Radiohead: OK Computer OKNOTOK, MusicBrainz {picked.musicbrainz_id}, 2 picks",
        f"  {first.pk}: Radiohead: OK Computer (1997-05-21), MusicBrainz {first.musicbrainz_id}, 0 picks",
        f"  manage.py merge_albums {picked.pk} {first.pk}",
    ]


def test_the_most_useful_of_unpicked_albums_comes_first(db):
    bootleg = AlbumFactory(release_group_id=GROUP, status="Bootleg")
    official = AlbumFactory(release_group_id=GROUP, status="Official", cover_art_url="https://example.org/a")

    assert groups(duplicates.find_albums()) == [("editions of one release group", [official.pk, bootleg.pk])]


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        (("Beyoncé", "Lemonade"), ("BEYONCE", "Lemonade!"), "the same artist and title"),
        (("The Beatles", "Revolver"), ("Beatles", "Revolver"), "the same artist and title"),
        (("Simon & Garfunkel", "Bookends"), ("Simon and Garfunkel", "Bookends"), "the same artist and title"),
        (("Godspeed You! Black Emperor", "F♯ A♯ ∞"), ("Godspeed You Black Emperor!", "F♯ A♯ ∞"), "the same"),
        (("Sigur Rós", "Ágætis byrjun"), ("Sigur Ros", "Agaetis byrjun"), "the same artist and title"),
        (("Leonard Cohen", "You Want It Darker"), ("Leonard Cohen", "You Want It Darkr"), "nearly the same"),
        (("椎名林檎", "無罪モラトリアム"), ("椎名林檎", "無罪モラトリアム"), "the same artist and title"),
        (("!!!", "!!!"), ("!!!", "!!!"), "the same artist and title"),
    ],
)
def test_albums_that_are_probably_the_same(db, one, other, reason):
    pks = [AlbumFactory(artist=artist, title=title).pk for artist, title in (one, other)]
    AlbumFactory(artist="Somebody Else", title="Something Else")

    ((found, works),) = groups(duplicates.find_albums())

    assert found.startswith(reason)
    assert works == pks


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Led Zeppelin", "Led Zeppelin II"), ("Led Zeppelin", "Led Zeppelin III")),
        (
            ("Various Artists", "Now That's What I Call Music 41"),
            ("Various Artists", "Now That's What I Call Music 42"),
        ),
        (("Ryuichi Sakamoto", "Playing the Piano, Part A"), ("Ryuichi Sakamoto", "Playing the Piano, Part B")),
        (("Some Rather Long Name of a Band", "Hope"), ("Some Rather Long Name of a Band", "Rope!?")),
        (("Bob Dylan", "Desire"), ("Bob Dylan", "Planet Waves")),
        (("", "Untitled"), ("Somebody", "Untitled")),
    ],
)
def test_albums_that_only_look_the_same(db, one, other):
    for artist, title in (one, other):
        AlbumFactory(artist=artist, title=title)

    assert groups(duplicates.find_albums()) == []


def test_editions_are_not_listed_again_by_their_names(db):
    for title in ("Low", "Low", "Lows"):
        AlbumFactory(release_group_id=GROUP, artist="David Bowie", title=title)

    assert [reason for reason, _ in groups(duplicates.find_albums())] == ["editions of one release group"]


def test_editions_are_listed_once_with_what_is_called_the_same(db):
    editions = [AlbumFactory(release_group_id=GROUP, artist="David Bowie", title="Low").pk for _ in range(2)]
    third = AlbumFactory(artist="David Bowie", title="Low").pk

    assert groups(duplicates.find_albums()) == [("the same artist and title", [*editions, third])]


def test_albums_without_a_release_group_are_compared_by_name(db):
    pks = [AlbumFactory(release_group_id=None, artist="David Bowie", title="Low").pk for _ in range(3)]

    assert groups(duplicates.find_albums()) == [("the same artist and title", pks)]


@pytest.mark.parametrize(
    ("one", "other", "is_found"),
    [
        (("Dune", "1984-12-14"), ("Dune", "2021-09-15"), False),
        (("Solaris", "1972-03-20"), ("Solaris", "1973-01-01"), True),
        (("Solaris", "1972-03-20"), ("SOLARIS", None), True),
        (("The Fellowship of the Ring", "2001-12-18"), ("Felowship of the Ring", "2001-01-01"), True),
        (("Toy Story 2", "1999-11-24"), ("Toy Story 3", "2000-01-01"), False),
        (("Seven", "1995-01-01"), ("Eleven", "1995-01-01"), False),
    ],
)
def test_movies(find, one, other, is_found):
    first, second = (MovieFactory(title=title, release_date=date) for title, date in (one, other))
    WeekMovieFactory(movie=second)

    said = find("--kind", "movies").splitlines()

    if not is_found:
        assert said == ["No duplicates found."]
        return
    year = f" ({other[1][:4]})" if other[1] else ""
    assert said[0] in {"Movies, the same title:", "Movies, nearly the same title:"}
    assert said[1] == f"  {second.pk}: {other[0]}{year}, TMDB {second.tmdb_id}, 1 pick"
    assert said[2].startswith(f"  {first.pk}: ")


def test_only_one_kind(find):
    for _ in range(2):
        MovieFactory(title="Solaris")
        AlbumFactory(title="Low")

    assert "Albums" not in find("--kind", "movies")
    assert "Movies" not in find("--kind", "albums")
    assert find(verbosity=0) == ""


def test_many_albums_cost_one_query(db, django_assert_num_queries):
    dice = random.Random(7)
    syllables = ["ba", "ke", "lo", "mi", "nu", "ra", "si", "to", "vu", "zen", "qua", "fly", "dor"]

    def words(least, most):
        count = dice.randint(least, most)
        return " ".join("".join(dice.choices(syllables, k=dice.randint(2, 4))) for _ in range(count))

    names = [(words(1, 3), words(1, 4)) for _ in range(1_000)]
    names += [("Leonard Cohen", "Popular Problems"), ("Leonard Cohen", "Popular Prblems")]
    Album.objects.bulk_create(
        AlbumFactory.build(artist=artist, title=title, title_key=title) for artist, title in names
    )

    with django_assert_num_queries(1):
        found = duplicates.find_albums()

    assert any({work.title for work in group.works} >= {"Popular Problems", "Popular Prblems"} for group in found)


def test_each_pick_counts(db):
    """Two picks of one album in two weeks are two."""
    album = AlbumFactory(release_group_id=GROUP)
    AlbumFactory(release_group_id=GROUP)
    for _ in range(2):
        WeekAlbumFactory(album=album, week=WeekFactory())

    assert [work.pick_count for work in duplicates.find_albums()[0].works] == [2, 0]
