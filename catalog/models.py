"""Movies, albums and the people in them, as fetched from TMDB and MusicBrainz."""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, When
from django.db.models.functions import Coalesce, Length
from django.utils import timezone

from .search_index import Mentions
from .text import search_words

models.CharField.register_lookup(Length)
models.TextField.register_lookup(Mentions)

UNKNOWN_ARTIST = "Unknown Artist"
STALE_AFTER = timedelta(days=30)
OWN_FIELDS = ("own_title", "own_cover", "note")  # the fields of a work that curators edit


class KeyField(models.TextField):
    """Text that every database sorts by code point, as SQLite does anyway."""

    def db_parameters(self, connection):
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}


class WorkQuerySet(models.QuerySet):
    def matching(self, query: str) -> "WorkQuerySet":
        """Works whose names contain all words of `query`, regardless of accents, letter case and punctuation."""
        words = search_words(query)
        found = self if words else self.none()
        for word in words:
            found = found.filter(search_text__mentions=word)
        return found.order_by("title_key", "id")

    def fetched(self) -> "WorkQuerySet":
        """Works with details from the source; a work known only from a member's file answers no lookup or search."""
        return self.exclude(fetched_at=None)

    def due(self, age: timedelta = STALE_AFTER) -> "WorkQuerySet":
        """Works not requested from their source for this long or ever, oldest first and unused() ones last."""
        requested = self.alias(requested_at=Coalesce("vanished_at", "fetched_at"))
        due = requested.filter(Q(requested_at=None) | Q(requested_at__lt=timezone.now() - age))
        is_unused = Case(When(self._is_unused(), then=1), default=0)
        return due.order_by(is_unused, F("requested_at").asc(nulls_first=True), "id")

    def unused(self) -> "WorkQuerySet":
        """Works that were never fetched and that no row of another app points at, as a pick does."""
        return self.filter(self._is_unused())

    def _is_unused(self) -> Q:
        unused, options = Q(fetched_at=None), self.model._meta
        for relation in options.related_objects:
            if relation.related_model._meta.app_label != options.app_label:
                uses = relation.related_model._base_manager.filter(**{relation.field.name: OuterRef("pk")})
                unused &= ~Q(Exists(uses))
        return unused


def _partial_date(field: str, *, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(**{f"{field}__length__in": (0, 4, 7, 10)}),
        name=name,
        violation_error_message="Enter the date as YYYY, YYYY-MM or YYYY-MM-DD.",
    )


class Fetched(models.Model):
    """A row that is fetched from TMDB or MusicBrainz, and fetched again when it is stale."""

    fetched_at = models.DateTimeField(
        null=True, blank=True, help_text="When full details were last fetched; empty if never."
    )
    vanished_at = models.DateTimeField(
        null=True, blank=True, help_text="When the source reported it as removed; empty if it is still there."
    )

    id_field: str  # its id at the source, in aliases and search hits as well

    class Meta:
        abstract = True

    @property
    def external_id(self) -> Any:
        """Its id at the source."""
        return getattr(self, self.id_field)

    @property
    def is_due(self) -> bool:
        """Whether it should be fetched again."""
        requested_at = self.vanished_at or self.fetched_at
        return requested_at is None or requested_at < timezone.now() - STALE_AFTER


class Work(Fetched):
    """The base class of movies and albums.

    The fields of OWN_FIELDS belong to curators: fetching never changes them.
    """

    title = models.TextField()
    own_title = models.TextField(
        "own title", blank=True, help_text="Overrides the fetched title; leave empty to use it."
    )
    own_cover = models.CharField("own picture", max_length=200, blank=True)
    note = models.TextField(blank=True, help_text="For staff; shown only here.")
    title_key = KeyField(editable=False, help_text="The shown title in lower case, for sorting.")
    search_text = models.TextField(editable=False, help_text="Folded names, for searching.")
    genres = models.JSONField(default=list, blank=True, help_text="Names, in the order of the source.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    kind: str  # `movie` or `album`
    source: str  # the service that it is fetched from
    page_address: str  # the address of its page at the source, with {} for its id
    picture_field: str  # the fetched poster or cover, in search hits as well
    searched: tuple[str, ...]  # the fields that searches look into

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["title_key", "id"]
        indexes = [models.Index(fields=["title_key", "id"], name="%(class)s_title")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.set_keys()
        if fields := kwargs.get("update_fields"):
            kwargs["update_fields"] = {*fields, "title_key", "search_text"}
        super().save(*args, **kwargs)

    def set_keys(self) -> None:
        """Set the fields for sorting and searching; call it before bulk_create(), which does not call save()."""
        self.title_key = self.shown_title.lower()[:500]  # the longest that PostgreSQL can index
        self.search_text = " ".join([word for name in self.searched for word in search_words(getattr(self, name))])

    @property
    def shown_title(self) -> str:
        """The displayed title: a curator's, or else the fetched one."""
        return self.own_title or self.title

    @property
    def page_url(self) -> str:
        """Its page at the source."""
        return self.page_address.format(self.external_id)

    @property
    def picture(self) -> str:
        """TMDB's path of the poster, or the address of the cover; a curator's, or else the fetched one, or empty."""
        return self.own_cover or getattr(self, self.picture_field)

    @property
    def is_confirmed(self) -> bool:
        """Whether it was ever fetched, or titled by a curator."""
        return bool(self.fetched_at or self.own_title)

    @property
    def cached_at(self):
        """When its details were stored."""
        return self.fetched_at or self.created_at


class Movie(Work):
    """A movie of TMDB. Unknown texts are empty, unknown numbers and dates null."""

    kind, source = "movie", "TMDB"
    id_field, picture_field = "tmdb_id", "poster_path"
    page_address = "https://www.themoviedb.org/movie/{}"

    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    imdb_id = models.CharField("IMDb id", max_length=20, blank=True)
    original_title = models.TextField(blank=True)
    original_language = models.CharField(max_length=10, blank=True, help_text="TMDB's code, usually ISO 639-1.")
    release_date = models.DateField(null=True, blank=True)
    runtime = models.PositiveIntegerField(null=True, blank=True, help_text="In minutes.")
    overview = models.TextField(blank=True)
    overview_language = models.CharField(max_length=10, blank=True, help_text="Of the overview, such as de-DE.")
    tagline = models.TextField(blank=True)
    status = models.CharField(max_length=50, blank=True, help_text="Such as Released or In Production.")
    poster_path = models.CharField(max_length=200, blank=True, help_text="Path on TMDB's image server.")
    backdrop_path = models.CharField(max_length=200, blank=True, help_text="Path on TMDB's image server.")
    vote_average = models.FloatField(default=0, help_text="TMDB's, from 0 to 10; also 0 if there are no votes.")
    vote_count = models.PositiveIntegerField(default=0)

    searched = ("own_title", "title", "original_title")

    class Meta(Work.Meta):
        abstract = False
        indexes = [*Work.Meta.indexes, models.Index(fields=["-vote_count", "id"], name="movie_best_known")]
        constraints = [
            models.CheckConstraint(condition=Q(tmdb_id__gte=1), name="movie_tmdb_id"),
            models.CheckConstraint(condition=~Q(title=""), name="movie_title_present"),
            models.CheckConstraint(condition=Q(vote_average__range=(0, 10)), name="movie_vote_average"),
            models.CheckConstraint(condition=Q(runtime=None) | Q(runtime__gte=1), name="movie_runtime"),
            models.CheckConstraint(
                condition=Q(own_cover="") | Q(own_cover__startswith="/"),
                name="movie_own_cover",
                violation_error_message="Enter the path of a poster on TMDB, such as /abc.jpg, or paste its address.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_title} ({self.release_date.year})" if self.release_date else self.shown_title


class Alias(models.Model):
    """The id of a work or an artist that was merged into another; it now leads to that one."""

    id_field = "musicbrainz_id"

    class Meta:
        abstract = True
        ordering = ["id"]
        verbose_name = "earlier id"
        verbose_name_plural = "earlier ids"

    def __str__(self) -> str:
        return str(getattr(self, self.id_field))


class MovieAlias(Alias):
    """The id of a movie that a curator has merged into another."""

    id_field = "tmdb_id"
    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    movie = models.ForeignKey(Movie, models.CASCADE, related_name="aliases", help_text="The movie that was kept.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)


class Album(Work):
    """A release of MusicBrainz: one edition of a release group."""

    kind, source = "album", "MusicBrainz"
    id_field, picture_field = "musicbrainz_id", "cover_art_url"
    page_address = "https://musicbrainz.org/release/{}"

    musicbrainz_id = models.UUIDField("MusicBrainz release id", unique=True)
    release_group_id = models.UUIDField("MusicBrainz release group id", null=True, blank=True, db_index=True)
    artist = models.TextField(blank=True, help_text="Credited names with their join phrases.")
    release_date = models.CharField(max_length=10, blank=True, help_text="YYYY, YYYY-MM or YYYY-MM-DD, as known.")
    country = models.CharField(max_length=10, blank=True, help_text="ISO 3166-1, or XW (worldwide), XE (Europe).")
    status = models.CharField(max_length=50, blank=True, help_text="Such as Official or Bootleg.")
    primary_type = models.CharField(max_length=50, blank=True, help_text="The release group's, such as Album or EP.")
    cover_art_url = models.URLField(max_length=200, blank=True, help_text="The front cover at the Cover Art Archive.")
    cover_asked_at = models.DateTimeField(null=True, blank=True, help_text="When the Cover Art Archive was last asked.")
    cover_known = models.BooleanField(default=False, help_text="Whether the archive has said if there is a cover.")

    searched = ("artist", "own_title", "title")

    class Meta(Work.Meta):
        abstract = False
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="album_title_present"),
            _partial_date("release_date", name="album_release_date_precision"),
            models.CheckConstraint(
                condition=Q(own_cover="")
                | Q(own_cover__startswith="https://coverartarchive.org/")
                | Q(own_cover__startswith="https://archive.org/"),
                name="album_own_cover",
                violation_error_message="Enter the https address of a picture at coverartarchive.org or archive.org.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_artist}: {self.shown_title}"

    @property
    def shown_artist(self) -> str:
        """The credited names, or words that say that they are unknown."""
        return self.artist or UNKNOWN_ARTIST

    @property
    def release_day(self) -> date | None:
        """The first day that `release_date` can mean."""
        if not self.release_date:
            return None
        year, month, of_month = (*self.release_date.split("-"), "01", "01")[:3]
        return date(int(year), int(month), int(of_month))

    @property
    def release_date_precision(self) -> str:
        """`year`, `month` or `day`; empty without a date."""
        return {4: "year", 7: "month", 10: "day"}.get(len(self.release_date), "")


class AlbumAlias(Alias):
    """The id of a release that MusicBrainz, or a curator, has merged into another."""

    musicbrainz_id = models.UUIDField("MusicBrainz release id", unique=True)
    album = models.ForeignKey(Album, models.CASCADE, related_name="aliases", help_text="The surviving release.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)


class Person(models.Model):
    """A person of TMDB who acts in movies or makes them."""

    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    name = models.TextField()
    profile_path = models.CharField(max_length=200, blank=True, help_text="Path on TMDB's image server.")

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name


class MovieCast(models.Model):
    """A role that a person plays in a movie; a person may play several."""

    movie = models.ForeignKey(Movie, models.CASCADE, related_name="cast")
    person = models.ForeignKey(Person, models.PROTECT, related_name="parts")
    credit_id = models.CharField(max_length=60, help_text="TMDB's; it stays the same when TMDB merges movies.")
    character = models.TextField(blank=True)
    order = models.PositiveIntegerField(help_text="Billing order, from 0.")

    class Meta:
        ordering = ["order", "id"]
        verbose_name = "cast credit"
        constraints = [models.UniqueConstraint(fields=["movie", "credit_id"], name="moviecast_credit_unique")]
        indexes = [models.Index(fields=["movie", "order"], name="moviecast_billing")]

    def __str__(self) -> str:
        return f"{self.person} as {self.character}"


class MovieCrew(models.Model):
    """A job that a person does for a movie; a person may have several."""

    movie = models.ForeignKey(Movie, models.CASCADE, related_name="crew")
    person = models.ForeignKey(Person, models.PROTECT, related_name="jobs")
    credit_id = models.CharField(max_length=60, help_text="TMDB's; it stays the same when TMDB merges movies.")
    department = models.CharField(max_length=100, blank=True)
    job = models.CharField(max_length=100)
    order = models.PositiveIntegerField(help_text="Position in TMDB's list, from 0.")

    class Meta:
        ordering = ["order", "id"]
        verbose_name = "crew credit"
        constraints = [
            models.UniqueConstraint(fields=["movie", "credit_id"], name="moviecrew_credit_unique"),
            models.UniqueConstraint(fields=["movie", "person", "job"], name="moviecrew_job_unique"),
        ]
        indexes = [models.Index(fields=["movie", "order"], name="moviecrew_order")]

    def __str__(self) -> str:
        return f"{self.person}, {self.job}"


class Artist(Fetched):
    """A person or group of MusicBrainz who is credited on albums.

    Credits give the name, sort name, disambiguation and type; all else is empty until the artist is looked up.
    """

    id_field = "musicbrainz_id"

    musicbrainz_id = models.UUIDField("MusicBrainz artist id", unique=True)
    name = models.TextField()
    sort_name = models.TextField(blank=True)
    disambiguation = models.TextField(blank=True)
    artist_type = models.CharField(max_length=50, blank=True, help_text="Such as Person or Group.")
    area = models.TextField(blank=True, help_text="Where they come from: a country or a place in it.")
    country = models.CharField(max_length=10, blank=True, help_text="ISO 3166-1, if the area is a country.")
    begin = models.CharField(max_length=10, blank=True, help_text="Birth or founding: YYYY, YYYY-MM or YYYY-MM-DD.")
    end = models.CharField(max_length=10, blank=True, help_text="Death or breakup: YYYY, YYYY-MM or YYYY-MM-DD.")
    ended = models.BooleanField(null=True, blank=True, help_text="Whether they have died or broken up.")
    bio = models.TextField(blank=True, help_text="MusicBrainz' annotation, without its markup.")
    genres = models.JSONField(default=list, blank=True, help_text="Names, most votes first.")
    links = models.JSONField(default=list, blank=True, help_text="Objects with type and url, in MusicBrainz' order.")

    class Meta:
        ordering = ["sort_name", "id"]
        constraints = [
            _partial_date("begin", name="artist_begin_precision"),
            _partial_date("end", name="artist_end_precision"),
            models.CheckConstraint(
                condition=Q(end="") | Q(ended=True, ended__isnull=False),
                name="artist_end_means_ended",
                violation_error_message="An artist with an end date must be marked as ended.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.disambiguation})" if self.disambiguation else self.name


class ArtistAlias(Alias):
    """The id of an artist whom MusicBrainz has merged into another."""

    musicbrainz_id = models.UUIDField("MusicBrainz artist id", unique=True)
    artist = models.ForeignKey(Artist, models.CASCADE, related_name="aliases", help_text="The surviving artist.")


class AlbumArtist(models.Model):
    """An artist in an album's artist credit."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="artist_credit")
    artist = models.ForeignKey(Artist, models.PROTECT, related_name="credits")
    position = models.PositiveSmallIntegerField(help_text="Position in the artist credit, from 0.")
    name = models.TextField(help_text="As credited, which may differ from the artist's name.")
    join_phrase = models.TextField(blank=True, help_text="The text between this name and the next.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["album", "position"], name="albumartist_position_unique")]

    def __str__(self) -> str:
        return self.name


class Merge(models.Model):
    """A movie or album that was merged into another, with everything that is needed to undo it."""

    movie = models.ForeignKey(Movie, models.CASCADE, null=True, blank=True, related_name="merges")
    album = models.ForeignKey(Album, models.CASCADE, null=True, blank=True, related_name="merges")
    name = models.TextField(help_text="What the merged entry was called.")
    external_id = models.CharField(max_length=36, help_text="Its TMDB id or MusicBrainz release id.")
    merged = models.JSONField(help_text="The merged row and its credits.", encoder=DjangoJSONEncoder)
    moved = models.JSONField(help_text="Ids of the rows that moved, by model.")
    gave = models.JSONField(help_text="Curator's edits copied to the kept entry.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", help_text="None: a command."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(movie=None, album__isnull=False) | Q(movie__isnull=False, album=None),
                name="merge_one_kept",
                violation_error_message="A merge is of movies or of albums.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} into {self.kept}"

    @property
    def kept(self) -> Movie | Album:
        return self.movie or self.album  # type: ignore[return-value]  # there is one, see the constraint
