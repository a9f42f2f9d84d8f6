"""Limits on attempts to sign in, sign up and stay signed in."""

from django.conf import settings
from rest_framework.throttling import SimpleRateThrottle

from accounts import services
from accounts.models import User


class AttemptThrottle(SimpleRateThrottle):
    """Counts per client and per account; the view says what is attempted, and on which account."""

    def __init__(self) -> None:
        self.wait_seconds = 0

    def allow_request(self, request, view):
        if request.method != "POST":
            return True  # a wrong method is no attempt
        rate = getattr(settings, f"{view.attempt.upper()}_RATE")
        limit, period = self.parse_rate(rate)
        if limit is None or period is None:
            return True
        subjects = {f"{view.attempt}:client:{self.get_ident(request)}"}
        if account := view.get_account(request):
            subjects.add(f"{view.attempt}:account:{account}")
        wait = services.take_attempt(subjects, limit=limit, period=period)
        self.wait_seconds = wait or 0
        return wait is None

    def wait(self):
        return self.wait_seconds


def account_of(name: object) -> str:
    """What tells one account from others: its id, or what it is called where there is none."""
    if not isinstance(name, str) or not name.isprintable():
        return ""  # no account can be called so
    known = User.objects.known_as(name).values_list("pk", flat=True).first()
    return f"name {name.lower()[:254]}" if known is None else f"id {known}"
