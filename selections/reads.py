"""The reads that are made all the time: the list of weeks, and a week with its picks."""

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from accounts.compiled import CompiledQuery, Rows

from .models import Week, WeekAlbum, WeekMovie


def list_weeks(viewer: int, *, own_first: bool) -> Rows[Week]:
    """All weeks that a user may see, to be paged: see WeekQuerySet.newest_first()."""
    page = weeks_own_first if own_first else weeks_newest_first
    return Rows(lambda: viewer_with_count(viewer)[0].visible_weeks, partial(page, viewer))


@CompiledQuery
def viewer_with_count(viewer: int) -> QuerySet[Any]:
    """The user, with the number of `visible_weeks`."""
    users = get_user_model()._default_manager.filter(pk=viewer).only("pk")
    return users.annotate(visible_weeks=Week.objects.count_visible_to(viewer))


@CompiledQuery
def weeks_newest_first(viewer: int, limit: int, offset: int) -> QuerySet[Week]:
    return Week.objects.visible_to(viewer).newest_first(viewer, own_first=False).page(limit, offset)


@CompiledQuery
def weeks_own_first(viewer: int, limit: int, offset: int) -> QuerySet[Week]:
    return Week.objects.visible_to(viewer).newest_first(viewer, own_first=True).page(limit, offset)


def with_picks(week: Week, viewer: int) -> Week:
    """The week with its picks as `movies` and `albums`, as WeekQuerySet.for_page() loads them."""
    week.movies, week.albums = movie_picks(week.pk, viewer), album_picks(week.pk, viewer)
    return week


@CompiledQuery
def week_by_id(week_id: int, viewer: int) -> QuerySet[Week]:
    return Week.objects.visible_to(viewer).for_list().filter(pk=week_id)


@CompiledQuery
def week_by_name(year: int, week_number: int, owner: int) -> QuerySet[Week]:
    return Week.objects.for_list().filter(user=owner, year=year, week_number=week_number)


@CompiledQuery
def movie_picks(week_id: int, viewer: int) -> QuerySet[WeekMovie]:
    return WeekMovie.objects.filter(week=week_id).with_opinions(viewer)


@CompiledQuery
def album_picks(week_id: int, viewer: int) -> QuerySet[WeekAlbum]:
    return WeekAlbum.objects.filter(week=week_id).with_opinions(viewer)
