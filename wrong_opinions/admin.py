"""The admin's site: its names, and a first page that shows how everything is."""

import logging
from functools import update_wrapper
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db import DataError
from django.db.models import Model
from django.http import HttpResponseRedirect
from django.urls import reverse

from catalog import pictures
from catalog.models import Album, Movie
from integrations import status
from selections.insights import dashboard
from selections.models import ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import this_week

logger = logging.getLogger(__name__)


class Site(admin.AdminSite):
    site_header = site_title = "Wrong Opinions"
    index_title = "Curate"
    enable_nav_sidebar = False  # beside it and the filters, lists have no room

    def admin_view(self, view, cacheable=False):
        """Each page, but for what no page can be made of: a sentence, and a way on."""
        page = super().admin_view(view, cacheable)

        def careful(request, *args, **kwargs):
            try:
                response = page(request, *args, **kwargs)
                return response.render() if hasattr(response, "render") else response
            except (ValueError, OverflowError, DataError):
                if request.method != "GET" or not request.GET:
                    raise
                logger.warning("No page can be made of the query of %r", request.path, exc_info=True)
                messages.warning(
                    request, "That address asks for something that cannot be: here is the page without it."
                )
            return HttpResponseRedirect(request.path)

        return update_wrapper(careful, page)

    def index(self, request, extra_context=None):
        """The lists, and above them how everything is."""
        return super().index(request, {"overview": self.overview(request)} | (extra_context or {}))

    def overview(self, request) -> dict[str, Any]:
        """The parts of the page; one that shows what somebody may not view is not there for them."""
        week = this_week(request.user)
        parts: dict[str, Any] = {"figures": []}
        if self.sees(request, Week, WeekMovie, WeekAlbum):
            parts["week"] = self.shelf(request, week)
            parts["figures"].append(dashboard.weekly_figure(week))
        if self.sees(request, Opinion):
            parts["figures"].append(dashboard.ratings_figure(request.user))
        if self.sees(request, Movie, WeekMovie):
            parts["figures"].append(dashboard.genres_figure("movie"))
        if self.sees(request, Album, WeekAlbum):
            parts["figures"].append(dashboard.genres_figure("album"))
        if watched := [model for model in (ImportedRow, Week, Movie, Album) if self.sees(request, model)]:
            parts["matters"] = [
                (matter, self.address(matter.model, "changelist", **matter.query))
                for matter in dashboard.matters(request.user, watched)
            ]
        services = {"tmdb": Movie, "musicbrainz": Album, "coverart": Album}
        parts["upstreams"] = status.upstreams(name for name, model in services.items() if self.sees(request, model))
        return parts

    def shelf(self, request, week: dashboard.YearWeek) -> dict[str, Any]:
        """Everybody's picks of this week, or a way to the first one."""
        shelf = dashboard.picks_of(week)
        shown = Week(year=week[0], week_number=week[1])
        parts = {
            "name": shown.name,
            "starts_on": shown.starts_on,
            "ends_on": shown.ends_on,
            "more": shelf.more,
            "cards": [self.card(pick) for pick in shelf.picks],
            "list": self.address(Week, "changelist", year=week[0], week_number=week[1]),
        }
        if not shelf.picks:
            parts["first"] = self.first_step(request, week)
        return parts

    def card(self, pick: WeekMovie | WeekAlbum) -> dict[str, Any]:
        card = {"week": pick.week, "address": self.address(Week, "change", pick.week_id)}
        if isinstance(pick, WeekMovie):
            year = pick.movie.release_date.year if pick.movie.release_date else ""
            poster = pictures.poster(pick.movie, "medium")
            return card | {"kind": "movie", "picture": poster, "title": pick.movie.shown_title, "line": year}
        cover = pictures.cover(pick.album, "medium")
        return card | {"kind": "album", "picture": cover, "title": pick.album.shown_title, "line": pick.album.artist}

    def first_step(self, request, week: dashboard.YearWeek) -> str:
        """Where the one who looks can pick something for this week; empty where they may not."""
        own = Week.objects.filter(user=request.user, year=week[0], week_number=week[1]).first()
        weeks = self.get_model_admin(Week)
        if own and weeks.has_change_permission(request, own):
            return self.address(Week, "change", own.pk)
        if not own and weeks.has_add_permission(request):
            return self.address(Week, "add", user=request.user.pk, year=week[0], week_number=week[1])
        return ""

    def sees(self, request, *models: type[Model]) -> bool:
        return all(self.get_model_admin(model).has_view_permission(request) for model in models)

    def address(self, model: type[Model], page: str, *arguments: Any, **query: Any) -> str:
        options = model._meta
        address = reverse(f"{self.name}:{options.app_label}_{options.model_name}_{page}", args=arguments)
        return f"{address}?{urlencode(query)}" if query else address
