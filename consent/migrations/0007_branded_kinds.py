"""Kinds of identifiers that carry a brand have room for the longest that a source may have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0006_answer_clocks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="suppression",
            name="kind",
            field=models.CharField(max_length=60, verbose_name="kind"),
        ),
    ]
