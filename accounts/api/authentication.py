"""Who is asking: `Authorization: Bearer <access token>` and nothing else."""

from typing import cast

from rest_framework import status
from rest_framework.exceptions import APIException, AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.models import User

# What SimpleJWT raises for tokens, and lets through for odd claims of signed ones.
UNREADABLE = (TokenError, KeyError, ValueError, TypeError, AttributeError, ArithmeticError, OSError)


class InactiveAccount(PermissionDenied):
    default_detail = "User account is inactive"
    default_code = "inactive_account"


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
    """SimpleJWT's, but for the scheme word in any letter case and a 403 for disabled accounts."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request: Request):
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        token, user = read_token(AccessToken, raw.strip())
        if not user.is_active:
            raise InactiveAccount
        return user, token


def spend(token: RefreshToken) -> bool:
    """Refuse the token from now on, and say whether it was good until now: of simultaneous calls one hears so."""
    _, is_new = cast("tuple[BlacklistedToken, bool]", token.blacklist())  # its annotation forgets the second half
    return is_new


def pair_for(user: User) -> dict[str, object]:
    """What a sign-in answers: a new refresh token, and an access token with its seconds to live."""
    refresh: RefreshToken = RefreshToken.for_user(user)
    access = refresh.access_token
    return {
        "access_token": str(access),
        "refresh_token": str(refresh),
        "token_type": "bearer",
        "expires_in": int(access.lifetime.total_seconds()) if access.lifetime else 0,
    }
