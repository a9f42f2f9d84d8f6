"""People and their sign-in."""

import hashlib
import secrets
import unicodedata
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models.functions import Coalesce, Greatest, Length, Lower, NullIf
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

models.CharField.register_lookup(Length)


validate_username = RegexValidator(r"\A[a-zA-Z0-9_-]+\Z", "Use letters, digits, _ and - only.", code="invalid_username")
NEVER = models.Value(datetime(1970, 1, 1, tzinfo=UTC), models.DateTimeField())
RESERVED = ["all"]  # what addresses say instead of a name


def validate_not_reserved(value: str) -> None:
    if value.lower() in RESERVED:
        raise ValidationError("That name means something else here: choose another.", code="reserved_username")


validate_ascii = RegexValidator(
    r"\A[\x21-\x7e]+\Z", "Use an address of ASCII characters without blanks.", code="invalid"
)
validate_printable = RegexValidator(r"\A[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*\Z", "Use one line of text.")


def validate_time_zone(value: str) -> None:
    """Refuse what is not a zone of the IANA database."""
    if value not in zoneinfo.available_timezones() - {"localtime", "Factory"}:  # of one machine, and of none
        raise ValidationError("Enter an IANA time zone, such as Europe/Berlin.", code="invalid_time_zone")


def fold(text: str) -> str:
    """The text without letter case and accents, as searches compare it on every database (in the catalog, too)."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: "User") -> "UserQuerySet":
        """Those whose weeks the user may see: their own, and of everybody who is not private."""
        return self.filter(models.Q(visibility=User.Visibility.MEMBERS) | models.Q(pk=user.pk))

    def named_like(self, words: str) -> "UserQuerySet":
        """Those who have each of the words in their names, whatever its letter case and accents."""
        found = self
        for word in fold(words).split():
            found = found.filter(search_text__contains=word)
        return found

    def with_counts(self) -> "UserQuerySet":
        """With `week_count` and `complete_week_count`, counted for the rows that are loaded only.

        `weeks` and what hangs on them are what `selections` calls its foreign keys.
        """

        def count(**condition: object) -> Coalesce:
            mine = User.objects.filter(pk=models.OuterRef("pk"), **condition).order_by().values("pk")
            return Coalesce(models.Subquery(mine.annotate(n=models.Count("weeks", distinct=True)).values("n")), 0)

        return self.annotate(
            week_count=count(),
            complete_week_count=count(weeks__movie_picks__isnull=False, weeks__album_picks__isnull=False),
        )

    def with_last_seen(self) -> "UserQuerySet":
        """With `last_seen_at`: the latest that is stored of a sign-in, of a session's renewal, and of an API token's
        use, which is kept to the hour; None for a user who was never here.
        """

        def latest(what: str) -> Coalesce:
            of_theirs = User.objects.filter(pk=models.OuterRef("pk")).order_by().values("pk")
            return Coalesce(models.Subquery(of_theirs.annotate(at=models.Max(what)).values("at")), NEVER)

        latest_of_all = Greatest(
            Coalesce("last_login", NEVER), latest("sessions__last_used_at"), latest("api_tokens__last_used_at")
        )
        return self.annotate(last_seen_at=NullIf(latest_of_all, NEVER))

    def update(self, **kwargs):
        if kwargs.get("is_active") is False:
            kwargs["sign_in_epoch"] = models.F("sign_in_epoch") + 1
        return super().update(**kwargs)


class UserManager(DjangoUserManager["User"].from_queryset(UserQuerySet)):  # type: ignore[misc]
    def known_as(self, name: str) -> "models.QuerySet[User]":
        """The account, if any, with this name or e-mail address, in any letter case: only addresses have an @."""
        if "@" in name:
            return self.alias(folded=Lower("email")).filter(folded=name.lower())
        return self.filter(username=name.lower())

    def get_by_natural_key(self, username: str | None) -> "User":
        """Whom Django's own backend, and so the admin, signs in as `username`: addresses are good, too."""
        return self.known_as(username or "").get()

    def create_user(self, username, email=None, password=None, **extra_fields):
        return super().create_user(username.lower(), email, password, **extra_fields)

    def create_superuser(self, username, email=None, password=None, **extra_fields):
        """Raises ValidationError, which the command of that name puts into words."""
        self.model(username=username.lower(), email=email or "").validate_constraints()
        return super().create_superuser(username.lower(), email, password, **extra_fields)

    @classmethod
    def normalize_email(cls, email):
        """The address as it was typed: what counts as the same address is the constraint's business."""
        return email or ""


class User(AbstractUser):
    """A person who picks; `username` is stored in lower case."""

    class Visibility(models.TextChoices):
        MEMBERS = "members", "every member"
        PRIVATE = "private", "nobody else"

    username = models.CharField(
        max_length=50,
        unique=True,
        validators=[MinLengthValidator(3), validate_username, validate_not_reserved],
        error_messages={"unique": "Username already registered"},
        help_text="3 to 50 letters, digits, _ and -; stored in lower case.",
    )
    email = models.EmailField(
        "e-mail address",
        validators=[validate_ascii],
        help_text="Unique in any letter case.",
    )
    pending_email = models.EmailField(
        blank=True, editable=False, help_text="A new address, until the link that was sent to it is followed."
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text="IANA name, such as Europe/Berlin; decides which week is the current one.",
    )
    time_zone_changed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="For a week from then, moving reveals nothing early."
    )
    display_name = models.CharField(
        max_length=100, blank=True, validators=[validate_printable], help_text="What others read beside the username."
    )
    visibility = models.CharField(
        max_length=10,
        choices=Visibility,
        default=Visibility.MEMBERS,
        help_text="Who sees this person, their weeks and what is in them. Staff see all, in the admin only.",
    )
    search_text = models.TextField(editable=False, help_text="Folded names: searches look into it.")
    sign_in_epoch = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="Grows when the account is deactivated: sessions and tokens from before stay refused.",
    )
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        abstract = False
        constraints = [
            models.CheckConstraint(
                condition=models.Q(username=Lower("username")),
                name="user_username_lower",
                violation_error_message="Usernames are in lower case.",
            ),
            models.CheckConstraint(
                condition=models.Q(username__length__range=(3, 50)),
                name="user_username_length",
                violation_error_message="Usernames have 3 to 50 characters.",
            ),
            models.CheckConstraint(
                condition=~models.Q(username__in=RESERVED),
                name="user_username_not_reserved",
                violation_error_message="That name means something else here: choose another.",
            ),
            models.CheckConstraint(
                condition=models.Q(visibility__in=["members", "private"]),
                name="user_visibility",
                violation_error_message="Be visible to every member (members) or to nobody else (private).",
            ),
            models.UniqueConstraint(
                Lower("email"), name="user_email_unique", violation_error_message="Email already registered"
            ),
        ]

    def save(self, *, update_fields=None, **kwargs):
        self.search_text = fold(f"{self.username} {self.display_name}")
        fields = None if update_fields is None else set(update_fields)
        if fields and fields & {"username", "display_name"}:
            fields.add("search_text")
        if not self.is_active and not self._state.adding and (fields is None or "is_active" in fields):
            self.sign_in_epoch = models.F("sign_in_epoch") + 1
            if fields:
                fields.add("sign_in_epoch")
        same_zone = User.objects.filter(pk=self.pk, time_zone=self.time_zone)
        if fields and "time_zone" in fields and not same_zone.exists():
            self.time_zone_changed_at = timezone.now()
            fields.add("time_zone_changed_at")
        super().save(update_fields=fields, **kwargs)

    def clean(self):
        self.username = (self.username or "").lower()

    def get_full_name(self):
        return self.display_name or self.username

    def get_short_name(self):
        return self.username

    def _get_session_auth_hash(self, secret=None):
        """Also of the epoch. In the first it is Django's own, which API tokens of earlier releases hold."""
        of_password = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # not in the stubs
        if self.sign_in_epoch == 0:
            return of_password
        value = f"{of_password}{self.sign_in_epoch}"
        return salted_hmac("accounts.sign_in_epoch", value, secret, algorithm="sha256").hexdigest()

    def is_signed_in_by(self, password_hash: str) -> bool:
        """Whether what holds this digest of the password has not been ended by a new password or a deactivation.

        It is true while the account is inactive, which has a refusal of its own.
        """
        return not self.is_active or constant_time_compare(password_hash, self.get_session_auth_hash())

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone whose calendar decides this person's today."""
        return zoneinfo.ZoneInfo(self.time_zone)


class Attempts(models.Model):
    """The recent attempts of a client, at an account, or of one at the other: all processes count together."""

    key = models.CharField(max_length=64, unique=True, help_text="Keyed hash of what is counted: no address is kept.")
    times = models.JSONField(default=list, help_text="Seconds since the epoch, oldest first.")
    expires_at = models.DateTimeField(db_index=True, help_text="When the last of them stops counting.")

    class Meta:
        verbose_name_plural = "attempts"

    def __str__(self) -> str:
        return f"{len(self.times)} attempts until {self.expires_at:%Y-%m-%d %H:%M}"


class KnownClient(models.Model):
    """A client that a user has signed in from: other clients' attempts at the account do not lock it out there."""

    user = models.ForeignKey(User, models.CASCADE, related_name="known_clients")
    client_hash = models.CharField(max_length=64, help_text="Keyed hash of the client: no address is kept.")
    last_seen_at = models.DateTimeField(default=timezone.now, db_index=True, help_text="When it last signed in.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "client_hash"], name="knownclient_unique")]

    def __str__(self) -> str:
        return f"A client of {self.user}, last seen {self.last_seen_at:%Y-%m-%d}"


def digest(secret: str) -> str:
    """What is kept of a secret that is too long to be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    def open_for(self, user: User) -> "SessionQuerySet":
        """The sessions that the user is signed in with, the one that was used last first."""
        return self.filter(
            user=user, password_hash=user.get_session_auth_hash(), expires_at__gt=timezone.now()
        ).order_by("-last_used_at", "-id")


class Session(models.Model):
    """A sign-in to the API; it lasts as long as its refresh tokens follow each other. To end it is to delete it."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sessions")
    client = models.CharField(max_length=200, blank=True, help_text="As the client names itself (User-Agent).")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(default=timezone.now, help_text="When it began or was last renewed.")
    expires_at = models.DateTimeField(db_index=True, help_text="When its tokens have expired.")
    refresh_hash = models.CharField(max_length=64, help_text="SHA-256 of the id of its latest refresh token.")
    password_hash = models.CharField(max_length=64, help_text="Of the password then: the session ends with it.")

    objects = SessionQuerySet.as_manager()

    def __str__(self) -> str:
        return self.client or "unknown client"


class ApiToken(models.Model):
    """A key to the API for a script or a widget; the secret itself is shown once and not kept."""

    class Scope(models.TextChoices):
        READ = "read", "read only"
        FULL = "full", "read and change"
        CALENDAR = "calendar", "calendar feed only"

    FOR_SCRIPTS = [Scope.READ, Scope.FULL]  # what people make tokens for; the other is the feed's own

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, validators=[validate_printable], help_text="What it is for.")
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    hint = models.CharField(max_length=12, help_text="How the secret begins, to recognise it by.")
    key_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret.")
    password_hash = models.CharField(max_length=64, help_text="Of the password then: the token ends with it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the hour.")

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "full", "calendar"]),
                name="apitoken_scope",
                violation_error_message="The scope is read, full or calendar.",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=models.Q(scope="calendar"),
                name="apitoken_one_calendar",
                violation_error_message="This person has a calendar feed already.",
            ),
            models.CheckConstraint(
                condition=~models.Q(name=""), name="apitoken_name_present", violation_error_message="Give it a name."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def is_good(self) -> bool:
        """Whether it has neither expired nor outlived the password it was made under."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return not expired and self.user.is_signed_in_by(self.password_hash)


class Invitation(models.Model):
    """A link that lets one person register; its code is shown once and not kept."""

    note = models.CharField(max_length=200, blank=True, help_text="For whom it is; only staff read this.")
    key_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the code.")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="invitations")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.OneToOneField(
        User, models.SET_NULL, null=True, blank=True, related_name="invitation", help_text="Empty again when they left."
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(used_by=None) | ~models.Q(used_at=None),
                name="invitation_used_at",
                violation_error_message="Whoever used it did so at some time.",
            )
        ]

    def __str__(self) -> str:
        return f"Invitation for {self.note or 'somebody'}, good until {self.expires_at:%Y-%m-%d}"

    @property
    def is_good(self) -> bool:
        return self.used_at is None and self.expires_at > timezone.now()

    def renew(self, days: int) -> str:
        """Make it good for so many days from now, under a new code, which is returned and not kept. It is not saved."""
        code = secrets.token_urlsafe(24)
        self.key_hash, self.expires_at = digest(code), timezone.now() + timedelta(days=days)
        return code
