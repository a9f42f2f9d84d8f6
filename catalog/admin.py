from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from . import pictures, services
from .models import Album, AlbumAlias, AlbumArtist, Artist, Movie, MovieCast, MovieCrew, Person


class FetchedAdmin(admin.ModelAdmin):
    """Rows that come from an upstream: looked at and searched here, neither added nor typed over."""

    def get_fields(self, request, obj=None):
        """What it is before when we asked."""
        return sorted(super().get_fields(request, obj), key=lambda name: name in {"fetched_at", "vanished_at"})

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False


class CreditInline(admin.TabularInline):
    """Credits, to look at: below the work, or below the person or artist."""

    extra = 0
    can_delete = False
    related: str  # what each row names, loaded along

    def has_add_permission(self, request, obj=None):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def get_queryset(self, request):
        return super().get_queryset(request).select_related(self.related)


class CastInline(CreditInline):
    model = MovieCast
    related = "person"
    fields = ["order", "person", "character"]


class CrewInline(CreditInline):
    model = MovieCrew
    related = "person"
    fields = ["job", "person", "department"]


class TextsFilter(admin.SimpleListFilter):
    title = "texts"
    parameter_name = "texts"

    def lookups(self, request, model_admin):
        return [("outdated", "Older than TMDB's terms allow")]

    def queryset(self, request, queryset):
        return queryset.filter(services.has_outdated_texts()) if self.value() == "outdated" else queryset


@admin.register(Movie)
class MovieAdmin(FetchedAdmin):
    list_display = ["poster", "title", "original_title", "release_date", "runtime", "tmdb_id", "fetched_at"]
    list_display_links = ["title"]
    list_filter = [
        ("fetched_at", admin.EmptyFieldListFilter),
        ("vanished_at", admin.EmptyFieldListFilter),
        ("poster_path", admin.EmptyFieldListFilter),
        TextsFilter,
    ]
    search_fields = ["search_text", "title", "original_title", "=tmdb_id", "=imdb_id"]
    list_per_page = 50
    exclude = ["title_key", "search_text"]
    inlines = [CastInline, CrewInline]

    @admin.display(description="")
    def poster(self, movie):
        return pictures.poster(movie)


class ArtistCreditInline(CreditInline):
    model = AlbumArtist
    related = "artist"
    fields = ["position", "artist", "name", "join_phrase"]


class AliasInline(CreditInline):
    model = AlbumAlias
    related = "album"
    fields = ["musicbrainz_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Album)
class AlbumAdmin(FetchedAdmin):
    list_display = ["cover", "title", "artist", "release_date", "country", "status", "primary_type", "fetched_at"]
    list_display_links = ["title"]
    list_filter = [
        "primary_type",
        "status",
        ("cover_art_url", admin.EmptyFieldListFilter),
        ("release_group_id", admin.EmptyFieldListFilter),
        ("fetched_at", admin.EmptyFieldListFilter),
        ("vanished_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["search_text", "title", "artist", "=musicbrainz_id", "=release_group_id"]
    list_per_page = 50
    exclude = ["title_key", "search_text"]
    inlines = [ArtistCreditInline, AliasInline]

    @admin.display(description="")
    def cover(self, album):
        return pictures.cover(album)


class PersonCastInline(CreditInline):
    model = MovieCast
    related = "movie"
    fields = ["movie", "character"]


class PersonCrewInline(CreditInline):
    model = MovieCrew
    related = "movie"
    fields = ["movie", "job"]


@admin.register(Person)
class PersonAdmin(FetchedAdmin):
    list_display = ["portrait", "name", "tmdb_id"]
    list_display_links = ["name"]
    search_fields = ["name", "=tmdb_id"]
    inlines = [PersonCastInline, PersonCrewInline]

    @admin.display(description="")
    def portrait(self, person):
        return pictures.portrait(person)


class ArtistAlbumInline(CreditInline):
    model = AlbumArtist
    related = "album"
    fields = ["album", "name"]
    verbose_name_plural = "albums"


@admin.register(Artist)
class ArtistAdmin(FetchedAdmin):
    list_display = ["name", "sort_name", "artist_type", "disambiguation", "area", "begin", "end", "fetched_at"]
    list_filter = [
        "artist_type",
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
