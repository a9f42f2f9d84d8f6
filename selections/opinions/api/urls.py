from django.urls import path

from . import views

urlpatterns = [
    path("movies/<tmdb_id>/selections", views.SelectionsOfMovieView.as_view(), name="movie-picks"),
    path("albums/<musicbrainz_id>/selections", views.SelectionsOfAlbumView.as_view(), name="album-picks"),
    path("opinions", views.OpinionListView.as_view(), name="opinions"),
    path("weeks/<pk>/opinions", views.WeekOpinionsView.as_view(), name="week-opinions"),
    path("weeks/<pk>/movies/<position>/opinion", views.MovieOpinionView.as_view(), name="movie-opinion"),
    path("weeks/<pk>/movies/<position>/opinion/history", views.MovieOpinionHistoryView.as_view(), name="movie-history"),
    path("weeks/<pk>/albums/<position>/opinion", views.AlbumOpinionView.as_view(), name="album-opinion"),
    path("weeks/<pk>/albums/<position>/opinion/history", views.AlbumOpinionHistoryView.as_view(), name="album-history"),
]
