"""Movies and albums in the admin: fetched fields are read-only, OWN_FIELDS are for curators."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.db.models import ProtectedError, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.utils.html import format_html, format_html_join

from catalog import pictures, searching, services
from catalog.fetching import find_all_known
from catalog.forms import AlbumForm, MovieForm
from catalog.models import OWN_FIELDS, Album, AlbumAlias, AlbumArtist, Merge, Movie, MovieAlias, MovieCast, MovieCrew
from catalog.progress import counted
from catalog.text import search_words
from integrations import musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound
from integrations.values import mbid

from . import filters
from .actions import FormActionsAdmin
from .cards import album_card, movie_card, with_editions
from .exporting import ExportAdmin
from .fetched import ReadOnlyInline
from .searching import Found, SearchAdmin

ALBUMS_A_PAGE = 25
GONE = "This has just been merged or deleted. Nothing was changed."
NOT_DELETED = "A user has just picked it, so it was not deleted."
MARKED = "{} marked. The job runner (manage.py run_jobs) looks for their covers within the next minutes."


class WorkAdmin(ExportAdmin, SearchAdmin, FormActionsAdmin):
    """Movies or albums."""

    actions = ["refresh", "export_csv"]
    list_display_links = ["name"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["search_text"]
    change_list_template = "admin/catalog/work_list.html"
    form_actions = ["refresh"]
    fetch: Callable[..., Movie | Album]  # refreshes the row with an external id; raises IntegrationError
    max_refreshed: int  # at a time: more would take too long for a page
    shown_first: tuple[str, ...] = ("large_picture", "links")
    fetched: tuple[str, ...]  # the read-only fields

    class Media:
        css = {"all": ["catalog/works.css"]}

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

    @admin.action(
        permissions=["change"],
        description="Refresh",
        description_plural="Refresh the selected %(verbose_name_plural)s",
    )
    def refresh(self, request, queryset):
        hint = " To refresh more, run the command refresh_catalog."
        self.refresh_all(request, self.chosen(request, queryset, self.max_refreshed, hint))
        return self.back_to_form(request)

    def chosen(self, request, queryset, most: int, hint: str = "") -> list[Any]:
        """The rows chosen for an action; none, with a message, if they are too many or gone."""
        works = list(queryset[: most + 1])
        if not works:
            self.message_user(request, GONE, messages.ERROR)
        elif len(works) > most:
            self.message_user(request, f"Select at most {most}.{hint}", messages.WARNING)
            return []
        return works

    def refresh_all(self, request, works: list[Any]) -> None:
        """Refresh these rows, with messages for how many succeeded and why others failed."""
        source, refreshed, failed = self.model.source, 0, dict[str, list[str]]()
        for work in works:
            try:
                fetched = self.fetch(work.external_id, force_refresh=True)
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

    @admin.display(description="picture")
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


class CastInline(ReadOnlyInline):
    model = MovieCast
    fields = ["order", "person", "character"]


class CrewInline(ReadOnlyInline):
    model = MovieCrew
    fields = ["job", "person", "department"]


class MovieAliasInline(ReadOnlyInline):
    model = MovieAlias
    fields = ["tmdb_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Movie)
class MovieAdmin(WorkAdmin):
    form = MovieForm
    get_work = staticmethod(services.get_movie)
    fetch = staticmethod(services.refresh_movie)
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
        *("overview_language", "tagline", "status", "vote_average", "vote_count", "poster_path", "backdrop_path"),
        *("tmdb_id", "imdb_id", "fetched_at", "vanished_at", "created_at"),
    )
    inlines = [CastInline, CrewInline, MovieAliasInline]

    def pages(self, work):
        pages = super().pages(work)
        return [*pages, (f"https://www.imdb.com/title/{work.imdb_id}/", "IMDb")] if work.imdb_id else pages

    def at_address(self, words):
        address = tmdb.read_address(words)
        if isinstance(address, str):
            return Q(imdb_id=address)
        return Q(tmdb_id=address) | Q(aliases__tmdb_id=address) if address else None

    def read_id(self, text):
        address = tmdb.read_address(text)
        return address if isinstance(address, int) else None

    def as_id(self, words):
        return f"themoviedb.org/movie/{words}" if words.isdecimal() and tmdb.read_address(words) else ""

    def find(self, words, page):
        source, found = searching.search_movies(words, page=page)
        known = find_all_known(Movie, [hit.tmdb_id for hit in found.results])
        hits = [replace(movie_card(hit, "medium"), known=known.get(hit.tmdb_id)) for hit in found.results]
        is_new = source == "tmdb" and not words.isdecimal() and tmdb.read_address(words) is not None
        return Found(source, found.total_results, found.total_pages, hits, is_new)


class ArtistCreditInline(ReadOnlyInline):
    model = AlbumArtist
    fields = ["position", "artist", "name", "join_phrase"]


class AlbumAliasInline(ReadOnlyInline):
    model = AlbumAlias
    fields = ["musicbrainz_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Album)
class AlbumAdmin(WorkAdmin):
    form = AlbumForm
    form_actions = ["refresh", "find_cover"]
    read_id = staticmethod(mbid)
    get_work = staticmethod(services.get_album)
    fetch = staticmethod(services.refresh_album)
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
        ("release_group_id", filters.ReleaseGroupFilter),
        filters.AgeFilter,
        ("fetched_at", filters.FetchedFilter),
        ("vanished_at", filters.VanishedFilter),
        filters.DecadeFilter,
        filters.GenreFilter,
        ("primary_type", filters.ValuesFilter),
        ("status", filters.ValuesFilter),
        filters.CuratedFilter,
    ]
    fetched = (
        *("title", "artist", "release_date", "country", "status", "primary_type", "genre_names"),
        *("cover_art_url", "cover_known", "cover_asked_at"),
        *("musicbrainz_id", "release_group_id", "fetched_at", "vanished_at", "created_at"),
    )
    inlines = [ArtistCreditInline, AlbumAliasInline]

    @admin.action(
        permissions=["change"],
        description="Find cover",
        description_plural="Find covers of the selected %(verbose_name_plural)s",
    )
    def find_cover(self, request, queryset):
        if queryset.count() > services.MAX_COVERS:
            marked = queryset.update(cover_asked_at=None)  # for services.find_marked_covers()
            self.message_user(request, MARKED.format(counted(marked, "album")), messages.SUCCESS)
        elif albums := self.chosen(request, queryset, services.MAX_COVERS):
            self.find_covers(request, albums)
        return self.back_to_form(request)

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

    def at_address(self, words):
        if not (address := musicbrainz.read_address(words)):
            return None
        what, known = address
        release = Q(musicbrainz_id=known) | Q(aliases__musicbrainz_id=known)
        group = Q(release_group_id=known)
        return {"release": release, "release-group": group}.get(what, release | group)

    def find(self, words, page):
        source, found = searching.search_albums(words, limit=ALBUMS_A_PAGE, offset=(page - 1) * ALBUMS_A_PAGE)
        known = find_all_known(Album, [hit.musicbrainz_id for hit in found.results])
        hits = [
            with_editions([replace(album_card(hit, "medium"), known=known.get(hit.musicbrainz_id)) for hit in group])
            for group in searching.editions(found.results)
        ]
        is_new = source == "musicbrainz" and musicbrainz.read_address(words) is not None
        return Found(source, found.count, math.ceil(found.count / ALBUMS_A_PAGE), hits, is_new)
