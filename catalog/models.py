"""Movies, albums and the people in them, as the upstreams told us."""

import unicodedata
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Length, NullIf
from django.utils import timezone

models.CharField.register_lookup(Length)

UNKNOWN_ARTIST = "Unknown Artist"
STALE_AFTER = timedelta(days=30)


def fold(text: str) -> str:
    """The text without letter case and accents, as searches compare it on every database."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign)).casefold()


class KeyField(models.TextField):
    """Text that every database sorts by code point, as SQLite does anyway."""

    def db_parameters(self, connection):
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}


class WorkQuerySet(models.QuerySet):
    def matching(self, query: str) -> "WorkQuerySet":
        """Those whose names have all words of `query`, whatever its accents, letter case and punctuation."""
        words = search_words(query)
        found = self if words else self.none()
        for word in words:
            found = found.filter(search_text__contains=word)
        return found.order_by("title_key", "id")

    def fetched(self) -> "WorkQuerySet":
        """Those that upstream has described: what only a member's file says of a work answers no lookup or search."""
        return self.exclude(fetched_at=None)

    def with_pick_count(self) -> "WorkQuerySet":
        """With `pick_count`: in how many weeks it was picked."""
        name = str(self.model._meta.model_name)
        picks: Any = self.model._meta.get_field("picks").related_model
        of_work = (
            picks._default_manager.order_by()
            .filter(**{name: models.OuterRef("pk")})
            .values(name)
            .annotate(count=models.Count("pk"))
        )
        return self.annotate(pick_count=Coalesce(models.Subquery(of_work.values("count")), 0))

    def curated(self) -> "WorkQuerySet":
        """Those with a title or a picture of a curator's."""
        return self.exclude(own_title="", own_cover="")

    def lacking(self, what: str) -> "WorkQuerySet":
        """Those without `credits`, `cover` or `release-group`; none where their kind never has such a thing."""
        lacks: dict[str, Q] = self.model.lacks  # type: ignore[attr-defined]  # each Work has them
        return self.filter(lacks[what]) if what in lacks else self.none()

    def due(self, age: timedelta = STALE_AFTER) -> "WorkQuerySet":
        """Those about which upstream said nothing for so long, or never, the oldest first, but for unwanted() ones."""
        limit = timezone.now() - age
        asked = Coalesce("vanished_at", "fetched_at")
        return (
            self.alias(asked_at=asked, is_unwanted=Case(When(self._unwanted(), then=1), default=0))
            .filter(Q(asked_at=None) | Q(asked_at__lt=limit))
            .order_by("is_unwanted", F("asked_at").asc(nulls_first=True), "id")
        )

    def unwanted(self) -> "WorkQuerySet":
        """Those that were never fetched, and that nobody picks."""
        return self.filter(self._unwanted())

    def _unwanted(self) -> Q:
        picks: Any = self.model._meta.get_field("picks").related_model
        of_work = picks._default_manager.order_by().filter(**{str(self.model._meta.model_name): models.OuterRef("pk")})
        return Q(fetched_at=None) & ~Q(models.Exists(of_work))


def shown_title(work: str) -> Coalesce:
    """The title that everybody reads, of the work at this path: what Work.shown_title is to one row."""
    return Coalesce(NullIf(F(f"{work}__own_title"), Value("", models.TextField())), F(f"{work}__title"))


def search_words(text: str) -> list[str]:
    """The words of a text, folded; what is neither letter nor digit parts them."""
    return "".join(sign if sign.isalnum() else " " for sign in fold(text)).split()


class Fetched(models.Model):
    """What an upstream is asked about, and asked again when that was long ago."""

    fetched_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was last fetched in full; empty: known from elsewhere only."
    )
    vanished_at = models.DateTimeField(
        null=True, blank=True, help_text="When upstream last said that it knows it no more; empty: it does."
    )

    class Meta:
        abstract = True

    @property
    def is_due(self) -> bool:
        """Whether upstream should be asked again."""
        asked_at = self.vanished_at or self.fetched_at
        return asked_at is None or asked_at < timezone.now() - STALE_AFTER


class Work(Fetched):
    """What movies and albums have in common.

    What begins with `own_`, and the note, is a curator's: nothing that is fetched ever touches it.
    """

    title = models.TextField()
    own_title = models.TextField(
        "own title", blank=True, help_text="Everybody reads this instead of the fetched title; empty: that one."
    )
    own_cover = models.CharField("own picture", max_length=200, blank=True)
    note = models.TextField(blank=True, help_text="For staff: it is shown here, and nowhere else.")
    title_key = KeyField(editable=False, help_text="The shown title in lower case: lists are sorted by it.")
    search_text = models.TextField(editable=False, help_text="Folded names: searches look into it.")
    genres = models.JSONField(default=list, blank=True, help_text="Names, in upstream's order.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    kind: str  # `movie` or `album`
    source: str  # where it is fetched from
    searched: tuple[str, ...]  # the fields that a search looks into
    lacks: dict[str, Q]  # by what may be missing: whether it is

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["title_key", "id"]

    def save(self, *args, **kwargs):
        self.set_keys()
        if fields := kwargs.get("update_fields"):
            kwargs["update_fields"] = {*fields, "title_key", "search_text"}
        super().save(*args, **kwargs)

    def set_keys(self) -> None:
        """Derive by what it is sorted and found; bulk_create(), which calls no save(), needs it."""
        self.title_key = self.shown_title.lower()[:500]  # PostgreSQL indexes no longer ones
        self.search_text = " ".join(word for name in self.searched for word in search_words(getattr(self, name)))

    @property
    def shown_title(self) -> str:
        """The title that everybody reads."""
        return self.own_title or self.title

    @property
    def is_confirmed(self) -> bool:
        """Whether upstream has described it, or a curator has named it."""
        return bool(self.fetched_at or self.own_title)

    @property
    def cached_at(self):
        """When what we know was stored."""
        return self.fetched_at or self.created_at


class Movie(Work):
    """A movie of TMDB. Unknown texts are empty, unknown numbers and dates null."""

    kind, source = "movie", "TMDB"

    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    imdb_id = models.CharField("IMDb id", max_length=20, blank=True)
    original_title = models.TextField(blank=True)
    original_language = models.CharField(max_length=10, blank=True, help_text="TMDB's code: mostly ISO 639-1.")
    release_date = models.DateField(null=True, blank=True)
    runtime = models.PositiveIntegerField(null=True, blank=True, help_text="Minutes.")
    overview = models.TextField(blank=True)
    tagline = models.TextField(blank=True)
    status = models.CharField(max_length=50, blank=True, help_text="Such as Released or In Production.")
    poster_path = models.CharField(max_length=200, blank=True, help_text="Below TMDB's image address.")
    backdrop_path = models.CharField(max_length=200, blank=True, help_text="Below TMDB's image address.")
    vote_average = models.FloatField(default=0, help_text="TMDB's, 0 to 10; 0 without votes means that nobody voted.")
    vote_count = models.PositiveIntegerField(default=0)

    searched = ("own_title", "title", "original_title")
    lacks = {"credits": Q(cast=None, crew=None), "cover": Q(poster_path="")}

    class Meta(Work.Meta):
        abstract = False
        indexes = [models.Index(fields=["title_key", "id"], name="movie_title")]
        constraints = [
            models.CheckConstraint(condition=Q(tmdb_id__gte=1), name="movie_tmdb_id"),
            models.CheckConstraint(condition=~Q(title=""), name="movie_title_present"),
            models.CheckConstraint(condition=Q(vote_average__range=(0, 10)), name="movie_vote_average"),
            models.CheckConstraint(condition=Q(runtime=None) | Q(runtime__gte=1), name="movie_runtime"),
            models.CheckConstraint(
                condition=Q(own_cover="") | Q(own_cover__startswith="/"),
                name="movie_own_cover",
                violation_error_message="Give the path of a poster at TMDB, such as /abc.jpg, or paste its address.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_title} ({self.release_date.year})" if self.release_date else self.shown_title

    @property
    def external_id(self) -> int:
        """Its id at TMDB."""
        return self.tmdb_id

    @property
    def page_url(self) -> str:
        """Its page at TMDB."""
        return f"https://www.themoviedb.org/movie/{self.tmdb_id}"

    @property
    def shown_poster_path(self) -> str:
        """The path of the poster that everybody sees; empty without one."""
        return self.own_cover or self.poster_path


class MovieAlias(models.Model):
    """The id of a movie that was merged into another, and finds that one from then on."""

    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    movie = models.ForeignKey(Movie, models.CASCADE, related_name="aliases", help_text="The one that was kept.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name = "earlier id"
        verbose_name_plural = "earlier ids"

    def __str__(self) -> str:
        return str(self.tmdb_id)


class Album(Work):
    """A release of MusicBrainz: one edition of a release group."""

    kind, source = "album", "MusicBrainz"

    musicbrainz_id = models.UUIDField("MusicBrainz release id", unique=True)
    release_group_id = models.UUIDField("MusicBrainz release group id", null=True, blank=True, db_index=True)
    artist = models.TextField(blank=True, help_text="Credited names, joined with their join phrases.")
    release_date = models.CharField(
        max_length=10, blank=True, help_text="As precisely as known: YYYY, YYYY-MM or YYYY-MM-DD."
    )
    country = models.CharField(max_length=10, blank=True, help_text="ISO 3166-1, or XW (worldwide), XE (Europe).")
    status = models.CharField(max_length=50, blank=True, help_text="Such as Official or Bootleg.")
    primary_type = models.CharField(max_length=50, blank=True, help_text="The release group's, such as Album or EP.")
    cover_art_url = models.URLField(max_length=200, blank=True, help_text="The front at the Cover Art Archive.")
    cover_asked_at = models.DateTimeField(null=True, blank=True, help_text="When the archive was last asked.")
    cover_known = models.BooleanField(
        default=False, help_text="Whether the archive has said if there is a front, here or for the release group."
    )

    searched = ("artist", "own_title", "title")
    lacks = {
        "credits": Q(artist_credit=None),
        "cover": Q(cover_art_url=""),
        "release-group": Q(release_group_id=None),
    }

    class Meta(Work.Meta):
        abstract = False
        indexes = [models.Index(fields=["title_key", "id"], name="album_title")]
        constraints = [
            models.CheckConstraint(condition=~Q(title=""), name="album_title_present"),
            models.CheckConstraint(
                condition=Q(release_date__length__in=(0, 4, 7, 10)),
                name="album_release_date_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
            models.CheckConstraint(
                condition=Q(own_cover="")
                | Q(own_cover__startswith="https://coverartarchive.org/")
                | Q(own_cover__startswith="https://archive.org/"),
                name="album_own_cover",
                violation_error_message="Give the https address of a picture at coverartarchive.org or archive.org.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artist or UNKNOWN_ARTIST}: {self.shown_title}"

    @property
    def external_id(self) -> UUID:
        """Its release id at MusicBrainz."""
        return self.musicbrainz_id

    @property
    def page_url(self) -> str:
        """Its page at MusicBrainz."""
        return f"https://musicbrainz.org/release/{self.musicbrainz_id}"

    @property
    def shown_cover_url(self) -> str:
        """The address of the cover that everybody sees; empty without one."""
        return self.own_cover or self.cover_art_url

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


class AlbumAlias(models.Model):
    """The id of a release that MusicBrainz, or a curator, has merged into another."""

    musicbrainz_id = models.UUIDField("MusicBrainz release id", unique=True)
    album = models.ForeignKey(Album, models.CASCADE, related_name="aliases", help_text="The surviving release.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]
        verbose_name = "earlier id"
        verbose_name_plural = "earlier ids"

    def __str__(self) -> str:
        return str(self.musicbrainz_id)


class Person(models.Model):
    """Somebody of TMDB who acts in movies or makes them."""

    tmdb_id = models.PositiveIntegerField("TMDB id", unique=True)
    name = models.TextField()
    profile_path = models.CharField(max_length=200, blank=True, help_text="Below TMDB's image address.")

    class Meta:
        ordering = ["name", "id"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name


class MovieCast(models.Model):
    """A part that a person plays in a movie; one person may play several."""

    movie = models.ForeignKey(Movie, models.CASCADE, related_name="cast")
    person = models.ForeignKey(Person, models.PROTECT, related_name="parts")
    credit_id = models.CharField(max_length=60, help_text="TMDB's; it moves along when two of its movies are merged.")
    character = models.TextField(blank=True)
    order = models.PositiveIntegerField(help_text="Place in the billing, from 0.")

    class Meta:
        ordering = ["order", "id"]
        verbose_name = "cast credit"
        constraints = [models.UniqueConstraint(fields=["movie", "credit_id"], name="moviecast_credit_unique")]
        indexes = [models.Index(fields=["movie", "order"], name="moviecast_billing")]

    def __str__(self) -> str:
        return f"{self.person} as {self.character}"


class MovieCrew(models.Model):
    """A job that a person does for a movie; one person may have several."""

    movie = models.ForeignKey(Movie, models.CASCADE, related_name="crew")
    person = models.ForeignKey(Person, models.PROTECT, related_name="jobs")
    credit_id = models.CharField(max_length=60, help_text="TMDB's; it moves along when two of its movies are merged.")
    department = models.CharField(max_length=100, blank=True)
    job = models.CharField(max_length=100)
    order = models.PositiveIntegerField(help_text="Place in TMDB's list, from 0.")

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

    Credits say the name, its sorting, disambiguation and type; all else is empty until the artist is looked up.
    """

    musicbrainz_id = models.UUIDField("MusicBrainz artist id", unique=True)
    name = models.TextField()
    sort_name = models.TextField(blank=True)
    disambiguation = models.TextField(blank=True)
    artist_type = models.CharField(max_length=50, blank=True, help_text="Such as Person or Group.")
    area = models.TextField(blank=True, help_text="Where they come from: a country, or a place in one.")
    country = models.CharField(max_length=10, blank=True, help_text="ISO 3166-1; empty where the area is a place.")
    begin = models.CharField(
        max_length=10, blank=True, help_text="Birth or founding, as precisely as known: YYYY, YYYY-MM or YYYY-MM-DD."
    )
    end = models.CharField(
        max_length=10, blank=True, help_text="Death or parting, as precisely as known: YYYY, YYYY-MM or YYYY-MM-DD."
    )
    ended = models.BooleanField(null=True, blank=True, help_text="Whether they died or parted, at whatever date.")
    bio = models.TextField(blank=True, help_text="MusicBrainz' annotation, without its markup.")
    genres = models.JSONField(default=list, blank=True, help_text="Names, those with the most votes first.")
    links = models.JSONField(default=list, blank=True, help_text="Objects with type and url, in upstream's order.")

    class Meta:
        ordering = ["sort_name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(begin__length__in=(0, 4, 7, 10)),
                name="artist_begin_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
            models.CheckConstraint(
                condition=Q(end__length__in=(0, 4, 7, 10)),
                name="artist_end_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
            models.CheckConstraint(
                condition=Q(end="") | Q(ended=True, ended__isnull=False),
                name="artist_end_means_ended",
                violation_error_message="Who has an end has ended.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.disambiguation})" if self.disambiguation else self.name


class ArtistAlias(models.Model):
    """The id of an artist whom MusicBrainz has merged into another."""

    musicbrainz_id = models.UUIDField("MusicBrainz artist id", unique=True)
    artist = models.ForeignKey(Artist, models.CASCADE, related_name="aliases", help_text="The surviving artist.")

    class Meta:
        ordering = ["id"]
        verbose_name = "earlier id"
        verbose_name_plural = "earlier ids"

    def __str__(self) -> str:
        return str(self.musicbrainz_id)


class AlbumArtist(models.Model):
    """An artist in an album's artist credit."""

    album = models.ForeignKey(Album, models.CASCADE, related_name="artist_credit")
    artist = models.ForeignKey(Artist, models.PROTECT, related_name="credits")
    position = models.PositiveSmallIntegerField(help_text="Place in the credit, from 0.")
    name = models.TextField(help_text="As credited, which may differ from the artist's own name.")
    join_phrase = models.TextField(blank=True, help_text="What stands between this name and the next.")

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["album", "position"], name="albumartist_position_unique")]

    def __str__(self) -> str:
        return self.name


class Merge(models.Model):
    """A movie or album that somebody has merged into another, with all that it takes to undo that."""

    movie = models.ForeignKey(Movie, models.CASCADE, null=True, blank=True, related_name="merges")
    album = models.ForeignKey(Album, models.CASCADE, null=True, blank=True, related_name="merges")
    name = models.TextField(help_text="What was merged, as it was called.")
    external_id = models.CharField(max_length=36, help_text="Its TMDB id or MusicBrainz release id.")
    merged = models.JSONField(help_text="The row and its credits.", encoder=DjangoJSONEncoder)
    moved = models.JSONField(help_text="Ids of what moved along, by model.")
    gave = models.JSONField(help_text="What of a curator's words the kept one had not, and got.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who did it; empty: a command.",
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
