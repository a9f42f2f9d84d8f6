from django.urls import path

from . import card, comparison, recommendations, rounds, stats

urlpatterns = [
    path("rounds/<name>", rounds.RoundView.as_view(), name="round"),
    path("stats/overview", stats.OverviewView.as_view(), name="stats-overview"),
    path("stats/by-year/<year>", stats.ByYearView.as_view(), name="stats-by-year"),
    path("stats/year-in-opinions/shared.svg", card.SharedYearView.as_view(), name="shared-year"),
    path("stats/year-in-opinions/<year>/card.svg", card.YearCardView.as_view(), name="year-card"),
    path("stats/year-in-opinions/<year>/share", card.ShareYearView.as_view(), name="share-year"),
    path("stats/year-in-opinions/<year>", stats.YearInOpinionsView.as_view(), name="stats-year-in-opinions"),
    path("stats/compare", comparison.CompareView.as_view(), name="compare"),
    path("stats/wrong-opinions", comparison.WrongOpinionsView.as_view(), name="wrong-opinions"),
    path("stats/report-card", comparison.ReportCardView.as_view(), name="report-card"),
    path("stats/contrarian", comparison.ContrarianView.as_view(), name="contrarian"),
    path("stats/on-this-week", comparison.OnThisWeekView.as_view(), name="on-this-week"),
    path("recommendations/movies", recommendations.MovieRecommendationsView.as_view(), name="recommended-movies"),
    path("recommendations/albums", recommendations.AlbumRecommendationsView.as_view(), name="recommended-albums"),
]
