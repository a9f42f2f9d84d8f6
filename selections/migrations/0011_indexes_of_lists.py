import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("selections", "0010_search_index")]

    operations = [
        migrations.RemoveIndex("week", "week_newest"),
        migrations.AddIndex("week", models.Index(fields=["-year", "-week_number", "id", "user"], name="week_newest")),
    ] + [
        operation
        for model, kind in (("weekmovie", "movie"), ("weekalbum", "album"))
        for operation in (
            migrations.AddIndex(model, models.Index(fields=[kind, "week"], name=f"{model}_weeks")),
            migrations.AlterField(
                model,
                kind,
                models.ForeignKey(
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="picks",
                    to=f"catalog.{kind}",
                ),
            ),
        )
    ]
