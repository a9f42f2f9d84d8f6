from django.db import migrations

from catalog.search_index import search_index


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_folded_again")]

    operations = [search_index("catalog_movie"), search_index("catalog_album")]
