from django.db import migrations, models


class Migration(migrations.Migration):
    """Help texts and choices only: no column changes."""

    dependencies = [
        ("selections", "0007_earlier_without_rating"),
    ]

    operations = [
        migrations.AlterField(
            model_name="importedrow",
            name="reason",
            field=models.TextField(blank=True, help_text="Why it needs a decision."),
        ),
        migrations.AlterField(
            model_name="importedrow",
            name="state",
            field=models.CharField(
                choices=[("done", "done"), ("review", "to be decided"), ("skipped", "skipped")], max_length=10
            ),
        ),
    ]
