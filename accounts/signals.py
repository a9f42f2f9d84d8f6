"""What happens at each sign-in to the API and the admin, for which Django sends these signals."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from . import limits, security
from .models import User


@receiver(user_logged_in)
def signed_in(request: HttpRequest, user: User, **kwargs: object) -> None:
    limits.remember_client(request, user)
    is_admin = request.path_info.startswith("/admin/")
    security.record("admin sign-in" if is_admin else "sign-in", request, user_id=user.pk)


@receiver(user_login_failed)
def sign_in_refused(credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: object) -> None:
    account = limits.account_of(credentials.get("username"))
    security.record("sign-in refused", request, user_id=account.user_id if account else None)
