"""Movies and albums in the admin: fetched fields are read-only, OWN_FIELDS are for curators."""

import math
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError
from django.db.models import ProtectedError, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.views.decorators.http import require_POST

from catalog import pictures, searching, services
from catalog.fetching import find_all_known
from catalog.forms import AlbumForm, MovieForm
from catalog.models import OWN_FIELDS, Album, AlbumAlias, AlbumArtist, Merge, Movie, MovieAlias, MovieCast, MovieCrew
from catalog.text import search_words
from integrations import musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound
from integrations.values import mbid

from . import filters
from .exporting import ExportAdmin
from .fetched import CreditInline
from .searching import Found, Hit, SearchAdmin

ALBUMS_A_PAGE = 25
GONE = "This has just been merged or deleted. Nothing was changed."
NOT_DELETED = "A user has just picked it, so it was not deleted."


class WorkAdmin(ExportAdmin, SearchAdmin):
    """Movies or albums."""

    actions = ["refresh", "export_csv"]
    list_display_links = ["name"]
    list_per_page = 50
    search_fields = ["search_text"]
    change_list_template = "admin/catalog/work_list.html"
    change_form_template = "admin/catalog/work_form.html"
    max_refreshed: int  # at a time: more would take too long for a page
    shown_first: tuple[str, ...] = ("large_picture", "links")
    fetched: tuple[str, ...]  # the read-only fields

    class Media:
        css = {"all": ["catalog/works.css"]}

    def refresh_work(self, work: Any) -> Any:
        """Raises IntegrationError."""
        raise NotImplementedError

    def at_address(self, words: str) -> Q | None:
        """The condition for the rows with this address or id; None for any other text."""
        raise NotImplementedError

    def get_fieldsets(self, request, obj=None):
        return [
            (None, {"fields": self.shown_first}),
            ("Curators' edits", {"fields": OWN_FIELDS}),
            (f"Fetched from {self.model.source}", {"fields": self.fetched}),
        ]

    def get_readonly_fields(self, request, obj=None):
        return [*self.shown_first, *self.fetched]

    def get_deleted_objects(self, objs, request):
        """The merge records of a work are deleted with it, without needing a permission to delete them."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed - {Merge._meta.verbose_name}, protected

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.refresh_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_refresh"
        return [path("<int:pk>/refresh/", view, name=name), *super().get_urls()]

    def get_search_results(self, request, queryset, search_term):
        """Search for all words in any title or name, or for an id or address."""
        text = search_term.replace("\0", "").strip()
        if not text:
            return queryset, False
        words = search_words(text)
        named = Q(*(Q(search_text__mentions=word) for word in words))
        if not words:  # such as ???
            named = Q(title__icontains=text) | Q(own_title__icontains=text)
        at_address = self.at_address(text)
        return queryset.filter(named if at_address is None else at_address | named), False

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        try:
            shown = {"show_save_and_add_another": False} | (extra_context or {})
            return super().changeform_view(request, object_id, form_url, shown)
        except ObjectDoesNotExist:
            self.message_user(request, GONE, messages.ERROR)
            return HttpResponseRedirect(self.address("changelist"))

    def save_model(self, request, obj, form, change):
        """Save only a curator's changes, so that fields fetched at the same time are kept."""
        if changed := {name: getattr(obj, name) for name in OWN_FIELDS if name in form.changed_data}:
            services.curate(obj, **changed)

    def delete_view(self, request, object_id, extra_context=None):
        try:
            return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, IntegrityError):
            self.message_user(request, NOT_DELETED, messages.ERROR)
            return HttpResponseRedirect(self.address("changelist"))

    def changelist_view(self, request, extra_context=None):
        try:
            return super().changelist_view(request, {"source": self.model.source} | (extra_context or {}))
        except (ProtectedError, IntegrityError):
            self.message_user(request, NOT_DELETED, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.action(permissions=["change"], description="Refresh the selected %(verbose_name_plural)s")
    def refresh(self, request, queryset):
        works = list(queryset[: self.max_refreshed + 1])
        if len(works) > self.max_refreshed:
            sentence = f"Select at most {self.max_refreshed}. To refresh more, run the command refresh_catalog."
            self.message_user(request, sentence, messages.WARNING)
            return
        self.refresh_all(request, works)

    def refresh_view(self, request, pk):
        """Refresh a row from its form."""
        if work := self.get_changeable(request, pk):
            self.refresh_all(request, [work])
        return self.back_to(pk)

    def get_changeable(self, request, pk: int) -> Any:
        """The row, which the user may change; None, with a message, if it is gone. Raises PermissionDenied."""
        work = self.get_object(request, str(pk))
        if not self.has_change_permission(request, work):
            raise PermissionDenied
        if work is None:
            self.message_user(request, GONE, messages.ERROR)
        return work

    def back_to(self, pk: int) -> HttpResponseRedirect:
        """Redirect to the row's form, or to the list if the row is gone, as when MusicBrainz has merged it."""
        exists = self.model._default_manager.filter(pk=pk).exists()
        return HttpResponseRedirect(self.address("change", pk) if exists else self.address("changelist"))

    def refresh_all(self, request, works: list[Any]) -> None:
        """Refresh these rows, with messages for how many succeeded and why others failed."""
        source, refreshed, failed = self.model.source, 0, dict[str, list[str]]()
        for work in works:
            try:
                fetched = self.refresh_work(work)
            except NotFound:
                failed.setdefault(f"No longer on {source}; marked and kept", []).append(str(work))
            except IntegrationError as error:
                failed.setdefault(str(error).rstrip("."), []).append(str(work))
            else:
                refreshed += 1
                self.log_change(request, fetched, f"Refreshed from {source}.")
        if refreshed:
            names = self.opts.verbose_name if refreshed == 1 else self.opts.verbose_name_plural
            self.message_user(request, f"{refreshed} {names} refreshed.", messages.SUCCESS)
        for reason, names_of in failed.items():
            self.message_user(request, f"{reason}: {', '.join(names_of)}.", messages.ERROR)

    @admin.display(description="")
    def picture(self, work):
        return pictures.picture(work)

    @admin.display(description="picture")
    def large_picture(self, work):
        return pictures.picture(work, "large")

    @admin.display(description="title", ordering="title_key")
    def name(self, work):
        if not work.own_title:
            return work.title
        fetched = '{}<br><span class="fetched-title">{}: {}</span>'
        return format_html(fetched, work.own_title, work.source, work.title)

    @admin.display(description="last checked", ordering=Coalesce("vanished_at", "fetched_at"))
    def checked(self, work):
        if work.vanished_at:
            return f"removed {work.vanished_at:%Y-%m-%d}"
        return f"{work.fetched_at:%Y-%m-%d}" if work.fetched_at else "never"

    @admin.display(description="genres")
    def genre_names(self, work):
        return ", ".join(work.genres) or "–"

    @admin.display(description="links")
    def links(self, work):
        return format_html_join(" · ", '<a href="{}" rel="noreferrer">{}</a>', self.pages(work))

    def pages(self, work: Any) -> list[tuple[str, str]]:
        """Addresses of the work's pages elsewhere, and the names of those sites."""
        return [(work.page_url, work.source)]


class CastInline(CreditInline):
    model = MovieCast
    related = "person"
    fields = ["order", "person", "character"]


class CrewInline(CreditInline):
    model = MovieCrew
    related = "person"
    fields = ["job", "person", "department"]


class MovieAliasInline(CreditInline):
    model = MovieAlias
    related = "movie"
    fields = ["tmdb_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Movie)
class MovieAdmin(WorkAdmin):
    form = MovieForm
    export_columns = [
        *("tmdb_id", "imdb_id", "title", "original_title", "original_language", "release_date", "runtime"),
        *("genres", "status", *OWN_FIELDS, "fetched_at"),
    ]
    example = "https://www.themoviedb.org/movie/603 or tt0133093"
    search_help_text = "Words of a title, or an id or address of TMDB or IMDb."
    max_refreshed = 20
    list_display = ["picture", "name", "original_title", "release_date", "checked", "links"]
    list_filter = [
        ("poster_path", filters.PictureFilter),
        filters.AgeFilter,
        filters.TextsFilter,
        ("fetched_at", filters.FetchedFilter),
        ("vanished_at", filters.VanishedFilter),
        filters.DecadeFilter,
        filters.GenreFilter,
        filters.CuratedFilter,
    ]
    fetched = (
        *("title", "original_title", "original_language", "release_date", "runtime", "genre_names", "overview"),
        *("tagline", "status", "vote_average", "vote_count", "poster_path", "backdrop_path"),
        *("tmdb_id", "imdb_id", "fetched_at", "vanished_at", "created_at"),
    )
    inlines = [CastInline, CrewInline, MovieAliasInline]

    def pages(self, work):
        pages = super().pages(work)
        return [*pages, (f"https://www.imdb.com/title/{work.imdb_id}/", "IMDb")] if work.imdb_id else pages

    def refresh_work(self, work):
        return services.refresh_movie(work.tmdb_id, force_refresh=True)

    def at_address(self, words):
        address = tmdb.read_address(words)
        if isinstance(address, str):
            return Q(imdb_id=address)
        return Q(tmdb_id=address) | Q(aliases__tmdb_id=address) if address else None

    def get_work(self, external_id):
        return services.get_movie(external_id)

    def read_id(self, text):
        address = tmdb.read_address(text)
        return address if isinstance(address, int) else None

    def as_id(self, words):
        return f"themoviedb.org/movie/{words}" if words.isdecimal() and tmdb.read_address(words) else ""

    def find(self, words, page):
        source, found = searching.search_movies(words, page=page)
        known = find_all_known(Movie, [hit.tmdb_id for hit in found.results])
        hits = [
            Hit(
                id=str(hit.tmdb_id),
                picture=pictures.picture_at("movie", hit.poster_path, "medium"),
                title=hit.title,
                by=hit.original_title if hit.original_title != hit.title else "",
                facts=[str(hit.release_date.year) if hit.release_date else "no date"],
                url=Movie.page_address.format(hit.tmdb_id),
                known=known.get(hit.tmdb_id),
            )
            for hit in found.results
        ]
        is_new = source == "tmdb" and not words.isdecimal() and tmdb.read_address(words) is not None
        return Found(source, found.total_results, found.total_pages, hits, is_new)


class ArtistCreditInline(CreditInline):
    model = AlbumArtist
    related = "artist"
    fields = ["position", "artist", "name", "join_phrase"]


class AlbumAliasInline(CreditInline):
    model = AlbumAlias
    related = "album"
    fields = ["musicbrainz_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Album)
class AlbumAdmin(WorkAdmin):
    form = AlbumForm
    export_columns = [
        *("musicbrainz_id", "release_group_id", "artist", "title", "release_date", "country", "status"),
        *("primary_type", "genres", *OWN_FIELDS, "fetched_at"),
    ]
    example = "https://musicbrainz.org/release/… or …/release-group/…"
    search_help_text = "Words of a title or artist, or an id or address of a release or release group of MusicBrainz."
    max_refreshed = 8  # at one request a second
    actions = ["refresh", "find_cover", "export_csv"]
    list_display = ["picture", "name", "artist", "release_date", "country", "primary_type", "checked", "links"]
    list_filter = [
        ("cover_art_url", filters.PictureFilter),
        ("release_group_id", filters.GroupFilter),
        filters.AgeFilter,
        ("fetched_at", filters.FetchedFilter),
        ("vanished_at", filters.VanishedFilter),
        filters.DecadeFilter,
        filters.GenreFilter,
        "primary_type",
        "status",
        filters.CuratedFilter,
    ]
    fetched = (
        *("title", "artist", "release_date", "country", "status", "primary_type", "genre_names"),
        *("cover_art_url", "cover_known", "cover_asked_at"),
        *("musicbrainz_id", "release_group_id", "fetched_at", "vanished_at", "created_at"),
    )
    inlines = [ArtistCreditInline, AlbumAliasInline]

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.cover_view))
        return [path("<int:pk>/cover/", view, name="catalog_album_cover"), *super().get_urls()]

    def cover_view(self, request, pk):
        """Find an album's cover from its form."""
        if album := self.get_changeable(request, pk):
            self.find_covers(request, [album])
        return self.back_to(pk)

    @admin.action(permissions=["change"], description="Find covers of the selected %(verbose_name_plural)s")
    def find_cover(self, request, queryset):
        albums = list(queryset[: services.MAX_COVERS + 1])
        if len(albums) > services.MAX_COVERS:
            self.message_user(request, f"Select at most {services.MAX_COVERS}.", messages.WARNING)
            return
        self.find_covers(request, albums)

    def find_covers(self, request, albums: list[Album]) -> None:
        """Ask the archive about these albums, with a message for each result."""
        try:
            found = services.find_covers(albums)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        answers = {
            True: ("Cover found", messages.SUCCESS),
            False: ("No cover found", messages.WARNING),
            None: ("The archive did not answer in time. Try again later", messages.ERROR),
        }
        for answer, (sentence, level) in answers.items():
            if of := [album for album in albums if found[album] is answer]:
                self.message_user(request, f"{sentence}: {', '.join(map(str, of))}.", level)
                if answer is not None:
                    for album in of:
                        self.log_change(request, album, f"{sentence}.")

    def pages(self, work):
        pages = super().pages(work)
        if work.release_group_id:
            pages.append((f"https://musicbrainz.org/release-group/{work.release_group_id}", "release group"))
        return pages

    def refresh_work(self, work):
        return services.refresh_album(work.musicbrainz_id, force_refresh=True)

    def at_address(self, words):
        if not (address := musicbrainz.read_address(words)):
            return None
        what, known = address
        release = Q(musicbrainz_id=known) | Q(aliases__musicbrainz_id=known)
        group = Q(release_group_id=known)
        return {"release": release, "release-group": group}.get(what, release | group)

    def get_work(self, external_id):
        return services.get_album(external_id)

    def read_id(self, text):
        return mbid(text)

    def find(self, words, page):
        source, found = searching.search_albums(words, limit=ALBUMS_A_PAGE, offset=(page - 1) * ALBUMS_A_PAGE)
        known = find_all_known(Album, [hit.musicbrainz_id for hit in found.results])
        hits = [self.hit(group, known) for group in searching.editions(found.results)]
        is_new = source == "musicbrainz" and musicbrainz.read_address(words) is not None
        return Found(source, found.count, math.ceil(found.count / ALBUMS_A_PAGE), hits, is_new)

    def hit(self, group: list[searching.AlbumHit], known: dict[UUID, Album]) -> Hit:
        """The card of a release group, or of a single release."""
        first = group[0]
        return Hit(
            id=str(first.musicbrainz_id),
            picture=pictures.picture_at("album", first.cover_art_url, "medium"),
            title=first.title,
            by=first.artist,
            facts=[first.release_date or "no date", *filter(None, (first.country, first.status))],
            url=Album.page_address.format(first.musicbrainz_id),
            known=known.get(first.musicbrainz_id),
            editions=[self.hit([edition], known) for edition in group] if len(group) > 1 else (),
        )
