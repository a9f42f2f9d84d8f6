"""People of TMDB and artists of MusicBrainz in the admin, read-only."""

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from catalog import pictures
from catalog.models import AlbumArtist, Artist, MovieCast, MovieCrew, Person

from .fetched import FetchedAdmin, ReadOnlyInline
from .filters import ValuesFilter


class PersonCastInline(ReadOnlyInline):
    model = MovieCast
    fields = ["movie", "character"]


class PersonCrewInline(ReadOnlyInline):
    model = MovieCrew
    fields = ["movie", "job"]


@admin.register(Person)
class PersonAdmin(FetchedAdmin):
    list_display = ["portrait", "name", "tmdb_id"]
    list_display_links = ["name"]
    search_fields = ["name", "=tmdb_id"]
    inlines = [PersonCastInline, PersonCrewInline]

    @admin.display(description="picture")
    def portrait(self, person):
        return pictures.portrait(person)


class ArtistAlbumInline(ReadOnlyInline):
    model = AlbumArtist
    fields = ["album", "name"]
    verbose_name_plural = "albums"


@admin.register(Artist)
class ArtistAdmin(FetchedAdmin):
    list_display = ["name", "sort_name", "artist_type", "disambiguation", "area", "begin", "end", "fetched_at"]
    list_filter = [
        ("artist_type", ValuesFilter),
        ("fetched_at", admin.EmptyFieldListFilter),  # not looked up, or looked up
        ("vanished_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["name", "sort_name", "disambiguation", "=musicbrainz_id"]
    exclude = ["links"]
    readonly_fields = ["addresses"]
    inlines = [ArtistAlbumInline]

    @admin.display(description="links")
    def addresses(self, artist):
        rows = ((link["type"], link["url"], link["url"]) for link in artist.links)
        return format_html_join(mark_safe("<br>"), '{}: <a href="{}" rel="noreferrer">{}</a>', rows) or "–"
