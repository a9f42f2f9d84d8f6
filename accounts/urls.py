"""Pages for people; api/urls.py has what clients call."""

from django.urls import path
from django.views.generic import TemplateView

from . import views

urlpatterns = [
    path("admin/password_change/", views.admin_password_change),
    path("email/<str:uidb64>/<str:token>", views.ConfirmEmailView.as_view(), name="confirm-email"),
    path("join/<str:code>", views.JoinView.as_view(), name="join"),
    # The admin's sign-in links to a page of this name.
    path("reset", views.PasswordResetView.as_view(), name="admin_password_reset"),
    path(
        "reset/sent",
        TemplateView.as_view(template_name="accounts/password_reset_sent.html"),
        name="password-reset-sent",
    ),
    path(
        "reset/done",
        TemplateView.as_view(template_name="accounts/password_reset_complete.html"),
        name="password-reset-complete",
    ),
    path("unsubscribe/<uuid:key>", views.UnsubscribeView.as_view(), name="unsubscribe"),
    path("reset/<str:uidb64>/<str:token>", views.PasswordResetConfirmView.as_view(), name="password-reset-confirm"),
]
