"""Notes as searches look into them."""

from django.db import migrations, models

from catalog.text import search_words


def fold(apps, schema_editor):
    weeks = apps.get_model("selections", "Week").objects
    for week in weeks.exclude(notes="").only("notes").iterator():
        weeks.filter(pk=week.pk).update(search_text=" ".join(search_words(week.notes)))


class Migration(migrations.Migration):
    dependencies = [("selections", "0001_initial")]

    operations = [
        migrations.AddField(
            "week",
            "search_text",
            models.TextField(default="", editable=False, help_text="Folded notes: searches look into it."),
            preserve_default=False,
        ),
        migrations.RunPython(fold, migrations.RunPython.noop),
    ]
