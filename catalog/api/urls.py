from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(trailing_slash=False)
router.register("movies", views.MovieViewSet, basename="movie")
router.register("albums", views.AlbumViewSet, basename="album")

urlpatterns = router.urls
