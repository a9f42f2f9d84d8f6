"""What people do with their accounts."""

import logging
import secrets
import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.contrib.sessions.models import Session as AdminSession
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from .errors import Refusal
from .limits import KEEP_KNOWN_CLIENTS, forget_attempts
from .models import ApiToken, Invitation, KnownClient, Session, User, digest

logger = logging.getLogger(__name__)

INVITATION_DAYS = 14
KEEP_API_TOKENS = timedelta(days=30)  # after they expired their owner still finds them in the list
KEEP_INVITATIONS = timedelta(days=90)  # after they expired unused
TOKEN_PREFIX = "wo_"  # noqa: S105 - by which a leaked token can be recognised


def register(username: str, email: str, password: str, *, invitation: str = "") -> User:
    """A new account. Raises Refusal: 403 where registration is closed, 409 where the name, the address or the
    invitation is taken.

    Who is not invited is not told which names are taken.
    """
    invited = check_invitation(invitation) if invitation or not settings.REGISTRATION_OPEN else None
    _refuse_taken(username, email)
    user = User(username=username.lower(), email=email)
    user.set_password(password)  # slow by design, so before the transaction
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            # Of two who use one invitation at the same time the second finds it used.
            if invited:
                unused = Invitation.objects.filter(pk=invited.pk, key_hash=invited.key_hash, used_at=None)
                if not unused.update(used_by=user, used_at=timezone.now()):
                    raise _used()
    except IntegrityError:
        _refuse_taken(username, email)  # somebody was faster
        raise
    return user


def _refuse_taken(username: str, email: str) -> None:
    if User.objects.known_as(username).exists():
        raise Refusal("Username already registered", "username_taken", HTTPStatus.CONFLICT)
    if User.objects.known_as(email).exists():
        raise _email_taken()


def _email_taken() -> Refusal:
    return Refusal("Email already registered", "email_taken", HTTPStatus.CONFLICT)


def invite(*, by: User | None = None, note: str = "", days: int = INVITATION_DAYS) -> tuple[Invitation, str]:
    """A new invitation, and the code for its link, which nobody can be told again."""
    invitation = Invitation(note=note, created_by=by)
    code = invitation.renew(days)
    invitation.save()
    return invitation, code


def invitation_url(code: str, request: HttpRequest | None = None) -> str:
    """The address of the page on which one registers with an invitation's code."""
    return site_url(request) + reverse("join", args=[code])


def refuse_uninvited(code: object) -> None:
    """Raise Refusal where registration is closed and this is no good invitation's code."""
    if not settings.REGISTRATION_OPEN:
        check_invitation(code if isinstance(code, str) else "")


def renew_invitation(invitation: Invitation) -> str | None:
    """A new code for one that nobody has used, in place of the old one; None where somebody has."""
    code = invitation.renew(INVITATION_DAYS)
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None)
    return code if unused.update(key_hash=invitation.key_hash, expires_at=invitation.expires_at) else None


def check_invitation(code: str) -> Invitation:
    """The invitation with this code. Raises Refusal: 403 without a good one, 409 where it was used."""
    if not code:
        raise Refusal("Registration is closed", "registration_closed", HTTPStatus.FORBIDDEN)
    known = Invitation.objects.filter(key_hash=digest(code)).first()
    if known and known.used_at:
        raise _used()
    if known is None or not known.is_good:
        raise Refusal("This invitation is not good, or not any more", "invitation_invalid", HTTPStatus.FORBIDDEN)
    return known


def _used() -> Refusal:
    return Refusal("This invitation has been used", "invitation_used", HTTPStatus.CONFLICT)


def change_profile(user: User, **values: str) -> None:
    """Set some of `display_name`, `time_zone` and `visibility`."""
    for name, value in values.items():
        setattr(user, name, value)
    user.save(update_fields=list(values))


class EmailTokens(PasswordResetTokenGenerator):
    """For links to new addresses: they end with the password, with either address, and with their time."""

    key_salt = "accounts.services.EmailTokens"

    def _make_hash_value(self, user, timestamp):
        return f"{user.pk} {user.get_session_auth_hash()} {timestamp} {user.email} {user.pending_email}"


def request_email(user: User, email: str, request: HttpRequest) -> None:
    """Let an address wait until the link that is sent to it is followed; the present address is told, and cancels it.

    Raises Refusal with 409 where another account has the address.
    """
    if User.objects.known_as(email).exclude(pk=user.pk).exists():
        raise _email_taken()
    user.pending_email = "" if email == user.email else email
    user.save(update_fields=["pending_email"])
    if not user.pending_email:
        return
    url = site_url(request) + reverse("confirm-email", args=[encode_id(user), EmailTokens().make_token(user)])
    context = {"user": user, "url": url, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    send(_message("email_confirm", "confirm your email address", user.pending_email, context))
    send(_message("email_requested", "your email address is about to change", user.email, context))


def check_email_link(uid: str, token: str) -> User:
    """The user whose new address this link was sent to. Raises Refusal with 403 where it is invalid."""
    user = _find(uid)
    if user is None or not user.is_active or not user.pending_email or not EmailTokens().check_token(user, token):
        raise _email_link_invalid()
    return user


def _email_link_invalid() -> Refusal:
    return Refusal("This link is invalid or has expired", "email_link_invalid", HTTPStatus.FORBIDDEN)


def confirm_email(uid: str, token: str) -> User:
    """Let the new address count that this link was sent to, and tell the old one; of simultaneous uses one does.

    Raises Refusal: 403 where the link is invalid, 409 where another account has the address by now.
    """
    user = check_email_link(uid, token)
    old, user.email = user.email, user.pending_email
    asked = User.objects.filter(pk=user.pk, email=old, pending_email=user.email, password=user.password)
    try:
        with transaction.atomic():
            if not asked.update(email=user.email, pending_email=""):
                raise _email_link_invalid()
    except IntegrityError:
        raise _email_taken() from None
    send(_message("email_changed", "your email address was changed", old, {"user": user}))
    return user


def delete_account(user: User) -> None:
    """The account and all that is theirs goes, also the tokens that they signed in with."""
    with transaction.atomic():
        # Until the end nobody may add to what is theirs, nor to what hangs on that: picks lock their week.
        known = User.objects.select_for_update().filter(pk=user.pk).first()
        if known is None:
            return
        for theirs in (known.weeks, known.opinions):
            list(theirs.select_for_update().order_by("pk").values_list("pk"))
        known.delete()


def set_active(user: User, *, active: bool, by: User) -> bool:
    """Let somebody in again, or nobody sign in as them, and say whether that is new.

    What is theirs stays. Raises Refusal: 403 for staff, whom only superusers touch, 409 for oneself and the last
    superuser.
    """
    with transaction.atomic():
        # All in the same order, so that two superusers who do this to each other follow each other.
        chiefs = list(User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk"))
        known = User.objects.select_for_update().filter(pk=user.pk).first()
        if known is None or known.is_active == active:
            return False
        if not may_touch(by, known):
            raise Refusal(f"{known} is staff: ask a superuser", "staff", HTTPStatus.FORBIDDEN)
        if not active and known == by:
            raise Refusal("You cannot deactivate yourself: ask somebody else", "oneself", HTTPStatus.CONFLICT)
        if not active and chiefs == [known]:
            raise Refusal(f"{known} is the last superuser: make another first", "last_superuser", HTTPStatus.CONFLICT)
        known.is_active = active
        known.save(update_fields=["is_active"])
    return True


def may_touch(staff: User, user: User) -> bool:
    """Whether this member of staff may change somebody's account at all, given the permission."""
    return staff.is_superuser or not (user.is_superuser or user.is_staff) or user == staff


def is_last_superuser(user: User) -> bool:
    return (
        user.is_superuser
        and user.is_active
        and not (User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk).exists())
    )


def change_password(user: User, new_password: str) -> None:
    """Every token from before, of whatever kind, is refused from now on; of simultaneous changes one wins.

    Raises Refusal with 409 for the others.
    """
    checked = User.objects.filter(pk=user.pk, password=user.password)
    user.set_password(new_password)
    if not checked.update(password=user.password):
        raise Refusal("Your password was just changed: sign in again", "password_changed", HTTPStatus.CONFLICT)


def rehash_password(user: User, password: str) -> None:
    """Replace the hash of a password that stays the same: sessions and API tokens stay valid."""
    old, old_stamp = user.password, user.get_session_auth_hash()
    user.password = make_password(password)
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, password=old).update(password=user.password):
            for held in (user.api_tokens, user.sessions):
                held.filter(password_hash=old_stamp).update(password_hash=user.get_session_auth_hash())


def send_password_reset(email: str, request: HttpRequest) -> None:
    """Send a link to choose a new password to this address, if it is that of an account that signs in with one.

    Whoever asks cannot tell by what happens, nor by how long it takes, whether it is.
    """
    known = User.objects.known_as(email).filter(is_active=True).first()
    user = known if known and known.has_usable_password() else None
    somebody = user or User(pk=0, username="nobody", password="!")  # noqa: S106 - for whom it takes the same time
    uid, token = encode_id(somebody), default_token_generator.make_token(somebody)
    url = settings.PASSWORD_RESET_URL.format(uid=uid, token=token) or site_url(request) + reverse(
        "password-reset-confirm", args=[uid, token]
    )
    subject = "choose a new password"
    hours = settings.PASSWORD_RESET_TIMEOUT // 3600
    message = _message("password_reset", subject, somebody.email, {"user": somebody, "url": url, "hours": hours})
    send(message if user else None)


def encode_id(user: User) -> str:
    return urlsafe_base64_encode(force_bytes(user.pk))


def check_reset_link(uid: str, token: str) -> User:
    """Whom this link was sent to. Raises Refusal with 403 where it is not good."""
    user = _find(uid)
    if user is None or not user.is_active or not default_token_generator.check_token(user, token):
        raise Refusal(
            "This link is not good, or not any more: ask for another", "reset_link_invalid", HTTPStatus.FORBIDDEN
        )
    return user


def reset_password(uid: str, token: str, new_password: str) -> User:
    """Set the password of the user whom a link was sent to; of two uses of a link at once, one does.

    Raises Refusal with 403 where the link is not good.
    """
    new = User()
    new.set_password(new_password)  # slow by design, so before the transaction
    with transaction.atomic():
        list(User.objects.select_for_update().filter(pk=check_reset_link(uid, token).pk))
        user = check_reset_link(uid, token)  # once more, as whoever had the lock may have used it
        user.password = new.password
        user.save(update_fields=["password"])
    return user


def _find(uid: str) -> User | None:
    try:
        pk = int(urlsafe_base64_decode(uid))
    except (ValueError, OverflowError):
        return None
    return User.objects.filter(pk=pk).first() if 0 < pk < 2**63 else None


def create_token(user: User, *, name: str, scope: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A new API token, and its secret, which nobody can be told again."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        scope=scope,
        expires_at=expires_at,
        hint=secret[:8],
        key_hash=digest(secret),
        password_hash=user.get_session_auth_hash(),
    )
    return token, secret


def find_token(secret: str, scopes: Collection[str]) -> ApiToken | None:
    """The API token with this secret, if it is for one of these scopes and still good."""
    token = ApiToken.objects.select_related("user").filter(key_hash=digest(secret), scope__in=scopes).first()
    if token is None or not token.is_good:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - timedelta(hours=1):  # not a write for every read
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def renew_calendar_token(user: User) -> str:
    """The secret of the person's calendar feed from now on, which nobody can be told again; the one before ends.

    Of simultaneous calls one secret is good in the end.
    """
    with transaction.atomic():
        _lock(user)
        end_calendar_token(user)
        _, secret = create_token(user, name="Calendar", scope=ApiToken.Scope.CALENDAR)
    return secret


def end_calendar_token(user: User) -> bool:
    """Switch the user's calendar feed off, and say whether it was on."""
    deleted, _ = user.api_tokens.filter(scope=ApiToken.Scope.CALENDAR).delete()
    return deleted > 0


def _lock(user: User) -> None:
    """Let nobody else change the account's row, or what is done under its lock, until the transaction ends."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))


@dataclass(frozen=True)
class Flushed:
    """How many of each kind were forgotten."""

    sessions: int
    admin_sessions: int
    attempts: int
    api_tokens: int
    invitations: int
    known_clients: int


def flush_tokens() -> Flushed:
    """Forget what has expired: sessions of the API and the admin, and counted attempts at once; API tokens and
    invitations that nobody used after KEEP_API_TOKENS and KEEP_INVITATIONS, as until then people may wonder about them;
    clients that users signed in from after KEEP_KNOWN_CLIENTS.
    """
    now = timezone.now()
    return Flushed(
        sessions=Session.objects.filter(expires_at__lte=now).delete()[0],
        admin_sessions=AdminSession.objects.filter(expire_date__lte=now).delete()[0],
        attempts=forget_attempts(now),
        api_tokens=ApiToken.objects.filter(expires_at__lte=now - KEEP_API_TOKENS).delete()[0],
        invitations=Invitation.objects.filter(used_at=None, expires_at__lte=now - KEEP_INVITATIONS).delete()[0],
        known_clients=KnownClient.objects.filter(last_seen_at__lte=now - KEEP_KNOWN_CLIENTS).delete()[0],
    )


def site_url(request: HttpRequest | None = None) -> str:
    """Where people reach this site, without a trailing slash.

    Without SITE_URL it is the name that the request came to, if ALLOWED_HOSTS spells it out, else the first name there.
    A port is never taken from a request, as its sender chooses it.
    """
    if settings.SITE_URL:
        return settings.SITE_URL
    names = [name.removeprefix(".").lower() for name in settings.ALLOWED_HOSTS if name != "*"] or ["localhost"]
    asked = split_domain_port(request.get_host())[0] if request else ""
    host = asked if asked in names else names[0]
    if host in {"localhost", "127.0.0.1", "[::1]"}:
        return "http://127.0.0.1:8000"
    return f"{'https' if settings.HTTPS else 'http'}://{host}"


def _message(template: str, subject: str, to: str, context: dict[str, object]) -> EmailMessage:
    body = render_to_string(f"accounts/{template}.txt", context)
    return EmailMessage(f"Wrong Opinions: {subject}", body, to=[to])


def send(message: EmailMessage | None) -> threading.Thread:
    """Send a message, if any, while nobody waits for it; a failure is in the log."""

    def deliver() -> None:
        try:
            if message:
                message.send()
        except Exception:
            logger.exception("A message could not be sent: check EMAIL_URL")

    thread = threading.Thread(target=deliver, name="mail")
    thread.start()
    return thread
