from django.db import migrations

from catalog.search_index import search_index


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_movie_best_known")]

    operations = [search_index("catalog_movie", again=True), search_index("catalog_album", again=True)]
