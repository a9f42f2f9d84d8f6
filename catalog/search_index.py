"""The trigram index in which searches look for words; it also finds parts of words.

On PostgreSQL it is a GIN index with the extension pg_trgm. On SQLite it is an FTS5 table, which triggers keep up to
date, and a list of its terms. Each text in it ends with a blank, so that any two characters begin a term.
"""

import sys
from functools import partial
from typing import Any

from django.core.management import CommandError
from django.db import DatabaseError, migrations
from django.db.models import Func, Model, Subquery
from django.db.models.lookups import Contains

LAST_CHARACTER = chr(sys.maxunicode)

SQLITE = [
    "CREATE VIRTUAL TABLE {table}_search USING fts5(search_text, content='', tokenize='trigram case_sensitive 1')",
    "CREATE VIRTUAL TABLE {table}_search_terms USING fts5vocab({table}_search, instance)",
    "CREATE TRIGGER {table}_search_insert AFTER INSERT ON {table} BEGIN {add}; END",
    "CREATE TRIGGER {table}_search_delete AFTER DELETE ON {table} BEGIN {remove}; END",
    "CREATE TRIGGER {table}_search_update AFTER UPDATE OF search_text ON {table} "
    "WHEN old.search_text != new.search_text BEGIN {remove}; {add}; END",
    "INSERT INTO {table}_search (rowid, search_text) SELECT id, search_text || ' ' FROM {table}",
]
ADD = "INSERT INTO {table}_search (rowid, search_text) VALUES (new.id, new.search_text || ' ')"
REMOVE = (
    "INSERT INTO {table}_search ({table}_search, rowid, search_text) VALUES ('delete', old.id, old.search_text || ' ')"
)


class Mentions(Contains):
    """Whether the `search_text` of a row contains a word of search_words(); only for tables with a search_index()."""

    lookup_name = "mentions"

    def get_rhs_op(self, connection, rhs):
        return connection.operators["contains"] % rhs

    def as_sqlite(self, compiler, connection):
        if not (found := _find(self.lhs.target.model, self.rhs)):
            return super().as_sql(compiler, connection)
        sql, params = found
        return f'{connection.ops.quote_name(self.lhs.alias)}."id" IN ({sql})', params


class Ids(Subquery):
    """A list of ids, without the parentheses that SQLite refuses in a UNION."""

    template = "%(subquery)s"


class UnionAll(Func):
    """Several Ids as one list; QuerySet.union() only takes query sets."""

    template, arg_joiner = "%(expressions)s", " UNION ALL "


class IdsMentioning(Ids):
    """The ids of the rows whose `search_text` contains a word; SQLite reads them from the index alone."""

    def __init__(self, model: type[Model], word: str) -> None:
        self.word = word
        super().__init__(model._default_manager.filter(search_text__mentions=word).order_by().values("pk"))

    def as_sqlite(self, compiler, connection):
        return _find(self.query.model, self.word) or self.as_sql(compiler, connection)


def _find(model: Any, word: str) -> tuple[str, list[str]] | None:
    """The SELECT for ids in SQLite's index; None for one character: most texts contain it, and LIKE takes less time."""
    index = f"{model._meta.db_table}_search"
    match len(word):
        case 1:
            return None
        case 2:  # the first two characters of a term
            return f'SELECT doc FROM "{index}_terms" WHERE term >= %s AND term < %s', [word, word + LAST_CHARACTER]  # noqa: S608 - our own names
    return f'SELECT rowid FROM "{index}" WHERE "{index}" MATCH %s', [f'"{word}"']  # noqa: S608


def search_index(table: str, *, again: bool = False) -> migrations.RunPython:
    """The operation of a migration that makes the index of a table's `search_text`.

    On SQLite, migrations that alter a column of the table copy it and drop its triggers: make the index `again` after
    them, which does nothing on PostgreSQL.
    """
    create, drop = (_create_again, _create_again) if again else (_create, _drop)
    return migrations.RunPython(partial(create, table), partial(drop, table))


def _create_again(table: str, apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "sqlite":
        _create(table, apps, editor)


def _create(table: str, apps: Any, editor: Any) -> None:
    _drop(table, apps, editor)
    if editor.connection.vendor == "sqlite":
        for statement in SQLITE:
            editor.execute(
                statement.format(table=table, add=ADD.format(table=table), remove=REMOVE.format(table=table))
            )
        return
    try:
        editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        raise CommandError(
            "Searches need PostgreSQL's extension pg_trgm, and this account cannot install it. Let an administrator "
            f"run CREATE EXTENSION pg_trgm in this database, then run migrate again. ({str(error).strip()})"
        ) from None
    editor.execute(f"CREATE INDEX {table}_search ON {table} USING gin (search_text gin_trgm_ops)")


def _drop(table: str, apps: Any, editor: Any) -> None:
    if editor.connection.vendor == "sqlite":
        for trigger in ("insert", "delete", "update"):
            editor.execute(f"DROP TRIGGER IF EXISTS {table}_search_{trigger}")
        for index in (f"{table}_search_terms", f"{table}_search"):
            editor.execute(f"DROP TABLE IF EXISTS {index}")
    else:
        editor.execute(f"DROP INDEX IF EXISTS {table}_search")
