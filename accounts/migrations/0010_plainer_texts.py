from django.db import migrations


class Migration(migrations.Migration):
    """Changed texts only, which now stand where the fields are made: there is nothing to do in the database."""

    dependencies = [('accounts', '0009_time_zone_changed_at')]
