"""Frequent queries, which the ORM builds and compiles only once; after that, only their SQL is executed.

For a few rows, building a query set and compiling it to SQL takes many times longer than running it. The SQL comes from
the function that builds the query set, so the function's rules about who may see what hold here as well.
"""

import inspect
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from django.db.transaction import TransactionManagementError

# Stand-ins for an argument while a query is compiled; each fits into any integer column. The query is compiled with
# both: a constant may equal one of them, but unlike an argument it is the same in both results.
STAND_INS = (range(31_000, 31_100), range(29_000, 29_100))
NO_ID = -1  # stands for an empty list, which SQL does not allow


def argument_number(param: Any, other: Any) -> int | None:
    """The number of the argument that two parameters stand for; None for a constant."""
    first, second = STAND_INS
    is_argument = isinstance(param, int) and isinstance(other, int) and param in first and other in second
    return first.index(param) if is_argument else None


class CompiledQuery[R]:
    """A query set as a function of integers, such as ids, or of lists of integers. Calling it returns the rows.

    A list, as in `pk__in=[ids]`, may have any number of values. `select_related()`, annotations and `values_list()`
    (always with names) work as usual; what the ORM does after the query, such as for `prefetch_related()`, is left out.
    Like the ORM, it refuses to lock rows outside a transaction, which would hold no lock.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, R]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def page(self, limit: int, offset: int, *arguments: int | list[int]) -> list[R]:
        """Some of the rows."""
        return self(*arguments, page=(limit, offset))

    def __call__(self, *arguments: int | list[int], page: tuple[int, int] | None = None) -> list[R]:
        (sql, *pieces), places, read, is_locking = self.compiled
        if is_locking and not connection.in_atomic_block:
            raise TransactionManagementError("Rows are locked in a transaction only.")
        values: list[Any] = []
        for (param, number), piece in zip(places, pieces, strict=True):
            value = param if number is None else arguments[number]
            several = (value or [NO_ID]) if isinstance(value, list) else [value]
            sql += ", ".join(["%s"] * len(several)) + piece
            values += several
        if page:
            sql, values = f"{sql} LIMIT %s OFFSET %s", [*values, *page]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return read(cursor.fetchall())

    @cached_property
    def compiled(self) -> tuple[list[str], list[tuple[Any, int | None]], Callable[[list[Any]], list[R]], bool]:
        """The SQL in pieces, the parameters between these, the function that turns rows into objects or tuples, and
        whether the query locks rows."""
        count = len(inspect.signature(self.build).parameters)
        compilers: list[Any] = [
            self.build(*stand_ins[:count]).query.get_compiler(DEFAULT_DB_ALIAS) for stand_ins in STAND_INS
        ]
        (sql, params), (_, others) = (compiler.as_sql() for compiler in compilers)
        places = [(param, argument_number(param, other)) for param, other in zip(params, others, strict=True)]
        return sql.split("%s"), places, reader(compilers[0]), compilers[0].query.select_for_update


@cache
def compiled(build: Callable[..., models.QuerySet[Any, Any]], *first: Any) -> CompiledQuery[Any]:
    """The query that a function builds with these first arguments."""
    return CompiledQuery(partial(build, *first))


def ids_of_page(rows: models.QuerySet[Any], limit: int, offset: int) -> RawSQL:
    """The ids of a page of rows. A slice would write its limits into the SQL, so they could not be arguments."""
    sql, params = rows.values("pk").query.sql_with_params()
    return RawSQL(f"{sql} LIMIT %s OFFSET %s", [*params, limit, offset])  # noqa: S611 - of the ORM


FOUND = RawSQL("SELECT pk FROM found", [])


def with_total[M: models.Model](page: models.QuerySet[M], found: models.QuerySet[Any]) -> list[M]:
    """The rows of a page, whose ids are FOUND, with the `total` that was found beside these: all by one search."""
    total = RawSQL("SELECT total FROM found LIMIT 1", [], models.IntegerField())
    compiler = page.annotate(total=total).query.get_compiler(DEFAULT_DB_ALIAS)
    (with_, values), (sql, params) = found.values("pk", "total").query.sql_with_params(), compiler.as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"WITH found AS ({with_}) {sql}", [*values, *params])
        return reader(compiler)(cursor.fetchall())


class RowCount(models.Subquery):
    """The number of rows of a queryset, as a value in another."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = models.IntegerField()


@dataclass(frozen=True)
class Rows[M: models.Model]:
    """What pagination needs of a query set, from compiled queries: a count, and page() with a limit and an offset."""

    count: Callable[[], int]
    page: Callable[[int, int], list[M]]


def reader(compiler: Any) -> Callable[[list[Any]], list[Any]]:
    """The function that turns rows into objects, as the ORM's ModelIterable does, or with values_list() into tuples."""
    converters = compiler.get_converters([expression for expression, *_ in compiler.select])
    convert = partial(compiler.apply_converters, converters=converters) if converters else iter
    if names := compiler.query.selected:
        row: Any = namedtuple("Row", list(names))  # type: ignore[misc]
        return lambda rows: [*map(partial(tuple.__new__, row), convert(rows))]
    make = maker(compiler, compiler.klass_info)
    annotations = list(compiler.annotation_col_map.items())

    def read(rows: list[Any]) -> list[Any]:
        objects = []
        for row in convert(rows):
            made = make(row)
            for name, column in annotations:
                setattr(made, name, row[column])
            objects.append(made)
        return objects

    return read


def maker(compiler: Any, info: dict[str, Any]) -> Callable[[list[Any]], Any]:
    """The function that makes an object, and its related objects, from a row."""
    model, fields = info["model"], info["select_fields"]
    columns = slice(fields[0], fields[-1] + 1)
    names = [expression.target.attname for expression, *_ in compiler.select[columns]]
    key = fields[0] + names.index(model._meta.pk.attname)
    others = [(other, maker(compiler, other)) for other in info.get("related_klass_infos", [])]
    # Reverse relations of these are not set: a cycle would stay in memory until the garbage collector runs.
    referred = [(other["field"].cache_name, make_other) for other, make_other in others if not other["reverse"]]
    referring = [(other["remote_setter"], make_other) for other, make_other in others if other["reverse"]]

    def make(row: list[Any]) -> Any:
        if row[key] is None:
            return None
        made = model.__new__(model)  # its __init__() would take half the time of a page
        # A new dictionary: before Python 3.13.4 the garbage collector may overlook the object's own, and then never
        # frees cycles through it (https://github.com/python/cpython/issues/133543).
        made.__dict__ = dict(zip(names, row[columns]))  # noqa: B905 - of the same length, and strict takes time
        state = made._state = ModelState()
        state.adding, state.db = False, DEFAULT_DB_ALIAS
        state.fields_cache = {name: make_other(row) for name, make_other in referred}
        for set_other, make_other in referring:
            if (other := make_other(row)) is not None:
                set_other(other, made)
        return made

    return make
