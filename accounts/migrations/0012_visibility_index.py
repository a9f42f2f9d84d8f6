from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_notifications")]

    operations = [
        migrations.AddIndex("user", models.Index(fields=["visibility"], name="user_visibility_index")),
    ]
