import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_disclosures"),
    ]

    operations = [
        migrations.CreateModel(
            name="IndexKey",
            fields=[
                ("generation", models.SmallIntegerField(primary_key=True, serialize=False, verbose_name="generation")),
                ("key", models.CharField(max_length=50, unique=True, verbose_name="index key")),
                ("proof", models.BinaryField(max_length=32)),
                (
                    "state",
                    models.CharField(
                        choices=[("read", "in use"), ("filled", "being filled"), ("left", "replaced")],
                        max_length=6,
                        verbose_name="state",
                    ),
                ),
                ("position", models.UUIDField(null=True)),
                (
                    "made_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "index key",
                "verbose_name_plural": "index keys",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("read", "filled"))),
                        fields=("state",),
                        name="core_indexkey_one_a_state",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="KeyProof",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False, verbose_name="key")),
                ("proof", models.BinaryField(max_length=32)),
                (
                    "made_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "proof of a key",
                "verbose_name_plural": "proofs of keys",
            },
        ),
        # Beside the wrapped keys, backed up with them.
        migrations.RunSQL(
            "alter table core_indexkey set schema keys; alter table core_keyproof set schema keys;",
            "alter table keys.core_keyproof set schema public; alter table keys.core_indexkey set schema public;",
        ),
    ]
