"""Names as searches look into them since more letters are folded."""

from django.db import migrations

from catalog.text import search_words

SEARCHED = {"Movie": ("own_title", "title", "original_title"), "Album": ("artist", "own_title", "title")}


def fold(apps, schema_editor):
    for name, searched in SEARCHED.items():
        works = apps.get_model("catalog", name).objects
        for pk, *names in works.values_list("pk", *searched).iterator():
            if not "".join(names).isascii():  # they are folded as before
                text = " ".join(word for text in names for word in search_words(text))
                works.filter(pk=pk).update(search_text=text)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_plain_help_texts")]

    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]
