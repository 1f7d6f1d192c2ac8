"""Kinds of identifiers that carry a brand have room for the longest that a source may have."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0009_changes_forget_the_erased"),
    ]

    operations = [
        migrations.AlterField(
            model_name="blockedvalue",
            name="kind",
            field=models.CharField(max_length=60, verbose_name="kind"),
        ),
        migrations.AlterField(
            model_name="identifier",
            name="kind",
            field=models.CharField(max_length=60, verbose_name="kind"),
        ),
    ]
