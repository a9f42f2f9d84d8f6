"""The database's guarantee that the week of an opinion is the week of its pick."""

from typing import Any

from django.db import models


def with_week(kind: str) -> models.UniqueConstraint:
    """On the picks of a kind: what WeekOfPick refers to."""
    return models.UniqueConstraint(fields=["id", "week"], name=f"week{kind}_with_week")


class WeekOfPick(models.BaseConstraint):
    """A foreign key of two columns: the week of a row is that of its pick, where it has a pick of this kind."""

    def __init__(self, *, kind: str, name: str) -> None:
        super().__init__(name=name)
        self.kind = kind

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        pick, week = model._meta.get_field(f"{self.kind}_pick"), model._meta.get_field("week")
        names = [self.name, pick.column, week.column, pick.related_model._meta.db_table, "id", week.column]
        return ("CONSTRAINT {} FOREIGN KEY ({}, {}) REFERENCES {} ({}, {}) DEFERRABLE INITIALLY DEFERRED").format(
            *map(schema_editor.quote_name, names)
        )

    def create_sql(self, model: Any, schema_editor: Any) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return schema_editor._delete_fk_sql(model, self.name)

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Nothing, as forms show no week."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WeekOfPick) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)

    def deconstruct(self) -> tuple[str, tuple[()], dict[str, Any]]:
        path, _, kwargs = super().deconstruct()
        return path, (), kwargs | {"kind": self.kind}
