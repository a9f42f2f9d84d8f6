import uuid

import django.utils.timezone
from django.db import migrations, models

KEY_HELP = "In the link that turns notifications off."


def give_keys(apps, schema_editor):
    users = apps.get_model("accounts", "User").objects
    keyless = list(users.filter(unsubscribe_key=None).only("pk"))
    for user in keyless:
        user.unsubscribe_key = uuid.uuid4()
    users.bulk_update(keyless, ["unsubscribe_key"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_plainer_texts")]

    operations = [
        migrations.AddField(
            "user",
            "notifications",
            models.CharField(
                choices=[
                    ("off", "none"),
                    ("weekly", "on Sunday evening"),
                    ("reveal", "when opinions are revealed"),
                ],
                default="off",
                help_text="Which emails the user gets; only they can see and change it.",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(
                condition=models.Q(notifications__in=["off", "weekly", "reveal"]),
                name="user_notifications",
                violation_error_message="Notifications must be off, weekly or reveal.",
            ),
        ),
        migrations.AddField(
            "user",
            "told_until",
            models.DateTimeField(
                default=django.utils.timezone.now,
                editable=False,
                help_text="What was revealed before is in no notification.",
            ),
        ),
        migrations.AddField(
            "user",
            "told_week",
            models.CharField(
                blank=True,
                editable=False,
                help_text="ISO week of the last weekly email, such as 2026-W07.",
                max_length=8,
            ),
        ),
        migrations.AddField(
            "user", "unsubscribe_key", models.UUIDField(editable=False, help_text=KEY_HELP, null=True)
        ),
        migrations.RunPython(give_keys, migrations.RunPython.noop, elidable=True),
        migrations.AlterField(
            "user",
            "unsubscribe_key",
            models.UUIDField(default=uuid.uuid4, editable=False, help_text=KEY_HELP, unique=True),
        ),
    ]
