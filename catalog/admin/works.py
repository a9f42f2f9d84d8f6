"""Movies and albums in the admin."""

import math
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import IntegrityError
from django.db.models import ProtectedError, Q
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from catalog import pictures, services
from catalog.forms import AlbumForm, MovieForm
from catalog.models import (
    Album,
    AlbumAlias,
    AlbumArtist,
    Merge,
    Movie,
    MovieAlias,
    MovieCast,
    MovieCrew,
    WorkQuerySet,
    search_words,
)
from integrations import musicbrainz, tmdb
from integrations.errors import IntegrationError, NotFound
from integrations.values import mbid

from . import filters
from .exporting import ExportAdmin
from .fetched import CreditInline, FetchedAdmin
from .merges import MergingAdmin
from .searching import Found, Hit, SearchAdmin

MAX_SHOWN = 50  # picks on a form
ALBUMS_A_PAGE = 25
GONE = "This has just been merged or deleted, so nothing was changed."
OWN = ("own_title", "own_cover", "note")


class WorkAdmin(ExportAdmin, SearchAdmin, MergingAdmin, FetchedAdmin):
    """What is fetched is looked at, what begins with `own` is a curator's."""

    actions = ["refresh", "merge", "export_csv"]
    list_per_page = 50
    search_fields = ["search_text"]
    change_list_template = "admin/catalog/work_list.html"
    change_form_template = "admin/catalog/work_form.html"
    most_refreshed: int  # at a time: more take longer than a page may

    class Media:
        css = {"all": ["catalog/works.css"]}

    def get_deleted_objects(self, objs, request):
        """With what was merged into a work its record goes, which nobody deletes by itself."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        return deleted, counts, needed - {Merge._meta.verbose_name}, protected

    def ask_again(self, work: Any) -> Any:
        """Raises IntegrationError."""
        raise NotImplementedError

    def at_address(self, words: str) -> Q | None:
        """Which rows an address or id means; None of anything else."""
        raise NotImplementedError

    def has_change_permission(self, request, obj=None):
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_queryset(self, request):
        works: WorkQuerySet = super().get_queryset(request)  # type: ignore[assignment]  # each Work's are
        return works.with_pick_count()

    def get_fields(self, request, obj=None):
        return admin.ModelAdmin.get_fields(self, request, obj)

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.refresh_view))
        name = f"{self.opts.app_label}_{self.opts.model_name}_refresh"
        return [path("<int:pk>/refresh/", view, name=name), *super().get_urls()]

    def get_search_results(self, request, queryset, search_term):
        """By all words in whatever title or name, or by an id or an address of it."""
        text = search_term.replace("\0", "").strip()
        if not text:
            return queryset, False
        words = search_words(text)
        named = Q(*(Q(search_text__contains=word) for word in words))
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
        """Only a curator's words, so that what is fetched just then stays."""
        if changed := {name: getattr(obj, name) for name in OWN if name in form.changed_data}:
            services.curate(obj, **changed)

    def delete_view(self, request, object_id, extra_context=None):
        try:
            return super().delete_view(request, object_id, extra_context)
        except (ProtectedError, IntegrityError):
            self.tell_picked(request)
            return HttpResponseRedirect(self.address("changelist"))

    def changelist_view(self, request, extra_context=None):
        try:
            return super().changelist_view(request, {"upstream": self.upstream} | (extra_context or {}))
        except (ProtectedError, IntegrityError):
            self.tell_picked(request)
            return HttpResponseRedirect(request.get_full_path())

    def tell_picked(self, request) -> None:
        self.message_user(request, "Somebody has just picked it, so that it stays.", messages.ERROR)

    @admin.action(permissions=["change"], description="Refresh the selected %(verbose_name_plural)s")
    def refresh(self, request, queryset):
        works = list(queryset[: self.most_refreshed + 1])
        if len(works) > self.most_refreshed:
            sentence = f"Select at most {self.most_refreshed}: for more there is the command refresh_catalog."
            self.message_user(request, sentence, messages.WARNING)
            return
        self.refresh_each(request, works)

    def refresh_view(self, request, pk):
        """Of one, from its form."""
        if work := self.get_changeable(request, pk):
            self.refresh_each(request, [work])
        return self.back_to(pk)

    def get_changeable(self, request, pk: int) -> Any:
        """The row, which the person may change; None, with a message, where it has gone. Raises PermissionDenied."""
        work = self.get_object(request, str(pk))
        if not self.has_change_permission(request, work):
            raise PermissionDenied
        if work is None:
            self.message_user(request, GONE, messages.ERROR)
        return work

    def back_to(self, pk: int) -> HttpResponseRedirect:
        """The row's form; the list where the row has gone, as when MusicBrainz has merged it."""
        is_there = self.model._default_manager.filter(pk=pk).exists()
        return HttpResponseRedirect(self.address("change", pk) if is_there else self.address("changelist"))

    def refresh_each(self, request, works: list[Any]) -> None:
        refreshed, failed = 0, dict[str, list[str]]()
        for work in works:
            try:
                fetched = self.ask_again(work)
            except NotFound:
                words = f"{self.upstream} knows it no more: it is marked, and stays"
                failed.setdefault(words, []).append(str(work))
            except IntegrationError as error:
                failed.setdefault(str(error).rstrip("."), []).append(str(work))
            else:
                refreshed += 1
                self.log_change(request, fetched, f"Refreshed from {self.upstream}.")
        if refreshed:
            names = self.opts.verbose_name if refreshed == 1 else self.opts.verbose_name_plural
            self.message_user(request, f"{refreshed} {names} refreshed.", messages.SUCCESS)
        for words, names_of in failed.items():
            self.message_user(request, f"{words}: {', '.join(names_of)}.", messages.ERROR)

    @admin.display(description="title", ordering="title_key")
    def name(self, work):
        if not work.own_title:
            return work.title
        return format_html('{}<br><span class="fetched-title">{}: {}</span>', work.own_title, self.upstream, work.title)

    @admin.display(description="picks", ordering="pick_count")
    def picked(self, work):
        return work.pick_count

    @admin.display(description="last asked", ordering=Coalesce("vanished_at", "fetched_at"))
    def asked(self, work):
        if work.vanished_at:
            return f"vanished {work.vanished_at:%Y-%m-%d}"
        return f"{work.fetched_at:%Y-%m-%d}" if work.fetched_at else "never"

    @admin.display(description="genres")
    def genre_names(self, work):
        return ", ".join(work.genres) or "–"

    @admin.display(description="picked in")
    def picked_in(self, work):
        picks = work.picks.select_related("week__user").order_by("-week__year", "-week__week_number", "pk")
        shown = list(picks[:MAX_SHOWN])
        rows = ((_week_address(self.admin_site.name, pick.week_id), pick.week) for pick in shown)
        more = work.pick_count - len(shown)
        if not shown:
            return "No week yet."
        links = format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>', rows)
        return format_html("{}<br>and {} more", links, more) if more > 0 else links

    @admin.display(description="links")
    def links(self, work):
        return format_html_join(" · ", '<a href="{}" rel="noreferrer">{}</a>', self.pages(work))

    def pages(self, work: Any) -> list[tuple[str, str]]:
        """Addresses of the work's pages elsewhere, and the names of those sites."""
        raise NotImplementedError


def _week_address(site: str, week_id: int) -> str:
    try:
        return reverse(f"{site}:selections_week_change", args=[week_id])
    except NoReverseMatch:  # a site without weeks
        return ""


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
        *("genres", "status", *OWN, "fetched_at"),
    ]
    upstream = "TMDB"
    example = "https://www.themoviedb.org/movie/603 or tt0133093"
    search_help_text = "Words of a title, or an id or address of TMDB or IMDb."
    most_refreshed = 20
    list_display = ["poster", "name", "original_title", "release_date", "picked", "asked", "links"]
    list_display_links = ["name"]
    list_filter = [
        ("poster_path", filters.PictureFilter),
        filters.AgeFilter,
        filters.TextsFilter,
        ("fetched_at", filters.FetchedFilter),
        ("vanished_at", filters.VanishedFilter),
        filters.PickedFilter,
        filters.DecadeFilter,
        filters.GenreFilter,
        filters.CuratedFilter,
    ]
    facts = ["title", "original_title", "original_language", "release_date", "runtime", "genre_names", "overview"]
    figures = ["tagline", "status", "vote_average", "vote_count", "poster_path", "backdrop_path"]
    when = ["tmdb_id", "imdb_id", "fetched_at", "vanished_at", "created_at"]
    fieldsets = [
        (None, {"fields": ["large_poster", "links", "picked_in"]}),
        ("What everybody reads", {"fields": OWN}),
        ("Fetched from TMDB", {"fields": [*facts, *figures, *when]}),
    ]
    readonly_fields = ["large_poster", "links", "picked_in", *facts, *figures, *when]
    inlines = [CastInline, CrewInline, MovieAliasInline]

    @admin.display(description="")
    def poster(self, movie):
        return pictures.poster(movie)

    @admin.display(description="poster")
    def large_poster(self, movie):
        return pictures.poster(movie, "large")

    def pages(self, work):
        pages = [(f"https://www.themoviedb.org/movie/{work.tmdb_id}", "TMDB")]
        return [*pages, (f"https://www.imdb.com/title/{work.imdb_id}/", "IMDb")] if work.imdb_id else pages

    def ask_again(self, work):
        return services.refresh_movie(work.tmdb_id, anew=True)

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
        source, found = services.search_movies(words, page=page)
        known = services.known_movies([hit.tmdb_id for hit in found.results])
        hits = [
            Hit(
                id=str(hit.tmdb_id),
                picture=pictures.poster_at(hit.poster_path, "medium"),
                title=hit.title,
                by=hit.original_title if hit.original_title != hit.title else "",
                facts=[str(hit.release_date.year) if hit.release_date else "no date"],
                url=f"https://www.themoviedb.org/movie/{hit.tmdb_id}",
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


class AliasInline(CreditInline):
    model = AlbumAlias
    related = "album"
    fields = ["musicbrainz_id", "created_at"]
    readonly_fields = ["created_at"]


@admin.register(Album)
class AlbumAdmin(WorkAdmin):
    form = AlbumForm
    export_columns = [
        *("musicbrainz_id", "release_group_id", "artist", "title", "release_date", "country", "status"),
        *("primary_type", "genres", *OWN, "fetched_at"),
    ]
    upstream = "MusicBrainz"
    example = "https://musicbrainz.org/release/… or …/release-group/…"
    search_help_text = "Words of a title or artist, or an id or address of a release or release group of MusicBrainz."
    most_refreshed = 8  # at one request a second
    actions = ["refresh", "find_cover", "merge", "export_csv"]
    list_display = ["cover", "name", "artist", "release_date", "country", "primary_type", "picked", "asked", "links"]
    list_display_links = ["name"]
    list_filter = [
        ("cover_art_url", filters.PictureFilter),
        ("release_group_id", filters.GroupFilter),
        filters.AgeFilter,
        ("fetched_at", filters.FetchedFilter),
        ("vanished_at", filters.VanishedFilter),
        filters.PickedFilter,
        filters.DecadeFilter,
        filters.GenreFilter,
        "primary_type",
        "status",
        filters.CuratedFilter,
    ]
    facts = ["title", "artist", "release_date", "country", "status", "primary_type", "genre_names"]
    covers = ["cover_art_url", "cover_known", "cover_asked_at"]
    when = ["musicbrainz_id", "release_group_id", "fetched_at", "vanished_at", "created_at"]
    fieldsets = [
        (None, {"fields": ["large_cover", "links", "picked_in"]}),
        ("What everybody reads", {"fields": OWN}),
        ("Fetched from MusicBrainz", {"fields": [*facts, *covers, *when]}),
    ]
    readonly_fields = ["large_cover", "links", "picked_in", *facts, *covers, *when]
    inlines = [ArtistCreditInline, AliasInline]

    @admin.display(description="")
    def cover(self, album):
        return pictures.cover(album)

    @admin.display(description="cover")
    def large_cover(self, album):
        return pictures.cover(album, "large")

    def get_urls(self):
        view = self.admin_site.admin_view(require_POST(self.cover_view))
        return [path("<int:pk>/cover/", view, name="catalog_album_cover"), *super().get_urls()]

    def cover_view(self, request, pk):
        """Of one, from its form."""
        if album := self.get_changeable(request, pk):
            self.find_covers(request, [album])
        return self.back_to(pk)

    @admin.action(permissions=["change"], description="Look for covers of the selected %(verbose_name_plural)s")
    def find_cover(self, request, queryset):
        albums = list(queryset[: services.MAX_COVERS + 1])
        if len(albums) > services.MAX_COVERS:
            self.message_user(request, f"Select at most {services.MAX_COVERS}.", messages.WARNING)
            return
        self.find_covers(request, albums)

    def find_covers(self, request, albums: list[Album]) -> None:
        try:
            found = services.find_covers(albums)
        except IntegrationError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        said = {
            True: ("The archive has a cover of", messages.SUCCESS),
            False: ("The archive has no cover of", messages.WARNING),
            None: ("The archive did not say in time whether it has a cover; try again later:", messages.ERROR),
        }
        for has, (words, level) in said.items():
            if of := [album for album in albums if found[album] is has]:
                self.message_user(request, f"{words} {', '.join(map(str, of))}.", level)
                if has is not None:
                    for album in of:
                        self.log_change(request, album, f"Looked for a cover: {'found' if has else 'none'}.")

    def pages(self, work):
        pages = [(f"https://musicbrainz.org/release/{work.musicbrainz_id}", "MusicBrainz")]
        if work.release_group_id:
            pages.append((f"https://musicbrainz.org/release-group/{work.release_group_id}", "release group"))
        return pages

    def ask_again(self, work):
        return services.refresh_album(work.musicbrainz_id, anew=True)

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
        source, found = services.search_albums(words, limit=ALBUMS_A_PAGE, offset=(page - 1) * ALBUMS_A_PAGE)
        known = services.known_albums([hit.musicbrainz_id for hit in found.results])
        hits = [self.hit(group, known) for group in services.editions(found.results)]
        is_new = source == "musicbrainz" and musicbrainz.read_address(words) is not None
        return Found(source, found.count, math.ceil(found.count / ALBUMS_A_PAGE), hits, is_new)

    def hit(self, group: list[services.AlbumHit], known: dict[UUID, Album]) -> Hit:
        """The card of a release group, or of a release alone."""
        first = group[0]
        return Hit(
            id=str(first.musicbrainz_id),
            picture=pictures.framed(first.cover_art_url, "cover", "medium"),
            title=first.title,
            by=first.artist,
            facts=[first.release_date or "no date", *filter(None, (first.country, first.status))],
            url=f"https://musicbrainz.org/release/{first.musicbrainz_id}",
            known=known.get(first.musicbrainz_id),
            editions=[self.hit([edition], known) for edition in group] if len(group) > 1 else (),
        )
