"""Sessions in place of SimpleJWT's lists of refresh tokens, in which those lay in clear."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.migrations.recorder import MigrationRecorder


def drop_token_blacklist(apps, schema_editor):
    """Their foreign keys would keep users from being deleted. That app's migrations are forgotten with its tables, so
    that `migrate` of an earlier release makes them again."""
    for table in ("token_blacklist_blacklistedtoken", "token_blacklist_outstandingtoken"):
        schema_editor.execute(f"DROP TABLE IF EXISTS {table}")
    MigrationRecorder(schema_editor.connection).migration_qs.filter(app="token_blacklist").delete()


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_known_clients'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='sign_in_epoch',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='Increases when the account is deactivated, which ends its sessions and tokens for good.'),
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client', models.CharField(blank=True, help_text='The User-Agent header of the client.', max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_used_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When it began or was last renewed.')),
                ('expires_at', models.DateTimeField(db_index=True, help_text='When its tokens expire.')),
                ('refresh_hash', models.CharField(help_text='SHA-256 hash of the id of its latest refresh token.', max_length=64)),
                ('password_hash', models.CharField(help_text='Hash of the password at that time: the session ends with it.', max_length=64)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.RunPython(drop_token_blacklist, migrations.RunPython.noop),
    ]
