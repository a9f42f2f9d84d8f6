"""Who is asking: `Authorization: Bearer` with an access token or an API token, and nothing else."""

from typing import cast

from django.db import IntegrityError, transaction
from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts import services
from accounts.models import ApiToken, User

# What SimpleJWT raises for tokens, and lets through for odd claims of signed ones.
UNREADABLE = (TokenError, KeyError, ValueError, TypeError, AttributeError, ArithmeticError, OSError)


class InactiveAccount(PermissionDenied):
    default_detail = "User account is inactive"
    default_code = "inactive_account"


class ReadOnlyToken(PermissionDenied):
    default_detail = "This API token can only read"
    default_code = "read_only_token"


class InvalidCredentials(APIException):
    """A refusal of views without authenticators, where REST framework makes a 403 of AuthenticationFailed."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "Could not validate credentials"
    default_code = "invalid_credentials"


def read_token[T: Token](token_class: type[T], raw: str) -> tuple[T, User]:
    """A valid token and the account, possibly disabled, that it belongs to.

    Raises InvalidCredentials for anything else: garbage, another kind of token, expired, spent, an odd `sub`, the
    account gone or with another password since.
    """
    try:
        token = token_class(raw)  # type: ignore[arg-type]
        subject = token["sub"]
        if not (subject.isascii() and subject.isdecimal() and len(subject) <= 18):
            raise InvalidCredentials
        return token, JWTAuthentication().get_user(token)  # type: ignore[return-value]
    except (AuthenticationFailed, *UNREADABLE):
        raise InvalidCredentials from None


class BearerAuthentication(JWTAuthentication):
    """SimpleJWT's, but for the scheme word in any letter case, API tokens, and a 403 for disabled accounts."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request: Request):
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        raw = raw.strip()
        user: User
        token: AccessToken | ApiToken
        if raw.startswith(services.TOKEN_PREFIX):
            token = self.read_api_token(raw)
            user = token.user
        else:
            token, user = read_token(AccessToken, raw)
        if not user.is_active:
            raise InactiveAccount
        if isinstance(token, ApiToken) and token.scope != ApiToken.Scope.FULL and request.method not in SAFE_METHODS:
            raise ReadOnlyToken
        return user, token

    @staticmethod
    def read_api_token(raw: str) -> ApiToken:
        token = services.find_token(raw, ApiToken.FOR_SCRIPTS)
        if token is None:
            raise InvalidCredentials
        return token


class IsSignedIn(BasePermission):
    """For what concerns the account itself: a password was needed to get this far, which no API token was."""

    message = "An API token cannot do this: sign in"

    def has_permission(self, request, view):
        return bool(request.user) and not isinstance(request.auth, ApiToken)


def spend(token: RefreshToken) -> bool:
    """Refuse the token from now on, and say whether it was good until now: of simultaneous calls one hears so."""
    _, is_new = cast("tuple[BlacklistedToken, bool]", token.blacklist())  # its annotation forgets the second half
    return is_new


def pair_for(user: User) -> dict[str, object]:
    """What a sign-in answers: a new refresh token, and an access token with its seconds to live.

    Raises InvalidCredentials when the account has just been deleted.
    """
    try:
        with transaction.atomic():
            refresh: RefreshToken = RefreshToken.for_user(user)
    except IntegrityError:
        raise InvalidCredentials from None
    access = refresh.access_token
    return {
        "access_token": str(access),
        "refresh_token": str(refresh),
        "token_type": "bearer",
        "expires_in": int(access.lifetime.total_seconds()) if access.lifetime else 0,
    }
