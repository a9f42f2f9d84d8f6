"""Movies, albums and the people in them, as the upstreams told us."""

import unicodedata
from datetime import date, timedelta

from django.db import models
from django.db.models.functions import Coalesce, Length
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

    def lacking(self, what: str) -> "WorkQuerySet":
        """Those without `credits`, `cover` or `release-group`; none where their kind never has such a thing."""
        lacks: dict[str, models.Q] = self.model.lacks  # type: ignore[attr-defined]  # each Work has them
        return self.filter(lacks[what]) if what in lacks else self.none()

    def due(self, age: timedelta = STALE_AFTER) -> "WorkQuerySet":
        """Those about which upstream said nothing for so long, or never, the oldest first."""
        limit = timezone.now() - age
        asked = Coalesce("vanished_at", "fetched_at")
        return (
            self.alias(asked_at=asked)
            .filter(models.Q(asked_at=None) | models.Q(asked_at__lt=limit))
            .order_by(models.F("asked_at").asc(nulls_first=True), "id")
        )


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
    """What movies and albums have in common."""

    title = models.TextField()
    title_key = KeyField(editable=False, help_text="The title in lower case: lists are sorted by it.")
    search_text = models.TextField(editable=False, help_text="Folded names: searches look into it.")
    genres = models.JSONField(default=list, blank=True, help_text="Names, in upstream's order.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    searched: tuple[str, ...]  # the fields that a search looks into
    lacks: dict[str, models.Q]  # by what may be missing: whether it is

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["title_key", "id"]

    def save(self, *args, **kwargs):
        self.title_key = self.title.lower()[:500]  # PostgreSQL indexes no longer ones
        self.search_text = " ".join(word for name in self.searched for word in search_words(getattr(self, name)))
        if fields := kwargs.get("update_fields"):
            kwargs["update_fields"] = {*fields, "title_key", "search_text"}
        super().save(*args, **kwargs)

    @property
    def cached_at(self):
        """When what we know was stored."""
        return self.fetched_at or self.created_at


class Movie(Work):
    """A movie of TMDB. Unknown texts are empty, unknown numbers and dates null."""

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

    searched = ("title", "original_title")
    lacks = {"credits": models.Q(cast=None, crew=None), "cover": models.Q(poster_path="")}

    class Meta(Work.Meta):
        abstract = False
        indexes = [models.Index(fields=["title_key", "id"], name="movie_title")]
        constraints = [
            models.CheckConstraint(condition=models.Q(tmdb_id__gte=1), name="movie_tmdb_id"),
            models.CheckConstraint(condition=~models.Q(title=""), name="movie_title_present"),
            models.CheckConstraint(condition=models.Q(vote_average__range=(0, 10)), name="movie_vote_average"),
            models.CheckConstraint(condition=models.Q(runtime=None) | models.Q(runtime__gte=1), name="movie_runtime"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.release_date.year})" if self.release_date else self.title


class Album(Work):
    """A release of MusicBrainz: one edition of a release group."""

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

    searched = ("artist", "title")
    lacks = {
        "credits": models.Q(artist_credit=None),
        "cover": models.Q(cover_art_url=""),
        "release-group": models.Q(release_group_id=None),
    }

    class Meta(Work.Meta):
        abstract = False
        indexes = [models.Index(fields=["title_key", "id"], name="album_title")]
        constraints = [
            models.CheckConstraint(condition=~models.Q(title=""), name="album_title_present"),
            models.CheckConstraint(
                condition=models.Q(release_date__length__in=(0, 4, 7, 10)),
                name="album_release_date_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artist or UNKNOWN_ARTIST}: {self.title}"

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
    """The id of a release that MusicBrainz has merged into another."""

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
                condition=models.Q(begin__length__in=(0, 4, 7, 10)),
                name="artist_begin_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
            models.CheckConstraint(
                condition=models.Q(end__length__in=(0, 4, 7, 10)),
                name="artist_end_precision",
                violation_error_message="Write the date as YYYY, YYYY-MM or YYYY-MM-DD.",
            ),
            models.CheckConstraint(
                condition=models.Q(end="") | models.Q(ended=True, ended__isnull=False),
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
