import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('segments', '0003_ever'),
    ]

    operations = [
        migrations.AddField(
            model_name='segment',
            name='exclusions',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(max_length=60), blank=True, default=list, help_text='Segments whose members are never in this one.', size=None, verbose_name='leaves out'),
        ),
        migrations.AddField(
            model_name='segment',
            name='excluded_everywhere',
            field=models.BooleanField(default=False, help_text='Once published, its members are in no other segment of its brand; without a brand, in no other at all.', verbose_name='left out everywhere'),
        ),
    ]
