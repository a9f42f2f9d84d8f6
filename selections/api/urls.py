from django.urls import include, path
from rest_framework.routers import SimpleRouter

from . import calendar, events, picks, views, works

router = SimpleRouter(trailing_slash=False)
router.register("weeks", views.WeekViewSet, basename="week")

urlpatterns = [  # the most frequent ones first, as Django tries them in order
    # Before the router, for which it would be a week.
    path("weeks/calendar-token", calendar.CalendarTokenView.as_view(), name="calendar-token"),
    *router.urls,
    path("", include("selections.insights.api.urls")),
    path("movies/selections", works.MovieSelectionsView.as_view(), name="movie-selections"),
    path("albums/selections", works.AlbumSelectionsView.as_view(), name="album-selections"),
    path("artists/<musicbrainz_id>", works.ArtistView.as_view(), name="artist"),
    path("people/<tmdb_id>", works.PersonView.as_view(), name="person"),
    path("weeks/<pk>/movies", picks.MoviePicksView.as_view(), name="week-movies"),
    path("weeks/<pk>/movies/<position>", picks.MoviePickView.as_view(), name="week-movie"),
    path("weeks/<pk>/albums", picks.AlbumPicksView.as_view(), name="week-albums"),
    path("weeks/<pk>/albums/<position>", picks.AlbumPickView.as_view(), name="week-album"),
    path("events", events.EventsView.as_view(), name="events"),
    path("weeks.ics", calendar.CalendarView.as_view(), name="calendar"),
    path("", include("selections.opinions.api.urls")),
    path("", include("selections.planning.api.urls")),
    path("", include("selections.transfer.api.urls")),
]
