"""Queries that are made all the time: the ORM builds and compiles them once, and they are executed ever after.

To build a query set, and SQL of it, takes many times what the database needs for a few rows. The SQL depends only on
the function that builds the query set, so what it says of who may see what holds here as well.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.base import ModelState

type Place = tuple[bool, Any]  # of a parameter: whether it is an argument; its number, or else the constant

STAND_INS = 31_000  # for the arguments of a query while it is compiled; each fits into any column of whole numbers


class CompiledQuery[M: models.Model]:
    """A query set as a function of whole numbers, such as ids, that returns its rows.

    `select_related()` and annotations work as usual; what the ORM does after the query, as `prefetch_related()` does,
    is left out.
    """

    def __init__(self, build: Callable[..., models.QuerySet[M]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    def __call__(self, *arguments: int) -> list[M]:
        sql, places = self.select
        return self.read(execute(sql, fill(places, arguments)))

    @cached_property
    def stand_ins(self) -> range:
        return range(STAND_INS, STAND_INS + len(inspect.signature(self.build).parameters))

    @cached_property
    def compiler(self) -> Any:
        return self.build(*self.stand_ins).query.get_compiler(DEFAULT_DB_ALIAS)

    @cached_property
    def select(self) -> tuple[str, list[Place]]:
        """The SQL, and its parameters."""
        sql, params = self.compiler.as_sql()
        return sql, self.places(params)

    @cached_property
    def read(self) -> Callable[[list[Any]], list[M]]:
        return reader(self.compiler)

    def places(self, params: Iterable[Any]) -> list[Place]:
        return [(param in self.stand_ins, param - STAND_INS if param in self.stand_ins else param) for param in params]


@dataclass(frozen=True)
class Rows[M: models.Model]:
    """The rows of compiled queries, as far as a page needs a query set: page() takes a limit and an offset."""

    count: Callable[[], int]
    page: Callable[[int, int], list[M]]


def fill(places: list[Place], arguments: tuple[int, ...]) -> list[Any]:
    return [arguments[value] if is_argument else value for is_argument, value in places]


def execute(sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def reader(compiler: Any) -> Callable[[list[Any]], list[Any]]:
    """The function that makes objects of rows, as django.db.models.query.ModelIterable does."""
    converters = compiler.get_converters([expression for expression, *_ in compiler.select])
    make = maker(compiler, compiler.klass_info)
    annotations = list(compiler.annotation_col_map.items())

    def read(rows: list[Any]) -> list[Any]:
        objects = []
        for row in compiler.apply_converters(rows, converters):
            made = make(row)
            for name, column in annotations:
                setattr(made, name, row[column])
            objects.append(made)
        return objects

    return read


def maker(compiler: Any, info: dict[str, Any]) -> Callable[[list[Any]], Any]:
    """The function that makes an object, and those that are related to it, of a row."""
    model, fields = info["model"], info["select_fields"]
    columns = slice(fields[0], fields[-1] + 1)
    names = [expression.target.attname for expression, *_ in compiler.select[columns]]
    key = fields[0] + names.index(model._meta.pk.attname)
    related = [
        (maker(compiler, other), other["local_setter"], other["remote_setter"])
        for other in info.get("related_klass_infos", [])
    ]

    def make(row: list[Any]) -> Any:
        if row[key] is None:
            return None
        made = model.__new__(model)  # its __init__() would take half the time of a page
        made.__dict__.update(zip(names, row[columns], strict=True))
        made._state = ModelState()
        made._state.adding, made._state.db = False, DEFAULT_DB_ALIAS
        for make_other, set_other, set_back in related:
            other = make_other(row)
            set_other(made, other)
            if other is not None:
                set_back(other, made)
        return made

    return make
