"""Making one movie or album of two, and two of one again; nothing that anybody picked or said is lost by either.

What points at a work moves along, whatever it is: of other apps this module only knows what Django tells of them. A
model whose rows are part of something says so in `part_of`, the name of a foreign key: that is locked first, as who
changes such rows does, and its `updated_at` moves.
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
from django.db.models import Count, ProtectedError, QuerySet
from django.utils import timezone
from django.utils.text import capfirst

from .models import Album, AlbumAlias, AlbumArtist, Merge, Movie, MovieAlias, MovieCast, MovieCrew

TRIES = 3  # somebody may pick what is merged just then
OWN = ("own_title", "own_cover", "note")  # a curator's words
# What is a work's alone, goes with it and comes back with it, and whom each row is about.
CREDITS: dict[type[models.Model], dict[type[models.Model], str]] = {
    Movie: {MovieCast: "person", MovieCrew: "person"},
    Album: {AlbumArtist: "artist"},
}


class CannotMerge(Exception):
    """Nothing was merged, or undone; `str()` is a sentence for the person who wanted it."""


@dataclass(frozen=True)
class Moving:
    """A work that is to be merged, and its picks: those that move, and those whose week has the kept one already.

    Picks have the `opinion_count` of theirs.
    """

    work: Movie | Album
    picks: list[Any]
    staying: list[Any]


@dataclass(frozen=True)
class Undone:
    """The work that is there again, and a sentence for each thing that could not be as it was."""

    work: Movie | Album
    left: list[str]


def preview(kept: Movie | Album, others: Sequence[Movie | Album]) -> list[Moving]:
    """What merge() would do to the picks of the others; two queries."""
    taken = set(kept.picks.values_list("week", flat=True))
    found = []
    picks = _picks(type(kept), [other.pk for other in others])
    for other in others:
        moving = Moving(other, [], [])
        for pick in (pick for pick in picks if getattr(pick, f"{kept._meta.model_name}_id") == other.pk):
            (moving.staying if pick.week_id in taken else moving.picks).append(pick)
            taken.add(pick.week_id)
        found.append(moving)
    return found


def _picks(model: type[Movie | Album], works: list[int]) -> QuerySet[Any]:
    """Who picked these works, when, and how many opinions hang on that."""
    return (
        _related(model, "picks")
        ._default_manager.filter(**{f"{model._meta.model_name}__in": works})
        .select_related("week__user")
        .annotate(opinion_count=Count("opinions"))
        .order_by("week__user__username", "week__year", "week__week_number", "position")
    )


def count_opinions(model: type[Movie | Album], works: list[int]) -> dict[int, int]:
    """How many opinions hang on the picks of each of these works."""
    name = model._meta.model_name
    picks = _related(model, "picks")._default_manager.filter(**{f"{name}__in": works}).order_by()
    return dict(picks.values_list(name).annotate(opinion_count=Count("opinions")))


def merge(kept: Movie | Album, others: Sequence[Movie | Album], *, by: Any = None) -> list[Merge]:
    """The records of what was merged into the kept one, by which undo() works: all of the others, or none.

    Picks move along with their opinions. A week that has both keeps both, as two people's opinions may hang on them;
    then the other row stays, too. The ids of the others find the kept one from now on. Of a curator's words the kept
    one gets what it has not. Raises CannotMerge.
    """
    ids = {other.pk for other in others}
    if not ids or kept.pk in ids:
        raise CannotMerge("Choose two or more that differ.")

    def act() -> list[Merge]:
        locked = _lock(type(kept), [kept.pk, *ids])
        if len(locked) != len(ids) + 1:
            raise CannotMerge("One of these has just been merged or deleted; look again.")
        return [_merge(locked[kept.pk], locked[other.pk], by) for other in others]

    return _again_if_picked(act)


def _again_if_picked[R](act: Callable[[], R]) -> R:
    for _ in range(TRIES):
        with contextlib.suppress(ProtectedError, IntegrityError), transaction.atomic():
            return act()
    raise CannotMerge("Somebody picks one of these just now; try again in a moment.")


def _merge(kept: Movie | Album, other: Movie | Album, by: Any) -> Merge:
    credited = [
        row for part in CREDITS[type(kept)] for row in part._default_manager.filter(**_of(other)).order_by("pk")
    ]
    record = Merge(
        **_of(kept),
        name=str(other),
        external_id=str(other.external_id),
        merged=[_as_json(row) for row in (other, *credited)],
        by=by,
    )
    record.moved, record.gave = _move(other, kept), _give_words(other, kept)
    if not _is_pointed_at(other):
        other.delete()
    _remember_id(other.external_id, kept)
    record.save()
    return record


def absorb(musicbrainz_id: UUID, album: Album) -> None:
    """Remember an id that MusicBrainz has merged into the album's; a row that has it gives all it can to the album's.

    It is MusicBrainz that decided so, and would again: there is no record by which to undo it.
    """

    def act() -> None:
        merged = Album.objects.filter(musicbrainz_id=musicbrainz_id).first()
        locked = _lock(Album, [merged.pk, album.pk]) if merged else {}
        _remember_id(musicbrainz_id, album)
        if merged is None or len(locked) < 2:  # gone meanwhile
            return
        _move(merged, album)
        _give_words(locked[merged.pk], locked[album.pk])
        if _is_pointed_at(merged):
            Album.objects.filter(pk=merged.pk).update(vanished_at=timezone.now())
        else:
            merged.delete()

    with contextlib.suppress(CannotMerge):  # the next refresh tries again
        _again_if_picked(act)


def undo(merge: Merge) -> Undone:
    """Bring back what was merged, with its credits, and give it what moved and is still where it went.

    Raises CannotMerge, also where that was done before.
    """
    with transaction.atomic():
        _lock_wholes({_model(label): ids for label, ids in merge.moved.items()})
        # Works before the record, as merging them locks them; what is read afterwards is as it is now.
        there = Merge.objects.filter(pk=merge.pk).select_related("movie", "album").first()
        if there is None:
            raise CannotMerge("This merge is not known any more.")
        kept = type(there.kept)._default_manager.select_for_update().filter(pk=there.kept.pk).first()
        record = Merge.objects.select_for_update().filter(pk=merge.pk).first()
        if kept is None or record is None or record.kept != kept:
            raise CannotMerge("This has just been merged on; look again.")
        if record.undone_at:
            raise CannotMerge("This merge has been undone already.")
        for later in Merge.objects.filter(pk__gt=record.pk, undone_at=None):
            if record.pk in later.moved.get(Merge._meta.label_lower, []):
                raise CannotMerge(f"Undo the merge of “{later.name}” into “{kept}” first: it came later.")
        work, left = _restore(record)
        _aliases(kept).filter(**_external(kept, record.external_id)).delete()
        for label, ids in record.moved.items():
            left += _give_back(_model(label), ids, kept, work)
        taken = [name for name, words in record.gave.items() if getattr(kept, name) == words]
        if taken:
            for name in taken:
                setattr(kept, name, "")
            kept.save(update_fields=taken)
        Merge.objects.filter(pk=record.pk).update(undone_at=timezone.now())
    return Undone(work, left)


def _restore(record: Merge) -> tuple[Movie | Album, list[str]]:
    """The work as it was when it was merged; as it is now, where it is there."""
    model = type(record.kept)
    if known := model._default_manager.filter(**_external(record.kept, record.external_id)).first():
        return known, []
    work: Any
    work, *credited = [row.object for row in serializers.deserialize("python", record.merged, ignorenonexistent=True)]
    if model._default_manager.filter(pk=work.pk).exists():
        work.pk = None
    known_credits = []
    for part, whom in CREDITS[model].items():
        rows = [row for row in credited if type(row) is part]
        people = _related(part, whom)._default_manager
        there = set(people.filter(pk__in=[getattr(row, f"{whom}_id") for row in rows]).values_list("pk", flat=True))
        known_credits.append((part, [row for row in rows if getattr(row, f"{whom}_id") in there]))
    missing = len(credited) - sum(len(rows) for _, rows in known_credits)
    if missing:
        work.fetched_at = None  # so that it is fetched in full when somebody looks
    work.save(force_insert=True)
    for part, rows in known_credits:
        for row in rows:
            row.pk = None
            setattr(row, str(record.kept._meta.model_name), work)
        part._default_manager.bulk_create(rows)
    return work, [f"{missing} of its credits are gone, until it is refreshed."] if missing else []


def _give_back(model: type[models.Model], ids: list[int], kept: Movie | Album, work: Movie | Album) -> list[str]:
    """Sentences about those of the rows that are not where they went, or cannot go back."""
    name = kept._meta.model_name
    returned = _repoint(model, model._base_manager.filter(pk__in=ids, **_of(kept)), work)
    lost = sorted(set(ids) - set(returned))
    if not lost or model in {AlbumAlias, MovieAlias, Merge}:
        return []
    elsewhere = model._base_manager.filter(pk__in=lost).select_related(name, *_path_to_owner(model))
    left = [f"{capfirst(model._meta.verbose_name)} “{row}” has changed since, and stays." for row in elsewhere]
    if gone := len(lost) - len(left):
        names = model._meta.verbose_name if gone == 1 else model._meta.verbose_name_plural
        left.append(f"{gone} {names} of then {'has' if gone == 1 else 'have'} been removed since.")
    return left


def _lock(model: type[Movie | Album], ids: Sequence[int]) -> dict[int, Any]:
    """The works as they are stored; before them is locked what their picks are part of.

    Always in the same order, so that two transactions cannot lock each other out.
    """
    _lock_wholes(
        {
            relation.related_model: relation.related_model._base_manager.filter(
                **{f"{relation.field.name}__in": ids}
            ).values("pk")
            for relation in _relations(model)
        }
    )
    rows = model._default_manager.select_for_update().filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows}


def _lock_wholes(rows: dict[type[models.Model], Any]) -> None:
    for model, ids in rows.items():
        if wholes := _wholes(model, ids):
            list(wholes.select_for_update().order_by("pk").values_list("pk"))


def _wholes(model: type[models.Model], ids: Any) -> QuerySet[Any] | None:
    """What these rows are part of, if anything."""
    if not (name := getattr(model, "part_of", "")):
        return None
    return _related(model, name)._base_manager.filter(pk__in=model._base_manager.filter(pk__in=ids).values(name))


def _path_to_owner(model: type[models.Model]) -> list[str]:
    """What a row's name needs: what it is part of, and whose that is."""
    name = getattr(model, "part_of", "")
    return [f"{name}__user"] if name else []


def _move(other: Movie | Album, kept: Movie | Album) -> dict[str, list[int]]:
    """The ids of what pointed at the other and points at the kept one now, by model."""
    moved = {}
    for relation in _relations(type(other)):
        model = relation.related_model
        if ids := _repoint(model, model._base_manager.filter(**_of(other)), kept):
            moved[model._meta.label_lower] = ids
    return moved


def _repoint(model: type[models.Model], rows: QuerySet[Any], work: Movie | Album) -> list[int]:
    """The ids of those of the rows that point at the work now.

    A week that has both keeps both: two people's opinions may hang on them.
    """
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    try:
        with transaction.atomic():
            rows.update(**_of(work))
    except IntegrityError:
        moved = []
        for pk in ids:
            with contextlib.suppress(IntegrityError), transaction.atomic():
                model._base_manager.filter(pk=pk).update(**_of(work))
                moved.append(pk)
        ids = moved
    if ids and (wholes := _wholes(model, ids)) is not None:
        wholes.update(updated_at=timezone.now())
    return ids


def _give_words(other: Movie | Album, kept: Movie | Album) -> dict[str, str]:
    """What of a curator's words the kept one had not, and has now."""
    gave = {name: getattr(other, name) for name in OWN if getattr(other, name) and not getattr(kept, name)}
    if gave:
        for name, words in gave.items():
            setattr(kept, name, words)
        kept.save(update_fields=list(gave))
    return gave


def _is_pointed_at(work: Movie | Album) -> bool:
    return any(relation.related_model._base_manager.filter(**_of(work)).exists() for relation in _relations(type(work)))


def _remember_id(external_id: int | UUID, kept: Movie | Album) -> None:
    _aliases(kept).update_or_create(**_external(kept, external_id), defaults=_of(kept))


def _aliases(work: Movie | Album) -> Any:
    return (MovieAlias if isinstance(work, Movie) else AlbumAlias)._default_manager


def _relations(model: type[Movie | Album]) -> list[Any]:
    """What points at such works, but for their credits."""
    return [one for one in model._meta.related_objects if one.related_model not in CREDITS[model]]


def _of(work: Movie | Album) -> dict[str, Any]:
    return {str(work._meta.model_name): work}


def _external(work: Movie | Album, external_id: Any) -> dict[str, Any]:
    return {"tmdb_id" if isinstance(work, Movie) else "musicbrainz_id": external_id}


def _related(model: type[models.Model], name: str) -> Any:
    return model._meta.get_field(name).related_model


def _model(label: str) -> type[models.Model]:
    return apps.get_model(label)


def _as_json(row: models.Model) -> dict[str, Any]:
    """The row as Django writes fixtures, to the microsecond."""
    [row_of_fixture] = serializers.serialize("python", [row])
    values = row_of_fixture["fields"].items()
    shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values}
    return row_of_fixture | {"fields": shown}
