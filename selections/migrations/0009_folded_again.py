"""Notes as searches look into them since more letters are folded."""

from django.db import migrations

from catalog.text import search_words


def fold(apps, schema_editor):
    weeks = apps.get_model("selections", "Week").objects
    for pk, notes in weeks.exclude(notes="").values_list("pk", "notes").iterator():
        if not notes.isascii():  # they are folded as before
            weeks.filter(pk=pk).update(search_text=" ".join(search_words(notes)))


class Migration(migrations.Migration):
    dependencies = [("selections", "0008_plain_help_texts")]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]
