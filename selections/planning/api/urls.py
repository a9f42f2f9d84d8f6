from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("shortlist", views.ShortlistViewSet, basename="shortlist")
router.register("challenges", views.ChallengeViewSet, basename="challenge")

urlpatterns = router.urls
