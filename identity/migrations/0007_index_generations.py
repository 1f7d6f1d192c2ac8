from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_index_keys"),
        ("identity", "0006_samples"),
    ]

    operations = [
        migrations.AddField(
            model_name=model,
            name="generation",
            field=models.SmallIntegerField(db_default=1, default=1, verbose_name="generation of the index key"),
        )
        for model in ("identifier", "blockedvalue")
    ]
