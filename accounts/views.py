"""Pages that links in mail and invitations lead to, and the page of the admin that changes a password."""

from http import HTTPStatus
from uuid import UUID

from django import forms
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import BaseUserCreationForm, UsernameField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView

from . import limits, security, services
from .errors import Refusal
from .models import User


@sensitive_post_parameters()
def admin_password_change(request: HttpRequest) -> HttpResponse:
    """The admin's page to change a password, with the same limits and log entries as in the API."""
    change = admin.site.admin_view(admin.site.password_change, cacheable=True)
    if request.method != "POST" or not request.user.is_authenticated:
        return change(request)
    with limits.guess("own password", request, limits.account_id(request.user.pk)) as attempt:
        response = change(request)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if form:
            attempt.is_wrong = "old_password" in form.errors
    if response.status_code == HTTPStatus.FOUND:
        security.record("password changed", request, user_id=request.user.pk)
    return response


class JoinForm(BaseUserCreationForm):
    class Meta:
        model = User
        fields = ["username", "email"]
        field_classes = {"username": UsernameField}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}

    def validate_unique(self):
        """Left to `register`, which tells only people with a valid invitation."""

    def validate_constraints(self):
        """Left to `register`, too."""


@method_decorator([never_cache, sensitive_post_parameters()], name="dispatch")
class JoinView(FormView):
    """The page of an invitation's link: the first to follow it gets an account."""

    form_class = JoinForm
    template_name = "accounts/join.html"

    def dispatch(self, request, code):
        if request.method == "POST":
            limits.count_attempt("register", request)
        services.check_invitation(code)
        return super().dispatch(request, code)

    def form_valid(self, form):
        values = form.cleaned_data
        names, password = (values["username"], values["email"]), values["password1"]
        try:
            user = services.register(*names, password, invitation=self.kwargs["code"])
        except Refusal as refusal:
            if refusal.retry_after is not None:
                raise
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        for event in ("account registered", "invitation used"):
            security.record(event, self.request, user_id=user.pk)
        return render(self.request, "accounts/joined.html", {"username": user.username})


class PasswordResetView(auth_views.PasswordResetView):
    """Django's view, but it sends the message from a thread; the admin's sign-in page links here."""

    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("password-reset-sent")

    def form_valid(self, form):
        email = form.cleaned_data["email"]
        limits.count_attempt("reset", self.request, limits.account_of(email))
        services.send_password_reset(email, self.request)
        return HttpResponseRedirect(self.get_success_url())


class PasswordResetConfirmView(auth_views.PasswordResetConfirmView):
    """Django's view, but it only saves the password, and only one of two simultaneous uses of a link succeeds."""

    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("password-reset-complete")

    def form_valid(self, form):
        token = self.request.session[auth_views.INTERNAL_RESET_SESSION_TOKEN]
        user = services.reset_password(self.kwargs["uidb64"], token, form.cleaned_data["new_password1"])
        del self.request.session[auth_views.INTERNAL_RESET_SESSION_TOKEN]
        security.record("password reset", self.request, user_id=user.pk)
        return HttpResponseRedirect(self.get_success_url())


@method_decorator(never_cache, name="dispatch")
class ConfirmEmailView(TemplateView):
    """The page of the link in an email to a new address: a button replaces the old one."""

    template_name = "accounts/email_confirm.html"

    def get_context_data(self, **kwargs):
        user = services.check_link(kwargs["uidb64"], kwargs["token"], services.EmailTokens())
        return super().get_context_data(username=user.username, email=user.pending_email, **kwargs)

    def post(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponse:
        user = services.confirm_email(uidb64, token)
        security.record("email address changed", request, user_id=user.pk)
        return render(request, "accounts/email_confirmed.html", {"username": user.username, "email": user.email})


@method_decorator([never_cache, csrf_exempt], name="dispatch")
class UnsubscribeView(TemplateView):
    """The page of the link in notifications: a button, or one click in a mail program (RFC 8058), turns them off.

    The page is the same for everyone, so that a forwarded mail tells nothing of an account.
    """

    template_name = "accounts/unsubscribe.html"

    def post(self, request: HttpRequest, key: UUID) -> HttpResponse:
        if not services.unsubscribe(key):
            raise Http404
        return self.render_to_response({"is_done": True})
