import django.core.validators
from django.db import migrations, models


def delete_empty(apps, schema_editor):
    """Going back, there is no place for them."""
    apps.get_model('selections', 'EarlierRating').objects.filter(rating=None).delete()


class Migration(migrations.Migration):

    dependencies = [
        ('selections', '0006_text_lengths'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='earlierrating',
            name='earlierrating_rating',
        ),
        migrations.AlterField(
            model_name='earlierrating',
            name='rating',
            field=models.PositiveSmallIntegerField(help_text='1 to 10: half stars. Empty: there was a review only.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)]),
        ),
        migrations.AddConstraint(
            model_name='earlierrating',
            constraint=models.CheckConstraint(condition=models.Q(('rating', None), ('rating__range', (1, 10)), _connector='OR'), name='earlierrating_rating', violation_error_message='Rate from 1 to 10 half stars.'),
        ),
        migrations.RunPython(migrations.RunPython.noop, delete_empty),
    ]
