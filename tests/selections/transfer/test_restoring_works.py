"""The movies and albums of our own JSON: found in the catalog or stored as the file describes them."""

import json
import re
import uuid

import pytest
from django.db import IntegrityError, transaction

from catalog import merging, portable
from catalog.models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Artist,
    ArtistAlias,
    Movie,
    Person,
)
from selections.models import Opinion, WeekAlbum, WeekMovie
from selections.transfer import restoring, saved_works
from tests.factories import (
    AlbumFactory,
    ArtistFactory,
    MovieFactory,
    WeekAlbumFactory,
    WeekFactory,
    WeekMovieFactory,
)

from .exports import SAID, back_again, changed, exported, invented, load, minimal, rows

pytestmark = pytest.mark.django_db


@pytest.fixture(params=["movie", "album"])
def both(request, now, user):
    """A week with two works, of which one was merged into the other, and an opinion on that one only."""
    make, pick = {"movie": (MovieFactory, WeekMovieFactory), "album": (AlbumFactory, WeekAlbumFactory)}[request.param]
    kept, other = make(title="Kept"), make(title="Merged")
    week = WeekFactory(user=user, year=2026, week_number=2)
    first, _ = (
        pick(week=week, position=position, added_at=SAID, **{request.param: work})
        for position, work in enumerate([other, kept], 1)
    )
    Opinion.objects.create(user=user, rating=3, **{f"{request.param}_pick": first})
    merging.merge(kept, [other])
    assert type(kept).objects.count() == 2
    return kept, other


def without_date(text: str) -> str:
    return re.sub(r'"exported_at": "[^"]*"', "", text)


def test_a_week_that_has_both_of_a_merge_comes_back(user, both):
    before = exported(user)
    rows_before = rows()

    report = load(user, json.loads(before))
    assert (report.picks_existing, report.opinions_existing, report.opinions_created) == (2, 1, 0)
    assert rows() == rows_before

    back = back_again(user)
    report = load(back, json.loads(before))
    assert (report.picks_created, report.opinions_created, report.remarks) == (2, 1, [])
    assert without_date(exported(back)) == without_date(before)


@pytest.mark.parametrize("batch", [1, 50])
def test_a_week_that_has_both_of_a_merge_comes_back_to_an_empty_instance(user, both, batch, monkeypatch):
    monkeypatch.setattr(saved_works, "WORKS", 1)
    monkeypatch.setattr(restoring, "BATCH", batch)
    kept, _ = both
    # A week before, so that the kept one, and with it the other's id, may be stored first.
    earlier = WeekFactory(user=user, year=2026, week_number=1)
    make = WeekMovieFactory if isinstance(kept, Movie) else WeekAlbumFactory
    make(week=earlier, position=1, added_at=SAID, **{str(kept._meta.model_name): kept})
    before = exported(user)
    back = back_again(user)
    for model in (Movie, Album):
        model.objects.all().delete()

    report = load(back, json.loads(before), is_trusted=True)

    assert (report.picks_created, report.opinions_created, report.remarks) == (3, 1, [])
    assert without_date(exported(back)) == without_date(before)
    assert load(back, json.loads(before), is_trusted=True).picks_existing == 3


def test_of_two_ids_of_one_work_that_week_has_one_and_its_own_opinion(now, user):
    album = AlbumFactory(title="The surviving one")
    AlbumAlias.objects.create(album=album, musicbrainz_id=uuid.UUID(int=5))
    week = WeekFactory(user=user, year=2026, week_number=2)
    WeekAlbumFactory(week=week, album=album)
    picks = [
        {"position": position, "musicbrainz_id": str(known), "opinions": [{"own": True, "rating": rating}]}
        for position, known, rating in ((1, uuid.UUID(int=5), 3), (2, album.musicbrainz_id, 9))
    ]

    report = load(user, changed({"weeks[0].albums": picks, "weeks[0].movies": []}))

    assert Opinion.objects.get().rating == 9
    assert (report.picks_existing, report.picks_left_out, report.opinions_left_out) == (1, 1, 1)
    assert report.remarks == ["2026-W02: OK Computer is already in this week."]


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_work_is_found_in_the_file_by_its_earlier_id(now, user, is_trusted):
    data = minimal()
    data["weeks"][0]["movies"][0]["tmdb_id"] = 600
    data["weeks"][0]["albums"][0]["musicbrainz_id"] = str(uuid.UUID(int=4))
    data["weeks"].append({"year": 2026, "week_number": 3, "movies": [{"position": 1, "tmdb_id": 603}]})
    data["catalog"]["movies"][0]["aliases"] = [600]
    data["catalog"]["albums"][0]["aliases"] = [str(uuid.UUID(int=4))]
    would = load(user, data, apply=False, is_trusted=is_trusted)

    report = load(user, data, is_trusted=is_trusted)

    assert set(WeekMovie.objects.values_list("week__week_number", "movie__tmdb_id")) == {(2, 603), (3, 603)}
    assert WeekAlbum.objects.get().album.musicbrainz_id == uuid.UUID(int=5)
    assert (report.movies_added, report.albums_added, report.remarks) == (1, 1, [])
    would.applied = True
    assert would == report
    assert load(user, data, is_trusted=is_trusted).picks_existing == 3


def test_names_of_a_members_file_are_cut_to_what_fits_a_page(now, user):
    data = minimal()
    data["catalog"]["movies"][0]["title"] = "T" * 10**5
    data["catalog"]["albums"][0] |= {"title": "T" * 10**5, "artist": "A" * 10**5}

    load(user, data)

    movie, album = Movie.objects.get(), Album.objects.get()
    assert [len(text) for text in (movie.title, album.title, album.artist)] == [500, 500, 500]


def test_works_that_the_file_does_not_pick_are_not_even_read(now, user):
    data = minimal()
    data["catalog"]["movies"].append({"tmdb_id": 5, "title": 5, "cast": "nobody"})

    assert load(user, data).movies_added == 1


def test_many_invented_works_cost_few_queries(now, user, django_assert_max_num_queries):
    """As they are stored together; one by one they would cost some thousand."""
    weeks = [(year, number) for year in (2020, 2021) for number in range(1, 51)]
    data = minimal(
        weeks=[
            {
                "year": year,
                "week_number": number,
                "movies": [{"position": place, "tmdb_id": 2 * (year * 100 + number) + place} for place in (1, 2)],
            }
            for year, number in weeks
        ]
    )
    data["catalog"]["movies"] = [
        {"tmdb_id": pick["tmdb_id"], "title": "Invented"} for week in data["weeks"] for pick in week["movies"]
    ]

    with django_assert_max_num_queries(120):
        report = load(user, data)

    assert (report.weeks_created, report.picks_created, report.movies_added) == (100, 200, 200)
    assert Movie.objects.matching("invented").count() == 200


def test_what_the_database_refuses_is_not_tried_again(now, user):
    with pytest.raises(IntegrityError), transaction.atomic():
        portable.store(Movie, "tmdb_id", [{"tmdb_id": 603, "title": ""}])


def test_the_operators_file_is_stored_in_full(now, user):
    load(user, invented(), is_trusted=True)

    movie, album, artist = Movie.objects.get(), Album.objects.get(), Artist.objects.get()
    assert (movie.imdb_id, movie.fetched_at.isoformat()) == ("tt0133093", "2026-02-01T00:00:00+00:00")
    assert (album.cover_known, album.aliases.get().musicbrainz_id) == (True, uuid.UUID(int=78))
    assert (artist.name, artist.aliases.get().musicbrainz_id) == ("Invented", uuid.UUID(int=8))


def test_people_and_artists_whom_we_know_are_not_changed_by_a_file(now, user):
    Person.objects.create(tmdb_id=9, name="Keanu Reeves", profile_path="/k.jpg")
    ArtistFactory(musicbrainz_id=uuid.UUID(int=7), name="On a Friday")

    load(user, invented(), is_trusted=True)

    assert Person.objects.values_list("name", "profile_path").get() == ("Keanu Reeves", "/k.jpg")
    assert Artist.objects.values_list("name", "bio").get() == ("On a Friday", "")
    assert AlbumArtist.objects.get().artist.name == "On a Friday"
    assert not ArtistAlias.objects.exists()


def test_an_alias_of_a_file_hides_no_album_that_we_have(now, user):
    ours = WeekAlbumFactory(week__user=user, album__musicbrainz_id=uuid.UUID(int=78)).album
    before = json.loads(exported(user))["weeks"]

    load(user, invented(), is_trusted=True)

    assert AlbumAlias.objects.get().musicbrainz_id == ours.musicbrainz_id  # MusicBrainz, or a curator, has merged it
    user.weeks.filter(year=before[0]["year"]).delete()
    load(user, minimal(weeks=before), is_trusted=True)
    assert WeekAlbum.objects.filter(album=ours).count() == 1


def test_works_that_nothing_in_the_file_picks_stay_in_the_file(now, user):
    load(user, minimal(weeks=[]), is_trusted=True)

    assert not Movie.objects.exists()
