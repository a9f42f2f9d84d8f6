"""Sign-in with a username or an email address and a password."""

from django.contrib.auth.backends import AllowAllUsersModelBackend
from django.views.decorators.debug import sensitive_variables

from . import limits, services
from .hashers import is_outdated
from .models import User


class Backend(AllowAllUsersModelBackend):
    """Limits attempts, of the API and the admin together.

    It returns inactive users, too: the API tells them that they are inactive, and the admin refuses them itself.
    """

    @sensitive_variables("password")
    def authenticate(self, request, username=None, password=None, **kwargs):
        with limits.guess("login", request, limits.account_of(username)) as attempt:
            user = super().authenticate(request, username=username, password=password, **kwargs)
            attempt.is_wrong = user is None
        if isinstance(user, User) and is_outdated(user.password, password):
            return services.rehash_password(user, password)
        return user
