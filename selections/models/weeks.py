"""Weeks, their picks, and opinions on the picks."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Count, Exists, FilteredRelation, OuterRef, Prefetch, Q, Subquery, Value, When
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThanOrEqual
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.compiled import FOUND, ids_of_page, with_total
from accounts.models import User
from catalog.models import Album, Movie
from catalog.search_index import Ids, IdsMentioning, UnionAll
from catalog.text import search_words
from selections import weeks

from .conditions import of_work, visible_to
from .week_of_pick import WeekOfPick, with_week

MAX_RATING = 10  # half stars
RATING = [MinValueValidator(1), MaxValueValidator(MAX_RATING)]
MAX_TEXT = 10_000  # characters of a review, or of a week's notes
MAX_EARLIER = 1_000  # earlier ratings that are kept of an opinion
MAX_SHOWN = 20  # opinions next to a pick: a week's own address has them all


class WeekQuerySet(models.QuerySet):
    def visible_to(self, user) -> "WeekQuerySet":
        return self.filter(visible_to(user, "user"))

    def hidden_from(self, viewer: int) -> "WeekQuerySet":
        """All but those of visible_to()."""
        return self.filter(user__in=User.objects.hidden_from(viewer).values("pk"))

    def newest_first(self, user, *, own_first: bool) -> "WeekQuerySet":
        """By calendar week, the user's own first: within a calendar week, or with `own_first` before all others."""
        own = Case(When(user=user, then=Value(0)), default=Value(1))
        return self.order_by(*([own] if own_first else []), "-year", "-week_number", own, "id")

    def since(self, year: int, week_number: int) -> "WeekQuerySet":
        """From this calendar week on; by comparing pairs, for which databases use an index."""
        return self.filter(TupleGreaterThanOrEqual(Tuple("year", "week_number"), (year, week_number)))

    def until(self, year: int, week_number: int) -> "WeekQuerySet":
        """Up to this calendar week."""
        return self.filter(Q(year__lt=year) | Q(year=year, week_number__lte=week_number))

    def mentioning(self, text: str) -> "WeekQuerySet":
        """The weeks with each word of the text in their notes or in the titles or artists of their picks."""
        words = dict.fromkeys(word[:40] for word in search_words(text))  # longer ones only cost time
        found = self if words else self.none()
        for word in words:
            # One list of ids, so that each index is used: not Exists(), nor an OR of conditions.
            movies = WeekMovie.objects.filter(movie__in=IdsMentioning(Movie, word)).order_by().values("week")
            albums = WeekAlbum.objects.filter(album__in=IdsMentioning(Album, word)).order_by().values("week")
            found = found.filter(pk__in=UnionAll(IdsMentioning(Week, word), Ids(movies), Ids(albums)))
        return found

    def page(self, limit: int, offset: int) -> Any:
        """A page of them for a list, found by their ids first: other values are loaded and sorted for the page only."""
        if self.query.is_empty():
            return self
        is_search = "total" in self.query.annotations
        ids = FOUND if is_search else ids_of_page(self, limit, offset)
        page = Week.objects.filter(pk__in=ids).for_list().with_owner_only().order_by(*self.query.order_by)
        return with_total(page, self[offset : offset + limit]) if is_search else page

    def with_owner_only(self) -> "WeekQuerySet":
        """With what a list shows of each week's owner, and without what it does not."""
        shown = [field.name for field in Week._meta.concrete_fields if field.name != "search_text"]
        return self.only(*shown, *(f"user__{name}" for name in ("username", "display_name")))

    def for_list(self) -> "WeekQuerySet":
        """With the values for a list of weeks, in one query."""
        return self.select_related("user").annotate(
            has_movie=Exists(WeekMovie.objects.filter(week=OuterRef("pk"))),
            has_album=Exists(WeekAlbum.objects.filter(week=OuterRef("pk"))),
        )

    def with_picks(self) -> "WeekQuerySet":
        """With its picks, in three queries."""
        return self.select_related("user").prefetch_related(
            Prefetch("movie_picks", WeekMovie.objects.select_related("movie")),
            Prefetch("album_picks", WeekAlbum.objects.select_related("album")),
        )

    def for_page(self, user) -> "WeekQuerySet":
        """With everything for a page of one week as shown to the user: its picks as `movies` and `albums`."""
        return self.for_list().prefetch_related(
            Prefetch("movie_picks", WeekMovie.objects.with_opinions(user), to_attr="movies"),
            Prefetch("album_picks", WeekAlbum.objects.with_opinions(user), to_attr="albums"),
        )


class Week(models.Model):
    """An ISO week of a user; the year is the ISO year, which may differ from the calendar year around New Year."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="weeks")
    year = models.PositiveSmallIntegerField(help_text="ISO year.")
    week_number = models.PositiveSmallIntegerField(help_text="ISO week, 1 to 52, or 53 in a long year.")
    notes = models.TextField(blank=True, validators=[MaxLengthValidator(MAX_TEXT)])
    search_text = models.TextField(editable=False, help_text="Folded notes: searches look into it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = WeekQuerySet.as_manager()

    movies: "list[WeekMovie]"  # these two are of for_page()
    albums: "list[WeekAlbum]"

    class Meta:
        ordering = ["-year", "-week_number", "id"]
        indexes = [models.Index(fields=["-year", "-week_number", "id", "user"], name="week_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "year", "week_number"],
                name="week_unique",
                violation_error_message="This week already exists.",
            ),
            models.CheckConstraint(
                condition=Q(year__range=(weeks.FIRST_YEAR, weeks.LAST_YEAR)),
                name="week_year",
                violation_error_message="The year must be from 1900 to 2100.",
            ),
            models.CheckConstraint(
                condition=Q(week_number__range=(1, 52)) | Q(week_number=53, year__in=weeks.LONG_YEARS),
                name="week_number_in_year",
                violation_error_message="That ISO year has no such week.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.user}"

    def save(self, *args, **kwargs):
        self.set_search_text()
        if "notes" in (kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*kwargs["update_fields"], "search_text"}
        super().save(*args, **kwargs)

    def set_search_text(self) -> None:
        """Fold the notes; call it before bulk_create(), which does not call save()."""
        self.search_text = " ".join(search_words(self.notes))

    @property
    def name(self) -> str:
        """Its ISO name, such as 2026-W07."""
        return weeks.week_name(self.year, self.week_number)

    @property
    def starts_on(self) -> date:
        """Its Monday."""
        return weeks.day_of((self.year, self.week_number), weeks.MONDAY)

    @property
    def ends_on(self) -> date:
        """Its Sunday."""
        return weeks.day_of((self.year, self.week_number), weeks.SUNDAY)

    @property
    def picks(self) -> "list[AnyPick]":
        """Its movies, then its albums, each by position; without a query after with_picks()."""
        return [*self.movie_picks.all(), *self.album_picks.all()]

    @property
    def is_complete(self) -> bool:
        """Whether it has at least one movie and one album; without a query after for_list() or with_picks()."""
        if (has_movie := getattr(self, "has_movie", None)) is not None:
            return has_movie and getattr(self, "has_album", False)
        return bool(self.movie_picks.all()) and bool(self.album_picks.all())


class PickQuerySet(models.QuerySet):
    def visible_to(self, user) -> "PickQuerySet":
        return self.filter(visible_to(user, "week__user"))

    def of_work(self, work: Movie | Album) -> "PickQuerySet":
        """Picks of the movie, or of any edition of the album."""
        return self.filter(of_work(work))

    def with_shown_opinions(self, user) -> "PickQuerySet":
        """With `shown_opinions`: the latest that the user may read."""
        opinions = Opinion.objects.visible_to(user).select_related("user")
        return self.prefetch_related(Prefetch("opinions", opinions[:MAX_SHOWN], to_attr="shown_opinions"))

    def with_opinions(self, user) -> "PickQuerySet":
        """With the work, the user's own opinion, and the number of opinions by users whom they may see."""
        kind = self.model.kind  # type: ignore[attr-defined]
        pick = f"{kind}_pick"
        by_seen = Opinion.objects.filter(visible_to(user, "user"), **{pick: OuterRef("pk")}).order_by().values(pick)
        return self.annotate(
            my_opinion=FilteredRelation("opinions", condition=Q(opinions__user=user)),
            opinions_count=Coalesce(Subquery(by_seen.annotate(n=Count("pk")).values("n")), 0),
        ).select_related(kind, "my_opinion")

    def latest_first(self) -> "PickQuerySet":
        """By calendar week, with the values of a pick's week in a response."""
        shown = "position added_at rewatch week__year week__week_number week__user__username week__user__display_name"
        picks = self.select_related("week__user").only(self.model.kind, *shown.split())  # type: ignore[attr-defined]
        return picks.order_by("-week__year", "-week__week_number", "position", "id")


class Position(models.IntegerChoices):
    """The position of a pick in its week; their number is the maximum for each kind."""

    FIRST = 1, "first"
    SECOND = 2, "second"


POSITION_RULE = f"Position must be {', '.join(map(str, Position.values[:-1]))} or {Position.values[-1]}"


class Pick(models.Model):
    """A pick for a numbered position in a week; each subclass has a foreign key to its work."""

    kind: str  # `movie` or `album`, and the name of the foreign key to it
    movie: Movie | None = None  # each subclass has one of these two
    album: Album | None = None
    belongs_to = "week"  # for merging works
    my_opinion: "Opinion | None" = None  # after with_opinions()
    previous_selections: "Iterable[AnyPick]"  # in the response to a pick
    position = models.PositiveSmallIntegerField(choices=Position)
    added_at = models.DateTimeField(default=timezone.now)
    rewatch = models.BooleanField(
        null=True, blank=True, help_text="Whether the user had seen or heard it before, as far as that is known."
    )

    objects = PickQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["week", "position"],
                name="%(class)s_position_unique",
                violation_error_message="That position is already occupied.",
            ),
            models.CheckConstraint(
                condition=Q(position__in=Position.values),
                name="%(class)s_position",
                violation_error_message=f"{POSITION_RULE}.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work} in {self.week}"  # type: ignore[attr-defined]  # in each subclass

    @property
    def work(self) -> Movie | Album:
        """The picked movie or album."""
        return getattr(self, self.kind)


def once_a_week(kind: str) -> models.UniqueConstraint:
    return models.UniqueConstraint(
        fields=["week", kind],
        name=f"week{kind}_{kind}_unique",
        violation_error_message=f"This {kind} is already in this week.",
    )


class WeekMovie(Pick):
    week = models.ForeignKey(Week, models.CASCADE, related_name="movie_picks")
    movie = models.ForeignKey(Movie, models.PROTECT, related_name="picks", db_index=False)  # see Meta.indexes

    kind = "movie"

    class Meta(Pick.Meta):
        verbose_name = "movie pick"
        indexes = [models.Index(fields=["movie", "week"], name="weekmovie_weeks")]
        constraints = [*Pick.Meta.constraints, once_a_week("movie"), with_week("movie")]


class WeekAlbum(Pick):
    week = models.ForeignKey(Week, models.CASCADE, related_name="album_picks")
    album = models.ForeignKey(Album, models.PROTECT, related_name="picks", db_index=False)  # see Meta.indexes

    kind = "album"

    class Meta(Pick.Meta):
        verbose_name = "album pick"
        indexes = [models.Index(fields=["album", "week"], name="weekalbum_weeks")]
        constraints = [*Pick.Meta.constraints, once_a_week("album"), with_week("album")]


type AnyPick = WeekMovie | WeekAlbum


class OpinionQuerySet(models.QuerySet):
    def visible_to(self, user) -> "OpinionQuerySet":
        """Opinions that the user may read now: by users and on weeks that they may see, and revealed to them."""
        return self.filter(visible_to(user, "week__user"), visible_to(user, "user"), revealed_to(user))

    def readable_by_staff(self, user) -> "OpinionQuerySet":
        """Opinions that a member of staff may read in the admin: all except hidden_from_staff()."""
        hidden = Opinion.objects.hidden_from_staff(user).order_by().filter(pk=OuterRef("pk"))
        return self.filter(~Exists(hidden))

    def hidden_from_staff(self, user) -> "OpinionQuerySet":
        """Opinions not revealed to the user, in calendar weeks in which the user has a week as well."""
        running = Week.objects.since(*weeks.week_in(weeks.LAST_ZONE, timezone.now())).order_by()
        own = list(running.filter(user=user).values_list("year", "week_number"))
        if not own or not settings.BLIND_REVEAL:
            return self.none()
        running = running.filter(reduce(or_, (Q(year=year, week_number=number) for year, number in own)))
        return self.filter(week__in=running.values("pk")).exclude(revealed_to(user))

    def on_kind(self, kind: str) -> "OpinionQuerySet":
        """Opinions on picks of movies or of albums."""
        return self.filter(**{f"{kind}_pick__isnull": False})

    def with_picks(self) -> "OpinionQuerySet":
        """With the values of each opinion and of its pick in a response, in one query."""
        return self.select_related("user", "week__user", "movie_pick__movie", "album_pick__album")


class Opinion(models.Model):
    """A user's opinion on a pick, their own or another member's: a rating, a review, or both."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="opinions")
    movie_pick = models.ForeignKey(WeekMovie, models.CASCADE, null=True, blank=True, related_name="opinions")
    album_pick = models.ForeignKey(WeekAlbum, models.CASCADE, null=True, blank=True, related_name="opinions")
    week = models.ForeignKey(
        Week,
        models.DO_NOTHING,  # an opinion is deleted with its pick
        related_name="opinions",
        editable=False,
        db_index=False,  # see Meta.indexes
        help_text="The week of the pick: lists would take many times longer if they joined all picks.",
    )
    rating = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=RATING, help_text="1 to 10: half stars. Empty: a review only."
    )
    review = models.TextField(blank=True, validators=[MaxLengthValidator(MAX_TEXT)])
    contains_spoilers = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OpinionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="opinion_newest"),
            models.Index(fields=["week", "user"], name="opinion_week"),
        ]
        constraints = [
            WeekOfPick(kind="movie", name="opinion_movie_week"),
            WeekOfPick(kind="album", name="opinion_album_week"),
            models.CheckConstraint(
                condition=Q(movie_pick=None, album_pick__isnull=False) | Q(movie_pick__isnull=False, album_pick=None),
                name="opinion_one_pick",
                violation_error_message="An opinion is about one movie pick or one album pick.",
            ),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__range=(1, MAX_RATING)),
                name="opinion_rating",
                violation_error_message="Rate from 1 to 10 half stars.",
            ),
            models.CheckConstraint(
                condition=Q(rating__isnull=False) | ~Q(review=""),
                name="opinion_says_something",
                violation_error_message="Give a rating, a review, or both.",
            ),
            *(
                models.UniqueConstraint(
                    fields=["user", f"{kind}_pick"],
                    name=f"opinion_{kind}_unique",
                    violation_error_message="This person has an opinion on this pick already.",
                )
                for kind in ("movie", "album")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} on {self.pick}"

    def save(self, *args, **kwargs):
        if self.week_id is None:
            self.week = self.pick.week
        super().save(*args, **kwargs)

    @property
    def kind(self) -> str:
        """`movie` or `album`."""
        return "movie" if self.movie_pick_id else "album"

    @property
    def pick(self) -> AnyPick:
        """The movie pick or the album pick, with the week if that is loaded."""
        pick: AnyPick = self.movie_pick or self.album_pick  # type: ignore[assignment]  # there is one
        if Opinion.week.is_cached(self):
            pick.week = self.week
        return pick


class EarlierRating(models.Model):
    """An earlier rating, or the lack of one, that its owner has changed since."""

    opinion = models.ForeignKey(Opinion, models.CASCADE, related_name="earlier_ratings")
    rating = models.PositiveSmallIntegerField(
        null=True, validators=RATING, help_text="1 to 10: half stars. Empty: there was a review only."
    )
    until_at = models.DateTimeField(default=timezone.now, help_text="When it was changed.")

    class Meta:
        ordering = ["-until_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__range=(1, MAX_RATING)),
                name="earlierrating_rating",
                violation_error_message="Rate from 1 to 10 half stars.",
            )
        ]

    def __str__(self) -> str:
        return f"Rating until {self.until_at:%Y-%m-%d}"  # without the rating, which may be hidden


def revealed_to(user, at: datetime | None = None) -> Q:
    """Whether an opinion is revealed to the user now, or was at a moment: it is theirs, they have one on the same pick,
    or the week is over for them. The setting BLIND_REVEAL controls this.
    """
    if not settings.BLIND_REVEAL:
        return Q()
    return Q(user=user) | weeks.over_for(user, "week__", at) | on_rated(user, at)


def on_rated(user, at: datetime | None = None) -> Q:
    """Whether an opinion is on a pick on which the user has an opinion now, or had one at a moment."""
    own = Opinion.objects.filter(user=user, **({"created_at__lte": at} if at else {}))
    return Q(Exists(own.filter(movie_pick=OuterRef("movie_pick")))) | Q(
        Exists(own.filter(album_pick=OuterRef("album_pick")))
    )
