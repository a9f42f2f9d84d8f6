"""Pages for people; what clients call is in api/urls.py."""

from django.urls import path

from . import views

urlpatterns = [
    path("admin/login/", views.admin_login),
    path("email/<str:uidb64>/<str:token>", views.ConfirmEmailView.as_view(), name="confirm-email"),
    path("admin/password_change/", views.admin_password_change),
    path("join/<str:code>", views.JoinView.as_view(), name="join"),
    # The admin's sign-in links to a page of this name.
    path("reset", views.PasswordResetView.as_view(), name="admin_password_reset"),
    path("reset/sent", views.PasswordResetSentView.as_view(), name="password-reset-sent"),
    path("reset/done", views.PasswordResetCompleteView.as_view(), name="password-reset-complete"),
    path(
        "reset/<str:uidb64>/<str:token>",
        views.PasswordResetConfirmView.as_view(),
        name="password-reset-confirm",
    ),
]
