from django.db import migrations

from catalog.search_index import search_index


class Migration(migrations.Migration):
    dependencies = [("selections", "0015_shared_years")]

    operations = [search_index("selections_week", again=True)]
