from django.urls import path
from rest_framework.routers import SimpleRouter

from . import views

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("auth/tokens", views.ApiTokenViewSet, basename="api-token")
router.register("users", views.UserViewSet, basename="user")

urlpatterns = [
    path("auth/register", views.RegisterView.as_view(), name="register"),
    path("auth/login", views.LoginView.as_view(), name="login"),
    path("auth/refresh", views.RefreshView.as_view(), name="refresh"),
    path("auth/logout", views.LogoutView.as_view(), name="logout"),
    path("auth/me", views.MeView.as_view(), name="me"),
    path("auth/password", views.PasswordView.as_view(), name="password"),
    path("auth/password-reset", views.PasswordResetView.as_view(), name="api-password-reset"),
    path("auth/password-reset/confirm", views.ConfirmPasswordResetView.as_view(), name="api-password-reset-confirm"),
    path("auth/sessions", views.SessionViewSet.as_view({"get": "list", "delete": "destroy_others"}), name="sessions"),
    path("auth/sessions/<int:pk>", views.SessionViewSet.as_view({"delete": "destroy"}), name="session"),
    *router.urls,
]
