"""Authentication of the API: `Authorization: Bearer` with an access token or an API token, and nothing else."""

from datetime import datetime, timedelta
from functools import lru_cache

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token, UntypedToken
from rest_framework_simplejwt.utils import aware_utcnow, datetime_from_epoch

from accounts import security, services
from accounts.compiled import CompiledQuery
from accounts.models import ApiToken, Session, User, digest

# What SimpleJWT raises for invalid tokens, and what it fails to catch if a signed token has odd claims.
UNREADABLE = (TokenError, KeyError, ValueError, TypeError, AttributeError, ArithmeticError, OSError)

MAX_ID = 2**63 - 1  # larger ids cannot be compared by the database
MAX_AGE = timedelta(days=365)  # of a session, even if it is renewed; after that, the user has to sign in again
REUSE_GRACE = timedelta(seconds=10)  # two tabs, or a retry, may send the same refresh token at once


class InactiveAccount(PermissionDenied):
    default_detail = "User account is inactive"
    default_code = "inactive_account"


class ReadOnlyToken(PermissionDenied):
    default_detail = "This API token can only read"
    default_code = "read_only_token"


class InvalidCredentials(APIException):
    """A 401, even in views without authenticators, where REST framework turns AuthenticationFailed into a 403."""

    status_code = status.HTTP_401_UNAUTHORIZED
    default_detail = "Could not validate credentials"
    default_code = "invalid_credentials"


class TokenExpired(InvalidCredentials):
    default_code = "token_expired"


def read_token[T: Token](token_class: type[T], raw: str) -> tuple[T, Session]:
    """A valid token and its session, whose account may be inactive.

    Raises TokenExpired for a token that was valid but has expired, and InvalidCredentials for anything else: garbage, a
    token of another kind, or one whose session or account is gone, or whose password was changed. It does not check
    whether a refresh token is spent.
    """
    try:
        token = verified(token_class, raw)  # type: ignore[arg-type]
        session_id, user_id = int(token["sid"]), token["sub"]
    except ExpiredTokenError:
        raise TokenExpired from None
    except UNREADABLE:
        raise InvalidCredentials from None
    try:
        token.check_exp(current_time=aware_utcnow())
    except TokenError:
        raise TokenExpired from None
    session = next(iter(find_sessions(session_id)), None) if abs(session_id) <= MAX_ID else None
    if not session or user_id != str(session.user_id) or not session.user.is_signed_in_by(session.password_hash):
        raise InvalidCredentials
    return token, session


@lru_cache(maxsize=1000)
def verified[T: Token](token_class: type[T], raw: str) -> T:
    """The token, with its signature verified, which is done once. Callers check whether it has expired since. Raises
    TokenError."""
    return token_class(raw)  # type: ignore[arg-type]


@CompiledQuery
def find_sessions(session_id: int) -> QuerySet[Session]:
    """The session with this id and its user, without values that requests do not need, if there is one."""
    unused = ("last_login", "told_until", "told_week", "unsubscribe_key", "search_text")
    return Session.objects.filter(pk=session_id).select_related("user").defer(*(f"user__{name}" for name in unused))


class BearerAuthentication(BaseAuthentication):
    """Accepts the scheme in any letter case; inactive accounts get a 403. `request.auth` is a Session or an
    ApiToken."""

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate(self, request: Request) -> tuple[User, Session | ApiToken] | None:
        scheme, _, raw = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        raw = raw.strip()
        auth: Session | ApiToken | None
        if raw.startswith(services.TOKEN_PREFIX):
            auth = services.find_token(raw, ApiToken.FOR_SCRIPTS)
        else:
            _, auth = read_token(AccessToken, raw)
        if auth is None:
            raise InvalidCredentials
        if not auth.user.is_active:
            raise InactiveAccount
        if is_read_only(auth) and request.method not in SAFE_METHODS:
            raise ReadOnlyToken
        return auth.user, auth


def is_read_only(auth: Session | ApiToken) -> bool:
    """Whether a request with this authentication must not change anything, not even by a GET."""
    return isinstance(auth, ApiToken) and auth.scope != ApiToken.Scope.FULL


class IsSignedIn(BasePermission):
    """For changes of the account itself, which need a session that began with a password; an API token is not
    enough."""

    message = "An API token cannot do this: sign in"

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, Session)


def sign_in(user: User, client: str) -> dict[str, object]:
    """The tokens of a new session of a client, which is named as its User-Agent."""
    refresh = RefreshToken()
    session = Session.objects.create(
        user=user,
        client="".join(filter(str.isprintable, client))[:200].strip(),
        refresh_hash=digest(refresh["jti"]),
        password_hash=user.get_session_auth_hash(),
        expires_at=end_of(refresh),
    )
    return pair_of(session, refresh)


def renew(raw: str, request: Request) -> dict[str, object]:
    """The tokens that replace a refresh token. Raises InvalidCredentials if it is invalid or spent.

    Of simultaneous uses of a token, one succeeds. A token that was spent longer than REUSE_GRACE ago may be stolen, so
    it ends its session.
    """
    token, session = read_token(RefreshToken, raw)
    if not session.user.is_active:
        raise InvalidCredentials
    stored, spent = Session.objects.filter(pk=session.pk), digest(str(token["jti"]))
    now, refresh = timezone.now(), RefreshToken()
    ends_at = min(end_of(refresh), session.created_at + MAX_AGE)
    if stored.filter(refresh_hash=spent, expires_at__gt=now).update(
        refresh_hash=digest(refresh["jti"]), last_used_at=now, expires_at=ends_at
    ):
        return pair_of(session, refresh)
    if stored.filter(last_used_at__lte=now - REUSE_GRACE).exclude(refresh_hash=spent).delete()[0]:
        security.record("session ended: spent refresh token used again", request, user_id=session.user_id)
    raise InvalidCredentials


def user_id_in(raw: object) -> int | None:
    """The id of the user that a token was signed for, whatever its kind; None if it is invalid or has expired."""
    try:
        return int(UntypedToken(raw)["sub"])  # type: ignore[arg-type]
    except UNREADABLE:
        return None


def end_of(refresh: RefreshToken) -> datetime:
    """When a session ends if it is not renewed: when its last token expires."""
    return max(datetime_from_epoch(token["exp"]) for token in (refresh, refresh.access_token))


def pair_of(session: Session, refresh: RefreshToken) -> dict[str, object]:
    """The answer to a sign-in: a refresh token, and an access token with its lifetime in seconds."""
    refresh["sub"], refresh["sid"] = str(session.user_id), session.pk
    access = refresh.access_token
    return {
        "access_token": str(access),
        "refresh_token": str(refresh),
        "token_type": "bearer",
        "expires_in": int(access.lifetime.total_seconds()) if access.lifetime else 0,
    }
