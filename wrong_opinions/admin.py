"""The admin's site: its names, and a first page with an overview of the instance."""

import logging
from functools import update_wrapper
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from catalog import pictures
from catalog.models import Album, Movie
from integrations import status
from selections.insights import dashboard
from selections.insights.rounds import MAX_MEMBERS
from selections.kinds import ALBUM, MOVIE
from selections.models import AnyPick, ImportedRow, Opinion, Week, WeekAlbum, WeekMovie
from selections.weeks import FIRST_YEAR, LAST_YEAR, YearWeek, read_week_name, this_week, week_name, weeks_later

from . import jobs
from .suggestions import SuggestionsView

logger = logging.getLogger(__name__)


class Site(admin.AdminSite):
    site_header = site_title = "Wrong Opinions"
    index_title = "Curate"
    enable_nav_sidebar = False  # with it and the filters there would be no room for lists

    def admin_view(self, view, cacheable=False):
        """A page; for a query that it cannot show, a message and the page without that query."""
        page = super().admin_view(view, cacheable)

        def careful(request, *args, **kwargs):
            try:
                response = page(request, *args, **kwargs)
                return response.render() if hasattr(response, "render") else response
            except (ValueError, OverflowError, DataError):
                if request.method != "GET" or not request.GET:
                    raise
                logger.warning("Invalid query for %r", request.path, exc_info=True)
                messages.warning(request, "The address had an invalid filter, which was ignored.")
            return HttpResponseRedirect(request.path)

        return update_wrapper(careful, page)

    def autocomplete_view(self, request):
        return SuggestionsView.as_view(admin_site=self)(request)

    def index(self, request, extra_context=None):
        """The lists, with the overview above them."""
        return super().index(request, {"overview": self.overview(request)} | (extra_context or {}))

    def overview(self, request: HttpRequest) -> dict[str, Any]:
        """The parts of the page, without those that show what the user may not view."""
        week = this_week(request.user)
        parts: dict[str, Any] = {"figures": []}
        if self.sees(request, Week, WeekMovie, WeekAlbum):
            parts["week"] = self.week(request, week)
            parts["figures"].append(dashboard.weekly_figure(week))
        if self.sees(request, Opinion):
            parts["figures"].append(dashboard.ratings_figure(request.user))
        if self.sees(request, Movie, WeekMovie):
            parts["figures"].append(dashboard.genres_figure(MOVIE))
        if self.sees(request, Album, WeekAlbum):
            parts["figures"].append(dashboard.genres_figure(ALBUM))
        if watched := [model for model in (ImportedRow, Week, Movie, Album) if self.sees(request, model)]:
            parts["attention"] = [
                (item, self.address(item.model, "changelist", **item.query))
                for item in dashboard.attention_items(request.user, watched)
            ]
        services = {"tmdb": Movie, "musicbrainz": Album, "coverart": Album}
        parts["upstreams"] = status.upstreams(name for name, model in services.items() if self.sees(request, model))
        if request.user.is_superuser:
            parts["jobs"] = jobs.states()
        return parts

    def week(self, request: HttpRequest, week: YearWeek) -> dict[str, Any]:
        """The picks of this week, or a link to add the first one."""
        picks, more = dashboard.picks_of(week)
        shown = Week(year=week[0], week_number=week[1])
        parts = {
            "name": shown.name,
            "starts_on": shown.starts_on,
            "ends_on": shown.ends_on,
            "more": more,
            "cards": [self.card(pick) for pick in picks],
            "list": self.address(Week, "changelist", year=week[0], week_number=week[1]),
        }
        if not picks:
            parts["first"] = self.first_step(request, week)
        return parts

    def card(self, pick: AnyPick) -> dict[str, Any]:
        if isinstance(pick, WeekMovie):
            line = str(pick.movie.release_date.year) if pick.movie.release_date else ""
        else:
            line = pick.album.artist
        return {
            "week": pick.week,
            "address": self.address(Week, "change", pick.week_id),
            "kind": pick.kind,
            "picture": pictures.picture(pick.work, "medium"),
            "title": pick.work.shown_title,
            "line": line,
        }

    def first_step(self, request: HttpRequest, week: YearWeek) -> str:
        """The page on which the user can pick something for this week; empty if they may not."""
        own = Week.objects.filter(user=request.user.pk, year=week[0], week_number=week[1]).first()
        weeks = self.get_model_admin(Week)
        if own and weeks.has_change_permission(request, own):
            return self.address(Week, "change", own.pk)
        if not own and weeks.has_add_permission(request):
            return self.address(Week, "add", user=request.user.pk, year=week[0], week_number=week[1])
        return ""

    def get_urls(self):
        return [path("round/", self.admin_view(self.round), name="round"), *super().get_urls()]

    def round(self, request: HttpRequest) -> TemplateResponse:
        """The picks of all members for a calendar week, member by member. Raises ValueError for a bad name."""
        if not self.sees(request, Week, WeekMovie, WeekAlbum):
            raise PermissionDenied
        asked = request.GET.get("week")
        if (week := read_week_name(asked) if asked else this_week(request.user)) is None:
            raise ValueError(f"There is no week {asked!r}")
        found = Week.objects.filter(year=week[0], week_number=week[1]).with_picks().order_by("user__username")
        before, after = (weeks_later(week, count) for count in (-1, 1))
        context = {
            **self.each_context(request),
            "title": f"All members in {week_name(*week)}",
            "name": week_name(*week),
            "before": week_name(*before) if before[0] >= FIRST_YEAR else "",
            "after": week_name(*after) if after[0] <= LAST_YEAR else "",
            "weeks": [(one, [self.card(pick) for pick in one.picks]) for one in found[:MAX_MEMBERS]],
            "more": max(found.count() - MAX_MEMBERS, 0),
            "list": self.address(Week, "changelist", year=week[0], week_number=week[1]),
        }
        return TemplateResponse(request, "admin/overview/round.html", context)

    def sees(self, request: HttpRequest, *models: type[Model]) -> bool:
        return all(self.get_model_admin(model).has_view_permission(request) for model in models)

    def address(self, model: type[Model], page: str, *arguments: Any, **query: Any) -> str:
        options = model._meta
        address = reverse(f"{self.name}:{options.app_label}_{options.model_name}_{page}", args=arguments)
        return f"{address}?{urlencode(query)}" if query else address
