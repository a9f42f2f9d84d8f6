from django.urls import path
from rest_framework.routers import SimpleRouter

from . import views, works

router = SimpleRouter(trailing_slash=False)
router.register("weeks", views.WeekViewSet, basename="week")

urlpatterns = [
    path("movies/selections", works.MovieSelectionsView.as_view(), name="movie-selections"),
    path("albums/selections", works.AlbumSelectionsView.as_view(), name="album-selections"),
    path("artists/<musicbrainz_id>", works.ArtistView.as_view(), name="artist"),
    path("people/<tmdb_id>", works.PersonView.as_view(), name="person"),
    *router.urls,
]
