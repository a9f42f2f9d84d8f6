from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("selections", "0011_indexes_of_lists")]

    operations = [
        migrations.AddField(
            model,
            "rewatch",
            models.BooleanField(
                blank=True, help_text="Whether the user had seen or heard it before, as far as that is known.", null=True
            ),
        )
        for model in ("weekmovie", "weekalbum")
    ]
