"""What happened: the events that members read, and that webhooks send."""

from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from catalog.models import Album, Movie

from .conditions import visible_to
from .plans import Challenge

SUBJECTS = {  # by kind: the foreign keys of an event
    "joined": [],
    "week_completed": ["week"],
    "opinion_given": ["week", "opinion"],
    "week_revealed": ["week"],
    "challenged": ["challenge"],
    "voted": ["vote"],
}


def has_subject(kind: str) -> Q:
    """Whether an event of this kind has its foreign keys, and no others."""
    keys = ("week", "opinion", "challenge", "vote")
    return Q(kind=kind, **{f"{key}__isnull": key not in SUBJECTS[kind] for key in keys})


class EventQuerySet(models.QuerySet):
    def visible_to(self, user) -> "EventQuerySet":
        """Events that the user may know of: the member, the week or shortlist, and the challenge are visible to them.

        Without a user (None): those that every member may know of.
        """
        challenges = Challenge.objects.visible_to(user).filter(pk=OuterRef("challenge")).order_by()
        return self.filter(
            visible_to(user, "user"),
            Q(week=None) | visible_to(user, "week__user"),
            Q(vote=None) | visible_to(user, "vote__item__user"),
            Q(challenge=None) | Q(Exists(challenges)),
        )

    def for_list(self) -> "EventQuerySet":
        """With the values in a response, the newest first. Works have queries of their own: with so many joins
        PostgreSQL would plan the query for longer than it executes it. What an opinion says is not loaded."""
        works = ["opinion__movie_pick__movie", "opinion__album_pick__album"]
        works += [f"{plan}__{kind}" for plan in ("vote__item", "challenge") for kind in ("movie", "album")]
        related = self.select_related(
            "user", "week__user", "vote__item__user", "challenge__member", "opinion__movie_pick", "opinion__album_pick"
        )
        return related.defer("opinion__rating", "opinion__review").prefetch_related(*works).order_by("-pk")


class Event(models.Model):
    """Something that a user did, or that happened to a week of theirs. It is deleted with what it is about."""

    class Kind(models.TextChoices):
        JOINED = "joined", "joined"
        WEEK_COMPLETED = "week_completed", "completed a week"
        OPINION_GIVEN = "opinion_given", "gave an opinion"
        WEEK_REVEALED = "week_revealed", "has a week whose opinions are revealed"
        CHALLENGED = "challenged", "challenged a member"
        VOTED = "voted", "voted for a title on a shortlist"

    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField(default=timezone.now)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="events")
    week = models.ForeignKey("Week", models.CASCADE, null=True, related_name="events")
    opinion = models.OneToOneField("Opinion", models.CASCADE, null=True, related_name="event")
    challenge = models.OneToOneField("Challenge", models.CASCADE, null=True, related_name="event")
    vote = models.OneToOneField("ShortlistVote", models.CASCADE, null=True, related_name="event")
    is_queued = models.BooleanField(default=False, help_text="Whether webhooks have it in their queues.")

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], condition=Q(is_queued=False), name="event_not_queued")]
        constraints = [
            models.CheckConstraint(condition=reduce(or_, map(has_subject, SUBJECTS)), name="event_subject"),
            models.UniqueConstraint(fields=["user"], condition=Q(kind="joined"), name="event_joined_once"),
            models.UniqueConstraint(fields=["week", "kind"], condition=Q(opinion=None), name="event_week_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def pick(self):
        """The pick that an opinion is about, with its week."""
        pick: Any = self.opinion and self.opinion.pick
        if pick:
            pick.week = self.week
        return pick

    @property
    def work(self) -> Movie | Album | None:
        """The movie or album that was picked, proposed or voted for."""
        about: Any = self.pick or self.challenge or (self.vote and self.vote.item)
        return about and about.work

    @property
    def movie(self) -> Movie | None:
        return self.work if isinstance(self.work, Movie) else None

    @property
    def album(self) -> Album | None:
        return self.work if isinstance(self.work, Album) else None

    @property
    def member(self):
        """Whose week or shortlist it is, or who was challenged."""
        whose: Any = self.week or (self.vote and self.vote.item)
        return self.challenge.member if self.challenge else whose and whose.user
