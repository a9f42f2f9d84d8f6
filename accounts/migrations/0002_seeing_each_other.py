"""Names to show and to search by, and who sees whom."""

import django.core.validators
from django.db import migrations, models
from django.db.models import F


def fill(apps, schema_editor):
    """Until now there were usernames only, which are in lower case and ASCII: they fold to themselves."""
    apps.get_model("accounts", "User").objects.update(search_text=F("username"))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            "user",
            "search_text",
            models.TextField(default="", editable=False, help_text='The names without letter case and accents, for searches.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='user',
            name='display_name',
            field=models.CharField(blank=True, help_text='Shown to others next to the username.', max_length=100, validators=[django.core.validators.RegexValidator('\\A[^\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]*\\Z', 'Enter a single line of text.')]),
        ),
        migrations.AddField(
            model_name='user',
            name='visibility',
            field=models.CharField(choices=[('members', 'every member'), ('private', 'only this user')], default='members', help_text='Who can see this user and their weeks. Staff see everything, but only in the admin.', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('visibility__in', ['members', 'private'])), name='user_visibility', violation_error_message='Visibility must be members or private.'),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
