"""Who is asking: `Authorization: Bearer` with an access token or an API token, and nothing else."""

from datetime import datetime

from django.db import IntegrityError, transaction
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts import services, sessions
from accounts.models import ApiToken, Session, User

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


def read_token[T: Token](token_class: type[T], raw: str) -> tuple[T, Session]:
    """A valid token and its session, whose account may be inactive.

    Raises InvalidCredentials for anything else: garbage, another kind of token, expired, the session ended, the
    account gone or with another password since. That a refresh token was spent is not noticed here.
    """
    try:
        token = token_class(raw)  # type: ignore[arg-type]
        session = Session.objects.select_related("user").get(pk=token["sid"])
        if token["sub"] != str(session.user_id) or not session.user.is_signed_in_by(session.password_hash):
            raise InvalidCredentials
    except (Session.DoesNotExist, *UNREADABLE):
        raise InvalidCredentials from None
    return token, session


class BearerAuthentication(BaseAuthentication):
    """The scheme word in any letter case; a 403 for inactive accounts. `request.auth` is a Session or an ApiToken."""

    def authenticate_header(self, request):
        return "Bearer"

    def authenticate(self, request: Request):
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        raw = raw.strip()
        auth: Session | ApiToken
        if raw.startswith(services.TOKEN_PREFIX):
            auth = self.read_api_token(raw)
        else:
            _, auth = read_token(AccessToken, raw)
        if not auth.user.is_active:
            raise InactiveAccount
        if is_read_only(auth) and request.method not in SAFE_METHODS:
            raise ReadOnlyToken
        return auth.user, auth

    @staticmethod
    def read_api_token(raw: str) -> ApiToken:
        token = services.find_token(raw, ApiToken.FOR_SCRIPTS)
        if token is None:
            raise InvalidCredentials
        return token


def is_read_only(auth: Session | ApiToken) -> bool:
    """Whether a request that comes with this may change nothing, also where a GET would."""
    return isinstance(auth, ApiToken) and auth.scope != ApiToken.Scope.FULL


class IsSignedIn(BasePermission):
    """For what concerns the account itself: a password was needed to get this far, which no API token was."""

    message = "An API token cannot do this: sign in"

    def has_permission(self, request, view):
        return isinstance(request.auth, Session)


def sign_in(user: User, client: str) -> dict[str, object]:
    """The tokens of a new session of a client, which is called as its User-Agent says.

    Raises InvalidCredentials when the account has just been deleted.
    """
    refresh = RefreshToken()
    try:
        with transaction.atomic():
            session = sessions.start(user, client=client, refresh_id=refresh["jti"], expires_at=end_of(refresh))
    except IntegrityError:
        raise InvalidCredentials from None
    return pair_of(session, refresh)


def end_of(refresh: RefreshToken) -> datetime:
    """When a session ends that is not renewed."""
    return max(datetime_from_epoch(token["exp"]) for token in (refresh, refresh.access_token))


def pair_of(session: Session, refresh: RefreshToken) -> dict[str, object]:
    """What a sign-in answers: a refresh token, and an access token with its seconds to live."""
    refresh["sub"], refresh["sid"] = str(session.user_id), session.pk
    access = refresh.access_token
    return {
        "access_token": str(access),
        "refresh_token": str(refresh),
        "token_type": "bearer",
        "expires_in": int(access.lifetime.total_seconds()) if access.lifetime else 0,
    }
