from django.db import migrations, models

from catalog.search_index import search_index


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_search_index")]

    operations = [
        migrations.AddField(
            model_name="movie",
            name="overview_language",
            field=models.CharField(
                blank=True, help_text="Of the overview, such as de-DE.", max_length=10
            ),
        ),
        search_index("catalog_movie", again=True),  # SQLite has dropped its triggers
    ]
