from django.db import migrations


class Migration(migrations.Migration):
    """Changed texts only, which now stand where the fields are made: there is nothing to do in the database."""

    dependencies = [('catalog', '0005_curated_and_merged')]
