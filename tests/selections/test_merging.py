"""manage.py merge_albums: no pick or opinion is lost."""

import threading
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from catalog import merging
from catalog.fetching import find_known
from catalog.models import Album, AlbumAlias, AlbumArtist, Artist
from selections.models import Opinion, Week, WeekAlbum
from tests.conftest import assert_problem, client_of, right_after_query
from tests.factories import AlbumFactory, AlbumOpinionFactory, UserFactory, WeekAlbumFactory, WeekFactory

pytestmark = pytest.mark.usefixtures("search_index_agrees")

KEPT, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)


@pytest.fixture
def run(capsys):
    """Runs the command and gives what it wrote, in lines."""

    def run(*arguments, **options):
        call_command("merge_albums", *map(str, arguments), **options)
        return capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def kept(db):
    return AlbumFactory(musicbrainz_id=KEPT, title="OK Computer", artist="Radiohead")


@pytest.fixture
def merged(db):
    return AlbumFactory(musicbrainz_id=OTHER, title="OK Computer (2)", artist="Radiohead")


def week(user, number, *albums):
    made = WeekFactory(user=user, year=2024, week_number=number)
    return [WeekAlbumFactory(week=made, album=album, position=place) for place, album in enumerate(albums, 1)]


def test_picks_and_opinions_move(run, user, other, kept, merged, now):
    ((mine,), (theirs,)) = week(user, 7, merged), week(other, 8, merged)
    Week.objects.update(updated_at="2024-03-01T00:00:00Z")
    opinion = AlbumOpinionFactory(user=user, album_pick=theirs, review="The best.")
    artist = Artist.objects.create(musicbrainz_id=uuid.UUID(int=5), name="Radiohead")
    AlbumArtist.objects.create(album=merged, artist=artist, position=0, name="Radiohead")

    said = run(kept.pk, merged.pk, "--apply")

    assert said == [
        f"Merged Radiohead: OK Computer (2) (album {merged.pk}) into Radiohead: OK Computer (album {kept.pk}):",
        "  2024-W07 of ada: moves",
        "  2024-W08 of ben: moves",
    ]
    assert set(WeekAlbum.objects.values_list("pk", "album")) == {(mine.pk, kept.pk), (theirs.pk, kept.pk)}
    assert Opinion.objects.get() == opinion
    assert Album.objects.get() == find_known(Album, OTHER) == kept
    assert set(Week.objects.values_list("updated_at", flat=True)) == {now}


def test_without_apply_nothing_changes(run, user, kept, merged):
    week(user, 7, merged)
    week(user, 8, kept, merged)

    said = run(KEPT, str(OTHER).upper())

    assert said == [
        f"Would merge Radiohead: OK Computer (2) (album {merged.pk}) into Radiohead: OK Computer (album {kept.pk}):",
        "  2024-W07 of ada: moves",
        "  2024-W08 of ada: has both and keeps both",
        "Run the command with --apply to do this.",
    ]
    assert WeekAlbum.objects.filter(album=merged).count() == 2
    assert not AlbumAlias.objects.exists()


@pytest.mark.parametrize(
    ("title", "group", "is_alike"),
    [("Ok computer!", 8, True), ("OK Computr", 8, True), ("Kid A", 7, True), ("Kid A", 8, False)],
)
def test_albums_that_do_not_look_the_same_are_pointed_out(kept, capsys, title, group, is_alike):
    Album.objects.update(release_group_id=uuid.UUID(int=7))
    merged = AlbumFactory(artist="Radiohead", title=title, release_group_id=uuid.UUID(int=group))

    call_command("merge_albums", str(kept.pk), str(merged.pk))

    assert ("do not look like the same album" in capsys.readouterr().err) != is_alike


def test_a_week_that_has_both_keeps_both(run, user, other, kept, merged):
    both, (elsewhere,) = week(user, 7, merged, kept), week(other, 7, merged)
    AlbumOpinionFactory(user=user, album_pick=both[0], rating=3)
    AlbumOpinionFactory(user=user, album_pick=both[1], rating=9)

    said = run(kept.pk, merged.pk, "--apply")

    assert said[1:] == ["  2024-W07 of ben: moves", "  2024-W07 of ada: has both and keeps both"]
    assert [pick.album for pick in WeekAlbum.objects.filter(week=both[0].week)] == [merged, kept]
    assert set(Opinion.objects.values_list("album_pick", "rating")) == {(both[0].pk, 3), (both[1].pk, 9)}
    elsewhere.refresh_from_db()
    assert elsewhere.album == find_known(Album, OTHER) == kept
    assert Album.objects.get(pk=merged.pk).vanished_at is None  # MusicBrainz knows it

    both[1].delete()
    assert run(kept.pk, OTHER, "--apply")[1:] == ["  2024-W07 of ada: moves"]
    assert Album.objects.get() == kept


def test_several_into_one_and_their_earlier_ids(run, user, kept, merged):
    third = AlbumFactory()
    AlbumAlias.objects.create(musicbrainz_id=uuid.UUID(int=9), album=third)
    week(user, 7, third, merged)  # of which only one can become the kept one

    said = run(kept.pk, merged.pk, third.musicbrainz_id, merged.pk, "--apply")

    assert len([line for line in said if line.startswith("Merged")]) == 2
    assert "  2024-W07 of ada: moves" in said
    assert "  2024-W07 of ada: has both and keeps both" in said
    assert WeekAlbum.objects.count() == 2
    assert find_known(Album, uuid.UUID(int=9)) == find_known(Album, third.musicbrainz_id) == kept


def test_an_album_that_nobody_picked(run, kept, merged):
    assert run(kept.pk, merged.pk, "--apply")[1:] == ["  not picked by anyone"]
    assert Album.objects.get() == kept


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (["999"], "There is no album 999. Enter its number or its MusicBrainz release id."),
        (["nonsense"], "There is no album nonsense. Enter its number or its MusicBrainz release id."),
        (["9" * 30], "There is no album 999999999999999999999999999999. Enter its number or its MusicBrainz"),
        ([KEPT], "Radiohead: OK Computer (album "),
    ],
)
def test_bad_input(run, kept, merged, others, sentence):
    with pytest.raises(CommandError) as refused:
        run(kept.pk, merged.pk, *others, "--apply")

    assert str(refused.value).startswith(sentence)
    assert Album.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_album_that_is_deleted_meanwhile_is_not_merged(run):
    kept, merged = AlbumFactory(), AlbumFactory()

    with (
        right_after_query("selections_weekalbum", Album.objects.filter(pk=merged.pk).delete),
        pytest.raises(CommandError, match="has just been merged or deleted"),
    ):
        run(kept.pk, merged.pk, "--apply")


@pytest.mark.django_db(transaction=True)
def test_a_pick_of_an_album_that_is_merged_meanwhile_is_refused():
    """The album is merged after it was found and before it is stored as a pick."""
    user = UserFactory()
    kept, merged = (AlbumFactory(fetched_at=timezone.now(), cover_known=True) for _ in range(2))
    client, week_id = client_of(user), WeekFactory(user=user).pk

    body = {"musicbrainz_id": str(merged.musicbrainz_id), "position": 1}
    with right_after_query("catalog_album", lambda: merging.merge(kept, [merged])):
        refused = client.post(f"/api/weeks/{week_id}/albums", body)

    assert_problem(refused, 409, "This album has just been merged into another. Pick it again.")
    assert client.post(f"/api/weeks/{week_id}/albums", body).json()["album"]["id"] == kept.pk


@pytest.mark.django_db(transaction=True)
def test_merging_while_users_pick_rate_and_leave():
    """There are no deadlocks, and everything that exists in the end belongs to an existing album."""
    kept, merged = (AlbumFactory(fetched_at=timezone.now()) for _ in range(2))
    people = [UserFactory() for _ in range(4)]
    for person in people:
        for number in range(1, 4):
            WeekAlbumFactory(week=WeekFactory(user=person, year=2024, week_number=number), album=merged)
    failed, statuses = [], set()

    def act(person):
        try:
            client = client_of(person)
            for number in range(1, 4):
                place = f"/api/weeks/{person.weeks.get(week_number=number).pk}/albums"
                for answer in (
                    client.put(f"{place}/1/opinion", {"rating": number}),
                    client.put(f"{place}/2", {"musicbrainz_id": str(merged.musicbrainz_id)}),
                    client.delete(f"{place}/1?force=true"),
                ):
                    statuses.add(answer.status_code)
            if person == people[0]:
                person.delete()
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    merging.merge(kept, [merged])
    for thread in threads:
        thread.join()

    assert failed == []
    assert statuses <= {200, 201, 204, 409}
    assert set(WeekAlbum.objects.values_list("album", flat=True)) <= set(Album.objects.values_list("pk", flat=True))
    with transaction.atomic():
        connection.check_constraints()
