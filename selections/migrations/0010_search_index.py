from django.db import migrations

from catalog.search_index import search_index


class Migration(migrations.Migration):
    dependencies = [("selections", "0009_folded_again"), ("catalog", "0008_search_index")]

    operations = [search_index("selections_week")]
