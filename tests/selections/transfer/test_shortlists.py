"""The shortlist in our own JSON."""

import json

import pytest

from catalog.models import Movie
from selections.models import ShortlistItem
from selections.transfer import export, shortlists
from tests.factories import AlbumFactory, MovieFactory, ShortlistItemFactory, UserFactory

from .exports import back_again, invented, load

ITEM = {"kind": "movie", "tmdb_id": 603, "note": "At last", "created_at": "2026-01-06T08:00:00Z"}


def exported(user, year=None):
    return json.loads("".join(export.to_json(user, year)))


def said(user):
    return list(user.shortlist.order_by("pk").values("movie", "album", "note", "created_at"))


def test_an_export_brings_the_shortlist_back(now, user, other):
    for values in ({"movie": MovieFactory(), "note": "Soon"}, {"album": AlbumFactory(), "suggested_by": other}):
        ShortlistItemFactory(user=user, **values).votes.create(user=UserFactory())
    ShortlistItemFactory(user=other)
    before, data = said(user), exported(user)

    user = back_again(user)
    report = load(user, data)

    assert said(user) == before
    assert (report.shortlist_created, report.shortlist_existing, report.shortlist_left_out) == (2, 0, 0)
    again = load(user, data)
    assert (again.shortlist_created, again.shortlist_existing) == (0, 2)
    assert exported(user)["shortlist"] == data["shortlist"]


def test_an_export_of_a_year_has_no_shortlist(user):
    ShortlistItemFactory(user=user)

    assert exported(user, 2026)["shortlist"] == []
    assert exported(user, 2026)["catalog"]["movies"] == []


def test_works_that_only_the_file_knows_are_stored_with_the_import(user):
    data = invented(weeks=[], shortlist=[ITEM])

    would = load(user, data, apply=False)
    assert not Movie.objects.exists()
    did = load(user, data)

    assert (would.shortlist_created, would.movies_added) == (did.shortlist_created, did.movies_added) == (1, 1)
    assert user.shortlist.get().movie.tmdb_id == 603


def test_what_is_unknown_or_too_much_is_left_out(user, monkeypatch):
    known = {"kind": "album", "musicbrainz_id": str(AlbumFactory(title="It").musicbrainz_id)}

    report = load(user, invented(weeks=[], shortlist=[ITEM | {"tmdb_id": 5}]))
    monkeypatch.setattr(shortlists, "MAX_ITEMS", 0)
    full = load(user, invented(weeks=[], shortlist=[known | {"created_at": ITEM["created_at"]}]))

    assert report.remarks == ["Shortlist: movie 5 is neither in the catalog nor in the file."]
    assert full.remarks == ["Shortlist: it has 0 titles already, so It was skipped."]
    assert (report.shortlist_left_out, full.shortlist_left_out) == (1, 1)
    assert not ShortlistItem.objects.exists()


def test_another_edition_on_a_full_shortlist_is_kept(user, monkeypatch):
    monkeypatch.setattr(shortlists, "MAX_ITEMS", 1)
    album = ShortlistItemFactory(user=user, album=AlbumFactory()).album
    edition = AlbumFactory(release_group_id=album.release_group_id)
    item = {"kind": "album", "musicbrainz_id": str(edition.musicbrainz_id), "created_at": ITEM["created_at"]}

    assert load(user, invented(weeks=[], shortlist=[item])).shortlist_existing == 1


@pytest.mark.parametrize(
    ("items", "place"),
    [([ITEM, ITEM], "shortlist[1]"), ([ITEM | {"note": "x" * 1001}], "shortlist[0].note"), ([{}], "shortlist[0].kind")],
)
def test_invalid_shortlists(api, items, place):
    response = api.post("/api/import", invented(shortlist=items), format="json")

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == place
