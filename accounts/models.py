"""Users and how they sign in."""

import hashlib
import secrets
import unicodedata
import uuid
import zoneinfo
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, ClassVar

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Greatest, Length, Lower, NullIf
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

models.CharField.register_lookup(Length)


validate_username = RegexValidator(r"\A[a-zA-Z0-9_-]+\Z", "Use only letters, digits, _ and -.", code="invalid_username")
NEVER = models.Value(datetime(1970, 1, 1, tzinfo=UTC), models.DateTimeField())
RESERVED = ["all"]  # stands for a username in queries: user=all


def validate_not_reserved(value: str) -> None:
    if value.lower() in RESERVED:
        raise ValidationError("This name is reserved. Choose another one.", code="reserved_username")


validate_ascii = RegexValidator(
    r"\A[\x21-\x7e]+\Z", "Enter an address of ASCII characters without spaces.", code="invalid"
)
validate_printable = RegexValidator(
    r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*\Z", "Enter a single line of text."
)


@cache
def time_zones() -> set[str]:
    """The names of the IANA database, which take 10 ms to read."""
    return zoneinfo.available_timezones() - {"localtime", "Factory"}  # not places


def validate_time_zone(value: str) -> None:
    """Refuse anything but the zones of the IANA database."""
    if value not in time_zones():
        raise ValidationError("Enter an IANA time zone, such as Europe/Berlin.", code="invalid_time_zone")


def fold(text: str) -> str:
    """The text without letter case and accents, as searches compare it on every database."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


def _of_each(aggregate: models.Aggregate, **condition: object) -> models.Subquery:
    """The value of an aggregate for each user of a query."""
    own = User.objects.filter(pk=models.OuterRef("pk"), **condition).order_by().values("pk")
    return models.Subquery(own.annotate(value=aggregate).values("value"))


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User") -> "UserQuerySet":
        """The users whose weeks this user may see: their own, and those of everyone who is not private."""
        return self.filter(models.Q(visibility=User.Visibility.MEMBERS) | models.Q(pk=user.pk))

    def hidden_from(self, viewer: int) -> "UserQuerySet":
        """All but those of visible_to(); these are few, and an index finds them."""
        return self.filter(visibility=User.Visibility.PRIVATE).exclude(pk=viewer)

    def named_like(self, words: str) -> "UserQuerySet":
        """The users with each of the words in their names, in any letter case and with or without accents."""
        found = self
        for word in fold(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def with_counts(self) -> "UserQuerySet":
        """With `week_count` and `complete_week_count`, counted only for the rows that are loaded."""
        weeks = models.Count("weeks", distinct=True)
        complete = {"weeks__movie_picks__isnull": False, "weeks__album_picks__isnull": False}
        return self.annotate(
            week_count=Coalesce(_of_each(weeks), 0), complete_week_count=Coalesce(_of_each(weeks, **complete), 0)
        )

    def with_last_seen(self) -> "UserQuerySet":
        """With `last_seen_at`: the last sign-in, renewal of a session, or use of an API token, which is stored to the
        hour; None for a user who has never signed in.
        """
        of_sessions, of_tokens = (_of_each(models.Max(f"{held}__last_used_at")) for held in ("sessions", "api_tokens"))
        latest = Greatest(*(Coalesce(moment, NEVER) for moment in ("last_login", of_sessions, of_tokens)))
        return self.annotate(last_seen_at=NullIf(latest, NEVER))

    def update(self, **kwargs: Any) -> int:
        if kwargs.get("is_active") is False:
            kwargs["sign_in_epoch"] = models.F("sign_in_epoch") + 1
        return super().update(**kwargs)


class UserManager(DjangoUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def known_as(self, name: str) -> "models.QuerySet[User]":
        """The account, if any, with this name or email address, in any letter case: only addresses contain an @."""
        if "@" in name:
            return self.alias(folded=Lower("email")).filter(folded=name.lower())
        return self.filter(username=name.lower())

    def get_by_natural_key(self, username: str | None) -> "User":
        """The user that Django's backend, and so the admin, signs in: `username` may be an email address."""
        return self.known_as(username or "").get()

    def create_user(self, username: str, email: str = "", password: str | None = None, **extra_fields: Any) -> "User":
        return super().create_user(username.lower(), email, password, **extra_fields)

    def create_superuser(
        self, username: str, email: str = "", password: str | None = None, **extra_fields: Any
    ) -> "User":
        """Raises ValidationError, which `createsuperuser` shows as a message."""
        self.model(username=username.lower(), email=email or "").validate_constraints()
        return super().create_superuser(username.lower(), email, password, **extra_fields)

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """The address as it was typed; the constraint compares addresses in lower case."""
        return email or ""


class User(AbstractUser):
    """A member, who picks; `username` is stored in lower case."""

    class Visibility(models.TextChoices):
        MEMBERS = "members", "every member"
        PRIVATE = "private", "only this user"

    class Notifications(models.TextChoices):
        OFF = "off", "none"
        WEEKLY = "weekly", "on Sunday evening"
        REVEAL = "reveal", "when opinions are revealed"

    username = models.CharField(
        max_length=50,
        unique=True,
        validators=[MinLengthValidator(3), validate_username, validate_not_reserved],
        error_messages={"unique": "Username already registered"},
        help_text="3 to 50 letters, digits, _ and -; stored in lower case.",
    )
    email = models.EmailField("email address", validators=[validate_ascii])
    pending_email = models.EmailField(
        blank=True, editable=False, help_text="A new address, until the link in the email to it is followed."
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name, such as Europe/Berlin. It decides when a week begins.",
    )
    time_zone_changed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="For a week from then, no week ends early."
    )
    display_name = models.CharField(
        max_length=100, blank=True, validators=[validate_printable], help_text="Shown to others next to the username."
    )
    visibility = models.CharField(
        max_length=10,
        choices=Visibility,
        default=Visibility.MEMBERS,
        help_text="Who can see this user and their weeks. Staff see everything, but only in the admin.",
    )
    notifications = models.CharField(
        max_length=10,
        choices=Notifications,
        default=Notifications.OFF,
        help_text="Which emails the user gets; only they can see and change it.",
    )
    told_until = models.DateTimeField(
        default=timezone.now, editable=False, help_text="What was revealed before is in no notification."
    )
    told_week = models.CharField(
        max_length=8, blank=True, editable=False, help_text="ISO week of the last weekly email, such as 2026-W07."
    )
    unsubscribe_key = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="In the link that turns notifications off."
    )
    search_text = models.TextField(editable=False, help_text="The names without letter case and accents, for searches.")
    sign_in_epoch = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Increases when the account is deactivated, which ends its sessions and tokens for good.",
    )
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        abstract = False
        indexes = [models.Index(fields=["visibility"], name="user_visibility_index")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(username=Lower("username")),
                name="user_username_lower",
                violation_error_message="Usernames must be in lower case.",
            ),
            models.CheckConstraint(
                condition=models.Q(username__length__range=(3, 50)),
                name="user_username_length",
                violation_error_message="Usernames must have 3 to 50 characters.",
            ),
            models.CheckConstraint(
                condition=~models.Q(username__in=RESERVED),
                name="user_username_not_reserved",
                violation_error_message="This name is reserved. Choose another one.",
            ),
            models.CheckConstraint(
                condition=models.Q(visibility__in=["members", "private"]),
                name="user_visibility",
                violation_error_message="Visibility must be members or private.",
            ),
            models.CheckConstraint(
                condition=models.Q(notifications__in=["off", "weekly", "reveal"]),
                name="user_notifications",
                violation_error_message="Notifications must be off, weekly or reveal.",
            ),
            models.UniqueConstraint(
                Lower("email"), name="user_email_unique", violation_error_message="Email already registered"
            ),
        ]

    def save(self, *, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        all_fields = [field.name for field in self._meta.concrete_fields]
        fields = set(all_fields if update_fields is None else update_fields)
        self.search_text = fold(f"{self.username} {self.display_name}")
        if fields & {"username", "display_name"}:
            fields.add("search_text")
        if not self._state.adding and "is_active" in fields and not self.is_active:
            self.sign_in_epoch = models.F("sign_in_epoch") + 1
            fields.add("sign_in_epoch")
        if (
            not self._state.adding
            and "time_zone" in fields
            and not User.objects.filter(pk=self.pk, time_zone=self.time_zone).exists()
        ):
            self.time_zone_changed_at = timezone.now()
            fields.add("time_zone_changed_at")
        super().save(update_fields=None if update_fields is None else fields, **kwargs)

    def clean(self) -> None:
        self.username = (self.username or "").lower()

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is correct. Django's method also replaces outdated hashes, which ends sessions and may
        undo a simultaneous change of the password: `backends.Backend` does it instead."""
        return check_password(raw_password, self.password)

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """A hash of the password and the epoch; in epoch 0 it is Django's own hash, which older API tokens store."""
        of_password = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # not in the stubs
        if self.sign_in_epoch == 0:
            return of_password
        value = f"{of_password}{self.sign_in_epoch}"
        return salted_hmac("accounts.sign_in_epoch", value, secret, algorithm="sha256").hexdigest()

    def is_signed_in_by(self, password_hash: str) -> bool:
        """Whether a session or token with this hash is valid: no new password or deactivation has ended it.

        True while the account is inactive, as that has an error of its own.
        """
        return not self.is_active or constant_time_compare(password_hash, self.get_session_auth_hash())

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone that decides which day it is for this user."""
        return zoneinfo.ZoneInfo(self.time_zone)


class Attempts(models.Model):
    """The recent attempts of a client, at an account, or of a client at an account, counted by all processes
    together."""

    key = models.CharField(
        max_length=64, unique=True, help_text="Keyed hash of the client or account: no address is stored."
    )
    times = models.JSONField(default=list, help_text="Seconds since the epoch, oldest first.")
    expires_at = models.DateTimeField(db_index=True, help_text="When the last attempt no longer counts.")

    class Meta:
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"Attempts until {self.expires_at:%Y-%m-%d %H:%M}: {len(self.times)}"


class KnownClient(models.Model):
    """A client from which a user has signed in: other clients' attempts do not lock the user out there."""

    user = models.ForeignKey(User, models.CASCADE, related_name="known_clients")
    client_hash = models.CharField(max_length=64, help_text="Keyed hash of the client: no address is stored.")
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True, help_text="When it last signed in.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "client_hash"], name="knownclient_unique")]

    def __str__(self) -> str:
        return f"Client of {self.user}, last seen {self.last_seen_at:%Y-%m-%d}"


def digest(secret: str) -> str:
    """The SHA-256 hash that is stored instead of a secret. Secrets are too long to be guessed from it."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    def open_for(self, user: User) -> "SessionQuerySet":
        """The sessions that the user is signed in with, last used first."""
        return self.filter(
            user=user, password_hash=user.get_session_auth_hash(), expires_at__gt=timezone.now()
        ).order_by("-last_used_at", "-id")


class Session(models.Model):
    """A sign-in to the API, which lasts as long as its refresh token is renewed. Deleting it ends it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    client = models.CharField(max_length=200, blank=True, help_text="The User-Agent header of the client.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, help_text="When it began or was last renewed.")
    expires_at = models.DateTimeField(db_index=True, help_text="When its tokens expire.")
    refresh_hash = models.CharField(max_length=64, help_text="SHA-256 hash of the id of its latest refresh token.")
    password_hash = models.CharField(
        max_length=64, help_text="Hash of the password at that time: the session ends with it."
    )

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.client or "unknown client"


class ApiToken(models.Model):
    """A key to the API for a script or a widget; the secret is shown once and not stored."""

    class Scope(models.TextChoices):
        READ = "read", "read only"
        FULL = "full", "read and change"
        CALENDAR = "calendar", "calendar feed only"

    FOR_SCRIPTS = [Scope.READ, Scope.FULL]  # those that users create

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, validators=[validate_printable], help_text="What it is used for.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    hint = models.CharField(max_length=12, help_text="The first characters of the secret, to recognize it.")
    key_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 hash of the secret.")
    password_hash = models.CharField(
        max_length=64, help_text="Hash of the password at that time: the token ends with it."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Leave empty for a token that does not expire.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "full", "calendar"]),
                name="apitoken_scope",
                violation_error_message="Scope must be read, full or calendar.",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(scope="calendar"),
                name="apitoken_one_calendar",
                violation_error_message="This user already has a calendar feed.",
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="apitoken_name_present", violation_error_message="Enter a name."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_valid(self) -> bool:
        """Whether it has not expired, nor been ended by a new password or a deactivation."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return not expired and self.user.is_signed_in_by(self.password_hash)


class Invitation(models.Model):
    """A link that lets one person register; its code is shown once and not stored."""

    note = models.CharField(max_length=200, blank=True, help_text="Who it is for; visible to staff only.")
    key_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 hash of the code.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="invitations")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.OneToOneField(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="invitation",
        help_text="Empty again once that account is deleted.",
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_by=None) | ~models.Q(used_at=None),
                name="invitation_used_at",
                violation_error_message="A used invitation needs a date of use.",
            )
        ]

    def __str__(self) -> str:
        return f"Invitation for {self.note or 'anyone'}, valid until {self.expires_at:%Y-%m-%d}"

    @property
    def is_valid(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()

    def renew(self, days: int) -> str:
        """Return a new code, valid for this many days from now, and set its hash, without saving."""
        code = secrets.token_urlsafe(24)
        self.key_hash, self.expires_at = digest(code), timezone.now() + timedelta(days=days)
        return code
