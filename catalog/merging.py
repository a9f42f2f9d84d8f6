"""Merging a movie or album into another, and undoing that; no row that refers to either is lost.

Rows of all other apps are moved: Django knows which foreign keys point at a work. A model whose rows belong to a parent
names the foreign key to it in `belongs_to`. The parent is locked first, as everywhere else where its rows are changed,
and its `updated_at` changes when they move.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core import serializers
from django.db import IntegrityError, models, transaction
from django.db.models import FETCH_PEERS, ProtectedError, QuerySet
from django.utils import timezone
from django.utils.text import capfirst

from .models import OWN_FIELDS, Album, AlbumAlias, AlbumArtist, Merge, Movie, MovieAlias, MovieCast, MovieCrew

MAX_TRIES = 3  # a user may pick a work while it is being merged
# The foreign keys from credits to the person or artist. Credits are deleted with their work and restored with it.
CREDITS: dict[type[models.Model], list[Any]] = {
    Movie: [MovieCast.person.field, MovieCrew.person.field],
    Album: [AlbumArtist.artist.field],
}


class CannotMerge(Exception):
    """Nothing was merged or undone; `str()` is a sentence for the user who asked for it."""


@dataclass(frozen=True)
class Undone:
    """The restored work, and a sentence for each thing that could not be restored."""

    work: Movie | Album
    left: list[str]


def merge(kept: Movie | Album, others: Sequence[Movie | Album], *, by: Any = None) -> list[Merge]:
    """Merge the others into the kept work, all or none, and return the records for undo().

    Rows that point at the others are moved. If uniqueness forbids that, as in a week with picks of both, the row stays
    and so does the other work. The ids of the others lead to the kept one from now on, and it takes over curators'
    edits where it has none. Raises CannotMerge.
    """
    ids = {other.pk for other in others}
    if not ids or kept.pk in ids:
        raise CannotMerge("Choose at least two different entries.")

    def act() -> list[Merge]:
        locked = _lock(type(kept), [kept.pk, *ids])
        if len(locked) != len(ids) + 1:
            raise CannotMerge("One of these has just been merged or deleted. Check the list and try again.")
        return [_merge(locked[kept.pk], locked[other.pk], by) for other in others]

    return _retry_if_picked(act)


def _retry_if_picked[R](act: Callable[[], R]) -> R:
    for _ in range(MAX_TRIES):
        with contextlib.suppress(ProtectedError, IntegrityError), transaction.atomic():
            return act()
    raise CannotMerge("A user is picking one of these right now. Try again in a moment.")


def _merge(kept: Movie | Album, other: Movie | Album, by: Any) -> Merge:
    parts = [
        row
        for credited in CREDITS[type(kept)]
        for row in credited.model._default_manager.filter(**_to(other)).order_by("pk")
    ]
    record = Merge(
        **_to(kept),
        name=str(other),
        external_id=str(other.external_id),
        merged=[_as_json(row) for row in (other, *parts)],
        by=by,
    )
    record.moved, record.gave = _move(other, kept), _copy_edits(other, kept)
    if not _is_pointed_at(other):
        other.delete()
    _remember_id(other.external_id, kept)
    record.save()
    return record


def absorb(musicbrainz_id: UUID, album: Album) -> None:
    """Remember an id that MusicBrainz has merged into the album's, and merge an album that has this id into it.

    MusicBrainz decided this and would again, so there is no record for undoing it.
    """

    def act() -> None:
        merged = Album.objects.filter(musicbrainz_id=musicbrainz_id).first()
        locked = _lock(Album, [merged.pk, album.pk]) if merged else {}
        _remember_id(musicbrainz_id, album)
        if merged is None or len(locked) < 2:  # deleted in the meantime
            return
        _move(merged, album)
        _copy_edits(locked[merged.pk], locked[album.pk])
        if _is_pointed_at(merged):
            Album.objects.filter(pk=merged.pk).update(vanished_at=timezone.now())
        else:
            merged.delete()

    with contextlib.suppress(CannotMerge):  # the next refresh tries again
        _retry_if_picked(act)


def undo(merge: Merge) -> Undone:
    """Restore the merged work with its credits, and move back the rows that still point at the kept one.

    Raises CannotMerge, also if the merge has already been undone.
    """
    with transaction.atomic():
        for label, ids in merge.moved.items():
            _lock_parents(apps.get_model(label), ids)
        # Lock works before the record, in the order in which merge() locks them; then read the current state.
        current = Merge.objects.filter(pk=merge.pk).select_related("movie", "album").first()
        if current is None:
            raise CannotMerge("This merge no longer exists.")
        kept = type(current.kept)._default_manager.select_for_update().filter(pk=current.kept.pk).first()
        record = Merge.objects.select_for_update().filter(pk=merge.pk).first()
        if kept is None or record is None or record.kept != kept:
            raise CannotMerge("This entry has just been merged again. Check the list and try again.")
        _refuse_undo(record)
        work, left = _restore(record)
        _aliases(kept).filter(**{kept.id_field: record.external_id}).delete()
        for label, ids in record.moved.items():
            left += _move_back(apps.get_model(label), ids, kept, work)
        _take_back_edits(kept, record.gave)
        Merge.objects.filter(pk=record.pk).update(undone_at=timezone.now())
    return Undone(work, left)


def _refuse_undo(record: Merge) -> None:
    """Raise CannotMerge if the merge is undone already, or if a later one moved it along."""
    if record.undone_at:
        raise CannotMerge("This merge has already been undone.")
    for later in Merge.objects.filter(pk__gt=record.pk, undone_at=None):
        if record.pk in later.moved.get(Merge._meta.label_lower, []):
            raise CannotMerge(f"First undo the later merge of “{later.name}” into “{record.kept}”.")


def _restore(record: Merge) -> tuple[Movie | Album, list[str]]:
    """The work as it was before the merge, or the one that has its id now; and sentences about anything missing."""
    model = type(record.kept)
    if known := model._default_manager.filter(**{model.id_field: record.external_id}).first():
        return known, []
    work: Any
    work, *parts = [row.object for row in serializers.deserialize("python", record.merged, ignorenonexistent=True)]
    if model._default_manager.filter(pk=work.pk).exists():
        work.pk = None
    restorable = [(credited.model, _whose_people_exist(parts, credited)) for credited in CREDITS[model]]
    missing = len(parts) - sum(len(rows) for _, rows in restorable)
    if missing:
        work.fetched_at = None  # the next request for it fetches it in full
    work.save(force_insert=True)
    for part, rows in restorable:
        for row in rows:
            row.pk = None
            setattr(row, model.kind, work)
        part._default_manager.bulk_create(rows)
    return work, [f"{missing} of its credits are missing until it is refreshed."] if missing else []


def _whose_people_exist(parts: list[Any], credited: Any) -> list[Any]:
    """The credits whose person or artist, by this foreign key, is still in the catalog."""
    rows = [row for row in parts if isinstance(row, credited.model)]
    people = credited.related_model._default_manager.filter(pk__in=[getattr(row, credited.attname) for row in rows])
    existing = set(people.values_list("pk", flat=True))
    return [row for row in rows if getattr(row, credited.attname) in existing]


def _move_back(model: type[models.Model], ids: list[int], kept: Movie | Album, work: Movie | Album) -> list[str]:
    """Sentences about rows that no longer point at the kept work, or cannot be moved back."""
    returned = _repoint(model, model._base_manager.filter(pk__in=ids, **_to(kept)), work)
    lost = sorted(set(ids) - set(returned))
    if not lost or model in {AlbumAlias, MovieAlias, Merge}:
        return []
    elsewhere = model._base_manager.filter(pk__in=lost).fetch_mode(FETCH_PEERS)
    name = capfirst(model._meta.verbose_name)
    left = [f"{name} “{row}” has changed since then and was not moved." for row in elsewhere]
    if gone := len(lost) - len(left):
        names = model._meta.verbose_name if gone == 1 else model._meta.verbose_name_plural
        left.append(f"{gone} {names} {'has' if gone == 1 else 'have'} been removed since then.")
    return left


def _take_back_edits(kept: Movie | Album, gave: dict[str, str]) -> None:
    """Clear the copied edits that have not changed since."""
    taken = [name for name, text in gave.items() if getattr(kept, name) == text]
    if taken:
        for name in taken:
            setattr(kept, name, "")
        kept.save(update_fields=taken)


def _lock(model: type[Movie | Album], ids: Sequence[int]) -> dict[int, Any]:
    """The works as they are stored, locked after the parents of the rows that point at them.

    Always in the same order, so that two transactions cannot deadlock.
    """
    for relation in _relations(model):
        rows = relation.related_model._base_manager.filter(**{f"{model.kind}__in": ids})
        _lock_parents(relation.related_model, rows.values("pk"))
    works = model._default_manager.select_for_update().filter(pk__in=ids).order_by("pk")
    return {work.pk: work for work in works}


def _lock_parents(model: type[models.Model], ids: Any) -> None:
    if (parents := _parents_of(model, ids)) is not None:
        list(parents.select_for_update().order_by("pk").values_list("pk"))


def _parents_of(model: type[models.Model], ids: Any) -> QuerySet[Any] | None:
    """The rows that these rows belong to; None if they belong to none."""
    if not (name := getattr(model, "belongs_to", "")):
        return None
    parent: Any = model._meta.get_field(name).related_model
    parents: QuerySet[Any] = parent._base_manager.filter(pk__in=model._base_manager.filter(pk__in=ids).values(name))
    return parents


def _move(other: Movie | Album, kept: Movie | Album) -> dict[str, list[int]]:
    """The ids of the rows that pointed at the other work and now point at the kept one, by model."""
    moved = {}
    for relation in _relations(type(other)):
        model = relation.related_model
        if ids := _repoint(model, model._base_manager.filter(**_to(other)), kept):
            moved[model._meta.label_lower] = ids
    return moved


def _repoint(model: type[models.Model], rows: QuerySet[Any], work: Movie | Album) -> list[int]:
    """The ids of the rows that now point at the work: all except those that a unique constraint keeps back."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    if not ids:
        return []
    try:
        with transaction.atomic():
            rows.update(**_to(work))
    except IntegrityError:
        moved = []
        for pk in ids:
            with contextlib.suppress(IntegrityError), transaction.atomic():
                model._base_manager.filter(pk=pk).update(**_to(work))
                moved.append(pk)
        ids = moved
    if ids and (parents := _parents_of(model, ids)) is not None:
        parents.update(updated_at=timezone.now())
    return ids


def _copy_edits(other: Movie | Album, kept: Movie | Album) -> dict[str, str]:
    """Copy a curator's edits that the kept work does not have, and return them."""
    gave = {name: getattr(other, name) for name in OWN_FIELDS if getattr(other, name) and not getattr(kept, name)}
    if gave:
        for name, text in gave.items():
            setattr(kept, name, text)
        kept.save(update_fields=list(gave))
    return gave


def _is_pointed_at(work: Movie | Album) -> bool:
    return any(relation.related_model._base_manager.filter(**_to(work)).exists() for relation in _relations(type(work)))


def _remember_id(external_id: int | UUID, kept: Movie | Album) -> None:
    _aliases(kept).update_or_create(**{kept.id_field: external_id}, defaults=_to(kept))


def _aliases(work: Movie | Album) -> Any:
    return (MovieAlias if isinstance(work, Movie) else AlbumAlias)._default_manager


def _relations(model: type[Movie | Album]) -> list[Any]:
    """The foreign keys that point at such works, except for their credits."""
    parts = {credited.model for credited in CREDITS[model]}
    return [relation for relation in model._meta.related_objects if relation.related_model not in parts]


def _to(work: Movie | Album) -> dict[str, Any]:
    """The value of a foreign key to the work, by its name, which is the same in all models."""
    return {work.kind: work}


def _as_json(row: models.Model) -> dict[str, Any]:
    """The row as Django writes fixtures, but to the microsecond."""
    [fixture] = serializers.serialize("python", [row])
    values = fixture["fields"].items()
    exact = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}
    return {**fixture, "fields": exact}
