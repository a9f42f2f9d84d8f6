"""Artists of MusicBrainz, and the artist credits of albums."""

from collections.abc import Mapping
from dataclasses import asdict
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import musicbrainz
from integrations.errors import NotFound

from .fetching import find_known, is_stored, keep_fresh, not_found, store_people
from .models import Album, AlbumArtist, Artist, ArtistAlias


def get_artist(musicbrainz_id: UUID) -> tuple[Artist, bool]:
    """The artist, and whether they were in the catalog; otherwise, or if known only from credits, they are looked up.

    An id that was merged into another gives the surviving artist, unless a credit has brought the old one back. Raises
    IntegrationError if they are not known at all.
    """
    known = find_known(Artist, musicbrainz_id, own_first=True)
    if known is None:
        with not_found("Artist not found"):
            return refresh_artist(musicbrainz_id), False
    return keep_fresh(known, refresh_artist)


def refresh_artist(musicbrainz_id: UUID, *, force_refresh: bool = False) -> Artist:
    """Look up the artist on MusicBrainz and create or update them; `force_refresh` bypasses the HTTP cache.

    Raises IntegrationError. An artist who is no longer on MusicBrainz is marked and kept; one who was merged into
    another is deleted, and all credits go to the other.
    """
    try:
        fetched = musicbrainz.fetch_artist(musicbrainz_id, force_refresh=force_refresh)
    except NotFound:
        Artist.objects.filter(musicbrainz_id=musicbrainz_id).update(vanished_at=timezone.now())
        raise
    surviving_id = fetched.musicbrainz_id
    with transaction.atomic():
        # The lock makes simultaneous lookups of an artist take turns.
        known = Artist.objects.select_for_update().filter(musicbrainz_id=surviving_id).first()
        if known and is_stored(known, fetched.fetched_at):
            artist = known
        else:
            values = asdict(fetched) | {"vanished_at": None}
            artist, _ = Artist.objects.update_or_create(musicbrainz_id=surviving_id, defaults=values)
    if surviving_id != musicbrainz_id:
        _merge_artists(musicbrainz_id, surviving_id)
    return artist


def _merge_artists(merged_id: UUID, surviving_id: UUID) -> None:
    """Remember the merged id, and move the credits of the merged artist, if any, to the surviving one."""
    with transaction.atomic():
        # Locked in the order in which credits are stored, so that two transactions cannot deadlock.
        ids = [merged_id, surviving_id]
        locked = Artist.objects.select_for_update().filter(musicbrainz_id__in=ids).order_by("musicbrainz_id")
        artists = {artist.musicbrainz_id: artist for artist in locked}
        if surviving := artists.get(surviving_id):
            ArtistAlias.objects.update_or_create(musicbrainz_id=merged_id, defaults={"artist": surviving})
            if merged := artists.get(merged_id):
                merged.credits.update(artist=surviving)
                merged.aliases.update(artist=surviving)
                merged.delete()


def store_artist_credits(albums: Mapping[Album, musicbrainz.Release]) -> None:
    """Replace the artist credits of these albums. Call this in a transaction."""
    same = ("musicbrainz_id", "sort_name", "disambiguation", "artist_type")
    records = [
        {"name": credit.artist_name} | {name: getattr(credit, name) for name in same}
        for release in albums.values()
        for credit in release.artists
    ]
    artists = store_people(Artist, "musicbrainz_id", records, update=True)
    AlbumArtist.objects.filter(album__in=albums).delete()
    AlbumArtist.objects.bulk_create(
        AlbumArtist(
            album=album,
            artist=artists[credit.musicbrainz_id],
            position=position,
            name=credit.name,
            join_phrase=credit.join_phrase,
        )
        for album, release in albums.items()
        for position, credit in enumerate(release.artists)
    )
