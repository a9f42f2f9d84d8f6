from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Subquery

from selections.models.week_of_pick import WeekOfPick

KINDS = ("movie", "album")
FIELD: dict[str, Any] = {
    "db_index": False,
    "editable": False,
    "help_text": "The week of the pick: lists would take many times longer if they joined all picks.",
    "on_delete": django.db.models.deletion.DO_NOTHING,
    "related_name": "opinions",
    "to": "selections.week",
}


def fill(apps, schema_editor):
    for kind in KINDS:
        weeks = apps.get_model("selections", f"week{kind}").objects.filter(pk=OuterRef(f"{kind}_pick")).values("week")
        opinions = apps.get_model("selections", "opinion").objects.filter(**{f"{kind}_pick__isnull": False})
        opinions.update(week=Subquery(weeks))
    schema_editor.connection.check_constraints()  # PostgreSQL alters no table while it has keys to check


class Migration(migrations.Migration):
    dependencies = [("selections", "0016_short_words_indexed")]

    operations = [
        *(
            migrations.AddConstraint(
                f"week{kind}", models.UniqueConstraint(fields=("id", "week"), name=f"week{kind}_with_week")
            )
            for kind in KINDS
        ),
        migrations.AddField("opinion", "week", models.ForeignKey(null=True, **FIELD)),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterField("opinion", "week", models.ForeignKey(**FIELD)),
        migrations.AddIndex("opinion", models.Index(fields=["week", "user"], name="opinion_week")),
        *(
            migrations.AddConstraint("opinion", WeekOfPick(kind=kind, name=f"opinion_{kind}_week"))
            for kind in KINDS
        ),
    ]
