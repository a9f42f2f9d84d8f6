"""Pages for people who follow a link, and the admin's sign-in: what no frontend of ours shows."""

from functools import wraps
from http import HTTPStatus

from django import forms
from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import BaseUserCreationForm, UsernameField
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView

from . import limits, security, services
from .errors import Refusal
from .models import User


def says_refusals(view):
    """Lets a view raise Refusal, and shows that as a page."""

    @wraps(view)
    def answer(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            response = render(request, "accounts/refused.html", {"sentence": str(refusal)}, status=refusal.status)
            if refusal.retry_after is not None:
                response.headers["Retry-After"] = str(refusal.retry_after)
            return response

    return answer


@says_refusals
@sensitive_post_parameters("password")
def admin_login(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in, with the limits of the API's: attempts at both count together."""
    if request.method != "POST":
        return admin.site.login(request)
    with limits.guess("login", request, limits.account_of(request.POST.get("username"))) as attempt:
        response = admin.site.login(request)
        if attempt and response.status_code == HTTPStatus.OK:  # the form once more
            attempt.is_wrong = True
    return response


@says_refusals
@sensitive_post_parameters()
def admin_password_change(request: HttpRequest) -> HttpResponse:
    """The admin's own page, with the limits and the log of the API's."""
    change = admin.site.admin_view(admin.site.password_change, cacheable=True)
    if request.method != "POST" or not request.user.is_authenticated:
        return change(request)
    with limits.guess("own password", request, limits.account_id(request.user.pk)) as attempt:
        response = change(request)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if attempt and form:
            attempt.is_wrong = "old_password" in form.errors
    if response.status_code == HTTPStatus.FOUND:
        security.record("password changed", request, user_id=request.user.pk)
    return response


class JoinForm(BaseUserCreationForm):
    """Name, address and password, twice; what is taken is said by the service."""

    class Meta:
        model = User
        fields = ["username", "email"]
        field_classes = {"username": UsernameField}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}

    def validate_unique(self):
        """Left to the service, which tells nobody without a good invitation."""

    def validate_constraints(self):
        """Left to the service, too."""


@method_decorator([says_refusals, never_cache, sensitive_post_parameters()], name="dispatch")
class JoinView(FormView):
    """Where an invitation's link leads: an account for whoever follows it first."""

    form_class = JoinForm
    template_name = "accounts/join.html"

    def get(self, request, *args, **kwargs):
        services.check_invitation(self.kwargs["code"])
        return super().get(request, *args, **kwargs)

    def post(self, request, *args, **kwargs):
        limits.count_attempt("register", request)
        services.check_invitation(self.kwargs["code"])
        return super().post(request, *args, **kwargs)

    def form_valid(self, form):
        wanted = form.cleaned_data
        try:
            user = services.register(
                wanted["username"], wanted["email"], wanted["password1"], invitation=self.kwargs["code"]
            )
        except Refusal as refusal:
            if refusal.retry_after is not None:
                raise
            form.add_error(None, str(refusal))
            return self.form_invalid(form)
        for event in ("account registered", "invitation used"):
            security.record(event, self.request, user_id=user.pk)
        return render(self.request, "accounts/joined.html", {"username": user.username})


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address", max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


@method_decorator(says_refusals, name="dispatch")
class PasswordResetView(FormView):
    """Have a link sent; the admin's sign-in leads here."""

    form_class = AddressForm
    template_name = "accounts/password_reset.html"
    success_url = reverse_lazy("password-reset-sent")

    def form_valid(self, form):
        limits.count_attempt("reset", self.request, limits.account_of(form.cleaned_data["email"]))
        services.send_password_reset(form.cleaned_data["email"], self.request)
        return super().form_valid(form)


class PasswordResetSentView(TemplateView):
    template_name = "accounts/password_reset_sent.html"


@method_decorator(says_refusals, name="dispatch")
class PasswordResetConfirmView(auth_views.PasswordResetConfirmView):
    """Django's, but for what it saves: the password alone, and of two uses of a link at once, one."""

    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("password-reset-complete")

    def form_valid(self, form):
        token = self.request.session[auth_views.INTERNAL_RESET_SESSION_TOKEN]
        user = services.reset_password(self.kwargs["uidb64"], token, form.cleaned_data["new_password1"])
        del self.request.session[auth_views.INTERNAL_RESET_SESSION_TOKEN]
        security.record("password reset", self.request, user_id=user.pk)
        return HttpResponseRedirect(self.get_success_url())


class PasswordResetCompleteView(TemplateView):
    template_name = "accounts/password_reset_complete.html"
