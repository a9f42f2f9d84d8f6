"""What members plan to pick: shortlists with the votes of others, and challenges."""

from typing import Self

from django.conf import settings
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Count, Exists, F, FilteredRelation, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.models import Album, Movie

from .conditions import of_work, visible_to

MAX_NOTE = 1_000  # characters
MAX_ITEMS = 1_000  # on a member's shortlist


class Plan(models.Model):
    """A movie or album that a member may pick."""

    movie = models.ForeignKey(Movie, models.PROTECT, null=True, blank=True, related_name="%(class)ss")
    album = models.ForeignKey(Album, models.PROTECT, null=True, blank=True, related_name="%(class)ss")
    note = models.TextField(blank=True, validators=[MaxLengthValidator(MAX_NOTE)])
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(movie=None, album__isnull=False) | Q(movie__isnull=False, album=None),
                name="%(class)s_one_work",
                violation_error_message="Choose one movie or one album.",
            )
        ]

    @property
    def kind(self) -> str:
        """`movie` or `album`."""
        return "movie" if self.movie_id else "album"

    @property
    def work(self) -> Movie | Album:
        return self.movie or self.album  # type: ignore[return-value]  # there is one, see the constraint


class PlanQuerySet(models.QuerySet):
    def on_kind(self, kind: str) -> Self:
        """Only movies, or only albums."""
        return self.filter(**{f"{kind}__isnull": False})


class ShortlistQuerySet(PlanQuerySet):
    def visible_to(self, user) -> "ShortlistQuerySet":
        return self.filter(visible_to(user, "user"))

    def of_work(self, work: Movie | Album) -> "ShortlistQuerySet":
        """Of the movie, or of any edition of the album."""
        return self.filter(of_work(work))

    def with_votes(self, user) -> "ShortlistQuerySet":
        """With the number of votes by users whom the user may see, and whether the user `has_voted`."""
        votes = ShortlistVote.objects.filter(item=OuterRef("pk")).order_by()
        by_seen = votes.filter(visible_to(user, "user")).values("item").annotate(n=Count("pk")).values("n")
        return self.annotate(vote_count=Coalesce(Subquery(by_seen), 0), has_voted=Exists(votes.filter(user=user)))

    def for_list(self, user) -> "ShortlistQuerySet":
        """With the values in a response, in one query; `suggester` is empty if the user may not see who it was."""
        suggester = FilteredRelation("suggested_by", condition=visible_to(user, "suggested_by"))
        return self.annotate(suggester=suggester).select_related("user", "movie", "album", "suggester").with_votes(user)


class ShortlistItem(Plan):
    """A movie or album that the user means to pick: their own idea, or another member's."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shortlist")
    suggested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="suggestions",
        help_text="Who suggested it; empty: the user themselves.",
    )

    objects = ShortlistQuerySet.as_manager()

    vote_count: int  # these two are of with_votes()
    has_voted: bool

    class Meta(Plan.Meta):
        indexes = [models.Index(fields=["user", "-created_at", "-id"], name="shortlistitem_newest")]
        constraints = [
            *Plan.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(suggested_by=F("user")),
                name="shortlistitem_suggested_by_another",
                violation_error_message="Leave out who suggested it if that is the user themselves.",
            ),
            *(
                models.UniqueConstraint(
                    fields=["user", kind],
                    name=f"shortlistitem_{kind}_unique",
                    violation_error_message=f"This {kind} is already on the shortlist.",
                )
                for kind in ("movie", "album")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work} for {self.user}"


class ShortlistVote(models.Model):
    """A member's vote for an item of another member's shortlist."""

    item = models.ForeignKey(ShortlistItem, models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="shortlist_votes")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "user"],
                name="shortlistvote_unique",
                violation_error_message="This person has voted for this already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.item.work}"


class ChallengeQuerySet(PlanQuerySet):
    def visible_to(self, user) -> "ChallengeQuerySet":
        """Those that the user made or was given, except by or for members who are private."""
        own = Q(challenger=user) | Q(member=user)
        return self.filter(own).filter(visible_to(user, "challenger"), visible_to(user, "member"))

    def for_list(self) -> "ChallengeQuerySet":
        """With the values in a response, in one query."""
        picks = [f"{kind}_pick__week__user" for kind in ("movie", "album")]
        return self.select_related("challenger", "member", "movie", "album", *picks)


class Challenge(Plan):
    """A movie or album that the challenger proposes for a week of another member."""

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        ACCEPTED = "accepted", "accepted"
        DECLINED = "declined", "declined"

    challenger = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="challenges_made")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="challenges")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    answered_at = models.DateTimeField(null=True, blank=True, help_text="When it was accepted or declined.")
    movie_pick = models.OneToOneField("WeekMovie", models.SET_NULL, null=True, blank=True, related_name="challenge")
    album_pick = models.OneToOneField("WeekAlbum", models.SET_NULL, null=True, blank=True, related_name="challenge")

    objects = ChallengeQuerySet.as_manager()

    class Meta(Plan.Meta):
        constraints = [
            *Plan.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(challenger=F("member")),
                name="challenge_another_member",
                violation_error_message="Challenge another member.",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", answered_at=None)
                | Q(state__in=["accepted", "declined"], answered_at__isnull=False),
                name="challenge_state",
                violation_error_message="A challenge is pending, accepted or declined, with the time of the answer.",
            ),
            models.CheckConstraint(
                condition=Q(movie_pick=None, album_pick=None)
                | Q(state="accepted", movie__isnull=False, album_pick=None)
                | Q(state="accepted", album__isnull=False, movie_pick=None),
                name="challenge_pick",
                violation_error_message="Only an accepted challenge has a pick, of its kind.",
            ),
            *(
                models.UniqueConstraint(
                    fields=["challenger", "member", kind],
                    condition=Q(state="pending"),
                    name=f"challenge_{kind}_unique",
                    violation_error_message=f"This {kind} is already proposed to this member.",
                )
                for kind in ("movie", "album")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work} from {self.challenger} for {self.member}"

    @property
    def pick(self):
        """The pick that it became; None if it was not accepted, or the pick has been removed since."""
        return self.movie_pick or self.album_pick
