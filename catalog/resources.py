"""Movies and albums as tables: everything goes out, and what a curator writes comes back."""

from typing import Any

from django.contrib.admin.models import CHANGE
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils.html import format_html
from import_export import resources
from import_export.fields import Field
from import_export.results import RowResult

from integrations import musicbrainz, tmdb

from . import services
from .exchange import ROW, Cell, Meant, TableResource, in_short, same_text
from .forms import AlbumForm, MovieForm
from .models import Album, Movie

OWN = ("own_title", "own_cover", "note")


class WorkResource(TableResource, resources.ModelResource):
    """Rows of works that the catalog has; all that is fetched is for reading, and is not read back."""

    preview = ("id", "title", *OWN)
    form: type[ModelForm]
    key: str  # the column by which a work is found
    upstream: str

    def known(self, ids: set[Any]) -> dict[Any, Any]:
        """The works by these ids."""
        raise NotImplementedError

    def read_id(self, text: str) -> Any:
        """The id that a cell has; None where it has none."""
        raise NotImplementedError

    @classmethod
    def field_from_django_field(cls, field_name, django_field, readonly):
        return Field(attribute=field_name, column_name=field_name, widget=Cell())

    def prepare(self, rows, user):
        self.works = self.known({known_as for row in rows if (known_as := self.read_id(row[self.key].strip()))})
        self.seen: dict[int, str] = {}  # the number of the row that a work is in
        self.changes: list[tuple[Any, list[str]]] = []  # works as they will be, and the names of what changes
        if user:
            ids = {work.pk for work in self.works.values()}
            locked = self._meta.model.objects.select_for_update().filter(pk__in=ids).order_by("pk")
            stored = {work.pk: work for work in locked}
            self.works = {key: stored[work.pk] for key, work in self.works.items() if work.pk in stored}

    def mean(self, row):
        work = self._find(row)
        if earlier := self.seen.get(work.pk):
            raise ValidationError(f"This is in row {earlier} already: keep one of the two.")
        self.seen[work.pk] = row[ROW]
        before = {name: getattr(work, name) for name in OWN}
        said = {name: row[name] for name in OWN if name in row and not same_text(row[name], before[name])}
        after = before | self._clean(work, before | said, set(said))
        changed = [name for name in OWN if not same_text(after[name], before[name])]
        if changed:
            self.changes.append((work, changed))
        cells = [str(work.external_id), work.title]
        cells += [_compared(before[name], after[name] if name in changed else before[name]) for name in OWN]
        if changed:
            return Meant(RowResult.IMPORT_TYPE_UPDATE, "Change", cells)
        return Meant(RowResult.IMPORT_TYPE_SKIP, "No change", cells)

    def _find(self, row: dict[str, str]) -> Any:
        text = row[self.key].strip()
        known_as = self.read_id(text)
        if known_as is None:
            raise ValidationError(f"Write an id of {self.upstream} in {self.key}: {in_short(text)} is none.")
        if known_as not in self.works:
            raise ValidationError(f"{known_as} is not in the catalog: add it first by searching {self.upstream}.")
        return self.works[known_as]

    def _clean(self, work: Any, values: dict[str, str], said: set[str]) -> dict[str, str]:
        """What the form of the admin makes of what is said. Raises ValidationError."""
        if not said:
            return {}
        form = self.form(values, instance=work)
        for name in form.fields.keys() - said:  # or each costs the query of its constraint
            del form.fields[name]
        if not form.is_valid():
            sentences = [f"{name}: {text}" for name, texts in form.errors.items() for text in texts]
            raise ValidationError(sentences)
        return {name: form.cleaned_data[name] for name in said}

    def store(self):
        for work, changed in self.changes:
            work.save(update_fields=changed)
        self.written = [(CHANGE, [work for work, _ in self.changes], "Imported from a file.")]


def _compared(before: str, after: str) -> str:
    if before == after:
        return before
    gone = format_html("<del>{}</del> ", before) if before else ""
    return format_html("{}<ins>{}</ins>", gone, after) if after else gone


class MovieResource(WorkResource):
    about = (
        "Read are tmdb_id, own_title, own_cover and note; a column that the file lacks changes nothing, an "
        "empty cell empties. All else comes from TMDB and stays, and movies are added by searching there."
    )
    form = MovieForm
    key = "tmdb_id"
    upstream = "TMDB"
    needed = (("tmdb_id",), OWN)

    class Meta:
        model = Movie
        name = "Movies"
        fields = (
            *("tmdb_id", "imdb_id", "title", "original_title", "original_language", "release_date", "runtime"),
            *("genres", "status", *OWN, "fetched_at"),
        )

    def known(self, ids):
        return services.known_movies(ids)

    def read_id(self, text):
        found = tmdb.read_address(text)
        return found if isinstance(found, int) else None


class AlbumResource(WorkResource):
    about = (
        "Read are musicbrainz_id, own_title, own_cover and note; a column that the file lacks changes nothing, an "
        "empty cell empties. All else comes from MusicBrainz and stays, and albums are added by searching there."
    )
    form = AlbumForm
    key = "musicbrainz_id"
    upstream = "MusicBrainz"
    needed = (("musicbrainz_id",), OWN)

    class Meta:
        model = Album
        name = "Albums"
        fields = (
            *("musicbrainz_id", "release_group_id", "artist", "title", "release_date", "country", "status"),
            *("primary_type", "genres", *OWN, "fetched_at"),
        )

    def known(self, ids):
        return services.known_albums(ids)

    def read_id(self, text):
        found = musicbrainz.read_address(text)
        return found[1] if found and found[0] != "release-group" else None
