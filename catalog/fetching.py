"""Functions for fetching movies, albums and artists: finding rows by their ids, and keeping them fresh."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Q

from integrations import deadline
from integrations.errors import IntegrationError, NotFound

from .models import Fetched

REFRESH_WAIT = 2  # seconds for refreshing a row that can be shown as it is


def find_known[F: Fetched](rows: type[F], external_id: Any, *, own_first: bool = False) -> F | None:
    """The row with this id, now or before it was merged into another; None if there is none.

    If a week has picks of both merged works, both stay in the catalog, and this id leads to both. A request gets the
    kept work. An import that restores such a week passes `own_first`, and gets the work whose own id it is.
    """
    id_field: Any = rows._meta.get_field(rows.id_field)
    value = id_field.get_db_prep_value(external_id, connection)
    found: Iterable[F] = rows._default_manager.raw(_select_known(rows), [value, value])
    return min(found, key=lambda row: (row.external_id == external_id) != own_first, default=None)


@cache
def _select_known(rows: Any) -> str:
    """The ORM's SQL for find_known(): building it takes many times longer than executing it."""
    aliases, has_id = rows._meta.get_field("aliases"), {rows.id_field: "0" * 32}  # a valid number and UUID
    merged = aliases.related_model._default_manager.filter(**has_id).order_by().values(aliases.field.name)
    found = rows._default_manager.filter(Q(**has_id) | Q(pk=merged[:1]))  # a join would scan the table
    sql: str = found.query.sql_with_params()[0]
    return sql


def find_all_known[F: Fetched](rows: type[F], external_ids: Iterable[Any], *, own_first: bool = False) -> dict[Any, F]:
    """The rows by these ids, as find_known() finds them; two queries."""
    ids = list(external_ids)
    aliases: Any = rows._meta.get_field("aliases")
    name = aliases.field.name
    aliases = aliases.related_model._default_manager.filter(**{f"{rows.id_field}__in": ids}).select_related(name)
    merged = {getattr(alias, rows.id_field): getattr(alias, name) for alias in aliases.order_by()}
    own = {row.external_id: row for row in rows._default_manager.filter(**{f"{rows.id_field}__in": ids}).order_by()}
    return merged | own if own_first else own | merged


@contextlib.contextmanager
def not_found(sentence: str) -> Iterator[None]:
    """Raise NotFound with this sentence, which is for the client, instead of the source's."""
    try:
        yield
    except NotFound:
        raise NotFound(sentence) from None


def keep_fresh[F: Fetched](known: F, refresh: Callable[[Any], F]) -> tuple[F, bool]:
    """The row, refreshed if that is due, and whether it was left unrefreshed.

    It is not refreshed if the source fails or takes longer than REFRESH_WAIT. A row that was never fetched in full is
    worth a longer wait.
    """
    if not known.is_due:
        return known, True
    wait = deadline.at_most(REFRESH_WAIT) if known.fetched_at else contextlib.nullcontext()
    with contextlib.suppress(IntegrationError), wait:
        row = refresh(known.external_id)
        return row, row.fetched_at == known.fetched_at  # the cache may return a stale answer again
    return known, True


def store_people(people: Any, id_field: str, records: Iterable[dict[str, Any]], *, update: bool) -> dict[Any, Any]:
    """The rows of people or artists by their external ids. Known ones stay as they are, or are updated.

    The order is fixed, so that two transactions cannot deadlock.
    """
    by_id = {record[id_field]: record for record in records}
    rows = [people(**by_id[known]) for known in sorted(by_id)]
    if update and rows:
        columns = [name for name in next(iter(by_id.values())) if name != id_field]
        people.objects.bulk_create(rows, update_conflicts=True, unique_fields=[id_field], update_fields=columns)
        return {getattr(row, id_field): row for row in rows}
    people.objects.bulk_create(rows, ignore_conflicts=True)
    stored: dict[Any, Any] = people.objects.only(id_field).in_bulk(by_id, field_name=id_field)
    return stored


def is_stored(known: Fetched, fetched_at: datetime) -> bool:
    """Whether the row already has this answer of the source, as when several requests waited for it."""
    return known.fetched_at is not None and known.fetched_at >= fetched_at and known.vanished_at is None
