"""What users do with their accounts."""

import logging
import secrets
import threading
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from email.policy import SMTP
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator, default_token_generator
from django.contrib.sessions.models import Session as AdminSession
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
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
KEEP_API_TOKENS = timedelta(days=30)  # after they expired, so that their owner still finds them in the list
KEEP_INVITATIONS = timedelta(days=90)  # after they expired unused
TOKEN_PREFIX = "wo_"  # noqa: S105 - by which a leaked token can be recognized


def register(username: str, email: str, password: str, *, invitation: str = "") -> User:
    """A new account. Raises Refusal: 403 where registration is closed, 409 if the name, the address or the
    invitation is taken.

    The invitation is checked first, so that outsiders do not learn which names are taken.
    """
    invited = check_invitation(invitation) if invitation or not settings.REGISTRATION_OPEN else None
    _refuse_taken(username, email)
    user = User(username=username.lower(), email=email, password=make_password(password))
    try:
        with transaction.atomic():
            user.save(force_insert=True)
            # The second of two simultaneous uses of an invitation finds it used.
            if invited:
                unused = Invitation.objects.filter(pk=invited.pk, key_hash=invited.key_hash, used_at=None)
                if not unused.update(used_by=user, used_at=timezone.now()):
                    raise _used()
    except IntegrityError:
        _refuse_taken(username, email)  # by a simultaneous registration
        raise
    return user


def _refuse_taken(username: str, email: str) -> None:
    if User.objects.known_as(username).exists():
        raise Refusal("Username already registered", "username_taken", HTTPStatus.CONFLICT)
    if User.objects.known_as(email).exists():
        raise _email_taken()


def _email_taken() -> Refusal:
    return Refusal("Email already registered", "email_taken", HTTPStatus.CONFLICT)


def invite(*, note: str = "", days: int = INVITATION_DAYS) -> tuple[Invitation, str]:
    """A new invitation, and the code for its link, which is not stored."""
    invitation = Invitation(note=note)
    code = invitation.renew(days)
    invitation.save()
    return invitation, code


def invitation_url(code: str, request: HttpRequest | None = None) -> str:
    """The address of the page to register on with an invitation's code."""
    return site_url(request) + reverse("join", args=[code])


def renew_invitation(invitation: Invitation) -> str | None:
    """A new code that replaces the old one; None if the invitation has been used."""
    code = invitation.renew(INVITATION_DAYS)
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None)
    return code if unused.update(key_hash=invitation.key_hash, expires_at=invitation.expires_at) else None


def check_invitation(code: object) -> Invitation:
    """The invitation with this code. Raises Refusal: 403 if there is no valid one, 409 if it has been used."""
    if not code:
        raise Refusal("Registration is closed", "registration_closed", HTTPStatus.FORBIDDEN)
    known = Invitation.objects.filter(key_hash=digest(str(code))).first()
    if known and known.used_at:
        raise _used()
    if known is None or not known.is_valid:
        raise Refusal("This invitation is invalid or has expired", "invitation_invalid", HTTPStatus.FORBIDDEN)
    return known


def _used() -> Refusal:
    return Refusal("This invitation has been used", "invitation_used", HTTPStatus.CONFLICT)


class EmailTokens(PasswordResetTokenGenerator):
    """Tokens of links to new addresses. They expire, and end when the password or either address changes."""

    key_salt = "accounts.services.EmailTokens"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk} {user.get_session_auth_hash()} {timestamp} {user.email} {user.pending_email}"


def encode_id(user: User) -> str:
    return urlsafe_base64_encode(force_bytes(user.pk))


def check_link(uid: str, token: str, tokens: PasswordResetTokenGenerator = default_token_generator) -> User:
    """The user that this link was sent to. Raises Refusal with 403 if it is invalid or has expired."""
    try:
        user: User | None = User.objects.filter(pk=int(urlsafe_base64_decode(uid)), is_active=True).first()
    except ValueError:
        user = None
    if user is None or not tokens.check_token(user, token):
        raise _link_invalid()
    return user


def _link_invalid() -> Refusal:
    sentence = "This link is invalid or has expired. Request a new one."
    return Refusal(sentence, "reset_link_invalid", HTTPStatus.FORBIDDEN)


def request_email(user: User, email: str, request: HttpRequest) -> None:
    """Store a new address as pending until the link that is sent to it is followed; pass the present one to cancel
    that.

    Raises Refusal with 409 if another account has the address.
    """
    if User.objects.known_as(email).exclude(pk=user.pk).exists():
        raise _email_taken()
    user.pending_email = "" if email == user.email else email
    user.save(update_fields=["pending_email"])
    if not user.pending_email:
        return
    url = site_url(request) + reverse("confirm-email", args=[encode_id(user), EmailTokens().make_token(user)])
    send(_message("email_confirm", "confirm your email address", user.pending_email, user, url))
    send(_message("email_requested", "your email address is about to change", user.email, user))


def confirm_email(uid: str, token: str) -> User:
    """Replace the address by the new one that this link was sent to, and tell the old one.

    Raises Refusal: 403 if the link is invalid or was used at the same time, 409 if another account has the address.
    """
    user = check_link(uid, token, EmailTokens())
    old, user.email = user.email, user.pending_email
    unchanged = User.objects.filter(pk=user.pk, email=old, pending_email=user.email, password=user.password)
    try:
        with transaction.atomic():
            if not unchanged.update(email=user.email, pending_email=""):
                raise _link_invalid()
    except IntegrityError:
        raise _email_taken() from None
    send(_message("email_changed", "your email address was changed", old, user))
    return user


def delete_account(user: User) -> None:
    """Delete the account with everything it owns, including its sessions and tokens."""
    with transaction.atomic():
        # Until the end, nothing may be added to its rows or to rows that depend on them: picks lock their week.
        known = User.objects.select_for_update().filter(pk=user.pk).first()
        if known is None:
            return
        for rows in _rows_to_lock(known):
            list(rows.select_for_update().order_by("pk").values_list("pk"))
        known.delete()


def _rows_to_lock(user: Any) -> Iterator[QuerySet[Any]]:
    """The rows that go with the account, or to which rows that go belong, in the order in which other changes lock
    them: otherwise the deletion could deadlock with a change by another member, such as deleting a pick with its
    opinions."""
    yield _any_of(user.weeks, user.opinions.values("week"))
    yield _any_of(user.shortlist, user.suggestions.values("pk"), user.shortlist_votes.values("item"))
    yield _any_of(user.challenges, user.challenges_made.values("pk"))
    yield user.shared_years.model.objects.filter(Q(user=user) | Q(partner=user))


def _any_of(owned: Any, *others: QuerySet[Any]) -> QuerySet[Any]:
    """The owned rows, and those with these ids."""
    ids = owned.order_by().values("pk").union(*(rows.order_by() for rows in others))
    rows: QuerySet[Any] = owned.model.objects.filter(pk__in=ids)
    return rows


def set_active(user: User, *, active: bool, by: User) -> bool:
    """Activate or deactivate an account, and return whether that changed it; what it owns stays.

    Raises Refusal: 403 if it is staff and `by` is no superuser, 409 if it is `by` or the last superuser.
    """
    with transaction.atomic():
        # Locked in a fixed order, so that two superusers who deactivate each other do so one after the other.
        affected = Q(is_superuser=True, is_active=True) | Q(pk=user.pk)
        locked = {known.pk: known for known in User.objects.select_for_update().filter(affected).order_by("pk")}
        known = locked.get(user.pk)
        if known is None or known.is_active == active:
            return False
        if not can_manage(by, known):
            raise Refusal(f"{known} is staff: ask a superuser", "staff", HTTPStatus.FORBIDDEN)
        if not active and known == by:
            raise Refusal("You cannot deactivate your own account", "own_account", HTTPStatus.CONFLICT)
        if not active and is_last_superuser(known):
            sentence = f"{known} is the last superuser: make another user a superuser first"
            raise Refusal(sentence, "last_superuser", HTTPStatus.CONFLICT)
        known.is_active = active
        known.save(update_fields=["is_active"])
    return True


def can_manage(staff: User, user: User) -> bool:
    """Whether a member of staff with the permission to change accounts may change this one."""
    return staff.is_superuser or not (user.is_superuser or user.is_staff) or user == staff


def is_last_superuser(user: User) -> bool:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and user.is_active and not others.exists()


def change_password(user: User, new_password: str) -> None:
    """Set the password, which ends all sessions and tokens. Raises Refusal with 409 if it was just changed."""
    if not _replace_password(user, new_password):
        raise Refusal("Your password was just changed: sign in again", "password_changed", HTTPStatus.CONFLICT)


def _replace_password(user: User, new_password: str) -> bool:
    """Set the password, and return whether that worked: of simultaneous changes, only one does."""
    unchanged = User.objects.filter(pk=user.pk, password=user.password, email=user.email, is_active=True)
    user.password = make_password(new_password)
    return bool(unchanged.update(password=user.password))


def rehash_password(user: User, password: str) -> User | None:
    """Replace the hash of a password that stays the same: sessions and API tokens stay valid.

    Returns the user; None if the account has just been deleted, or its password changed.
    """
    old, old_stamp = user.password, user.get_session_auth_hash()
    user.password = make_password(password)
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, password=old).update(password=user.password):
            for held in (user.api_tokens, user.sessions):
                held.filter(password_hash=old_stamp).update(password_hash=user.get_session_auth_hash())
            return user
    stored = User.objects.filter(pk=user.pk).first()
    return stored if stored and stored.check_password(password) else None


def send_password_reset(email: str, request: HttpRequest) -> None:
    """Send a link to choose a new password to this address, if an account has it and signs in with a password.

    Neither what happens nor how long it takes shows whether there is one.
    """
    known = User.objects.known_as(email).filter(is_active=True).first()
    user = known if known and known.has_usable_password() else None
    recipient = user or User(pk=0, username="nobody", password="!")  # noqa: S106 - a message that is not sent
    uid, token = encode_id(recipient), default_token_generator.make_token(recipient)
    page = reverse("password-reset-confirm", args=[uid, token])
    url = settings.PASSWORD_RESET_URL.format(uid=uid, token=token) or site_url(request) + page
    message = _message("password_reset", "choose a new password", recipient.email, recipient, url)
    send(message if user else None)


def reset_password(uid: str, token: str, new_password: str) -> User:
    """Set the password of the user that a link was sent to; of simultaneous uses of a link, only one succeeds.

    Raises Refusal with 403 if the link is invalid or has expired.
    """
    user = check_link(uid, token)
    if not _replace_password(user, new_password):
        raise _link_invalid()
    return user


def create_token(user: User, *, name: str, scope: str, expires_at: datetime | None = None) -> tuple[ApiToken, str]:
    """A new API token, and its secret, which is not stored."""
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
    """The API token with this secret, if it is valid and has one of these scopes."""
    token = ApiToken.objects.select_related("user").filter(key_hash=digest(secret), scope__in=scopes).first()
    if token is None or not token.is_valid:
        return None
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - timedelta(hours=1):  # not a write for every read
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def renew_calendar_token(user: User) -> str:
    """The secret of a new calendar feed, which is not stored; it replaces the one before.

    After simultaneous calls, one secret is valid.
    """
    with transaction.atomic():
        list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))
        end_calendar_token(user)
        _, secret = create_token(user, name="Calendar", scope=ApiToken.Scope.CALENDAR)
    return secret


def end_calendar_token(user: User) -> bool:
    """Switch the user's calendar feed off, and return whether it was on."""
    deleted, _ = user.api_tokens.filter(scope=ApiToken.Scope.CALENDAR).delete()
    return deleted > 0


def flush_tokens() -> dict[str, int]:
    """Delete what has expired, and return how many rows of each kind.

    API tokens and unused invitations stay for KEEP_API_TOKENS and KEEP_INVITATIONS, so that their owners can see that
    they have expired; the clients that users signed in from stay for KEEP_KNOWN_CLIENTS.
    """
    now = timezone.now()
    tokens = ApiToken.objects.filter(expires_at__lte=now - KEEP_API_TOKENS)
    invitations = Invitation.objects.filter(used_at=None, expires_at__lte=now - KEEP_INVITATIONS)
    return {
        "session": Session.objects.filter(expires_at__lte=now).delete()[0],
        "admin session": AdminSession.objects.filter(expire_date__lte=now).delete()[0],
        "counted attempt": forget_attempts(now),
        "API token": tokens.delete()[0],
        "invitation": invitations.delete()[0],
        "known client": KnownClient.objects.filter(last_seen_at__lte=now - KEEP_KNOWN_CLIENTS).delete()[0],
    }


def site_url(request: HttpRequest | None = None) -> str:
    """The public address of this site, without a trailing slash.

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


def app_url() -> str:
    """Where people use the site: APP_URL, or a path here if it serves a frontend; empty if neither is known."""
    return settings.APP_URL or (reverse("home") if settings.FRONTEND_DIR else "")


def app(request: HttpRequest) -> dict[str, str]:
    """What templates of pages need to know about the app."""
    return {"app_url": app_url()}


def _message(template: str, subject: str, to: str, user: User, url: str = "") -> EmailMessage:
    context = {"user": user, "url": url, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    return EmailMessage(f"Wrong Opinions: {subject}", write_text(f"accounts/{template}.txt", context), to=[to])


def write_text(template: str, context: dict[str, Any]) -> str:
    """The text of a message, with the address of the app below it."""
    text: str = render_to_string(template, context)
    if address := app_url():
        text += f"\n-- \nWrong Opinions: {urljoin(site_url(), address)}\n"
    return text


class Notification(EmailMessage):
    """A message that the user has chosen to get, with a link to stop them: https://www.rfc-editor.org/rfc/rfc8058"""

    def __init__(self, user: User, subject: str, template: str, context: dict[str, Any]) -> None:
        url = site_url() + reverse("unsubscribe", args=[user.unsubscribe_key])
        text = write_text(template, context | {"user": user, "unsubscribe_url": url})
        headers = {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
        headers |= {"Auto-Submitted": "auto-generated"}  # asks for no out-of-office replies
        super().__init__(f"Wrong Opinions: {subject}", text, to=[user.email], headers=headers)

    def message(self, *, policy: Any = SMTP) -> Any:
        """With each header on one line: Python would encode a long link in a way that mail programs do not
        understand."""
        return super().message(policy=policy.clone(max_line_length=998))


def unsubscribe(key: UUID) -> bool:
    """Turn notifications off for the user with this key; returns whether there is one."""
    return bool(User.objects.filter(unsubscribe_key=key).update(notifications=User.Notifications.OFF))


def send(message: EmailMessage | None) -> None:
    """Send a message, if any, from a thread, so that the request does not wait; a failure is logged."""

    def deliver() -> None:
        try:
            if message:
                message.send()
        except Exception as error:
            is_bug = not isinstance(error, OSError)  # SMTP's errors contain addresses, which are not logged
            name = type(error).__name__
            logger.error("A message could not be sent (%s): check EMAIL_URL", name, exc_info=is_bug)

    threading.Thread(target=deliver, name="mail").start()
