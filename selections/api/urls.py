from django.urls import path
from rest_framework.routers import SimpleRouter

from . import calendar, comparison, opinions, recommendations, stats, views, works

router = SimpleRouter(trailing_slash=False)
router.register("weeks", views.WeekViewSet, basename="week")

urlpatterns = [
    path("movies/selections", works.MovieSelectionsView.as_view(), name="movie-selections"),
    path("albums/selections", works.AlbumSelectionsView.as_view(), name="album-selections"),
    path("artists/<musicbrainz_id>", works.ArtistView.as_view(), name="artist"),
    path("people/<tmdb_id>", works.PersonView.as_view(), name="person"),
    path("movies/<tmdb_id>/selections", opinions.MoviePicksView.as_view(), name="movie-picks"),
    path("albums/<musicbrainz_id>/selections", opinions.AlbumPicksView.as_view(), name="album-picks"),
    path("weeks.ics", calendar.CalendarView.as_view(), name="calendar"),
    path("weeks/calendar-token", calendar.CalendarTokenView.as_view(), name="calendar-token"),
    path("opinions", opinions.OpinionListView.as_view(), name="opinions"),
    path("weeks/<pk>/opinions", opinions.WeekOpinionsView.as_view(), name="week-opinions"),
    path("weeks/<pk>/movies/<position>/opinion", opinions.MovieOpinionView.as_view(), name="movie-opinion"),
    path(
        "weeks/<pk>/movies/<position>/opinion/history",
        opinions.MovieOpinionHistoryView.as_view(),
        name="movie-opinion-history",
    ),
    path("weeks/<pk>/albums/<position>/opinion", opinions.AlbumOpinionView.as_view(), name="album-opinion"),
    path(
        "weeks/<pk>/albums/<position>/opinion/history",
        opinions.AlbumOpinionHistoryView.as_view(),
        name="album-opinion-history",
    ),
    path("stats/overview", stats.OverviewView.as_view(), name="stats-overview"),
    path("stats/by-year/<year>", stats.ByYearView.as_view(), name="stats-by-year"),
    path("stats/year-in-opinions/<year>", stats.YearInOpinionsView.as_view(), name="stats-year-in-opinions"),
    path("stats/compare", comparison.CompareView.as_view(), name="compare"),
    path("stats/wrong-opinions", comparison.WrongOpinionsView.as_view(), name="wrong-opinions"),
    path("stats/report-card", comparison.ReportCardView.as_view(), name="report-card"),
    path("stats/contrarian", comparison.ContrarianView.as_view(), name="contrarian"),
    path("stats/on-this-week", comparison.OnThisWeekView.as_view(), name="on-this-week"),
    path("recommendations/movies", recommendations.MovieRecommendationsView.as_view(), name="recommended-movies"),
    path("recommendations/albums", recommendations.AlbumRecommendationsView.as_view(), name="recommended-albums"),
    *router.urls,
]
