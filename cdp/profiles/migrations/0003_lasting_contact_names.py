from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_index_keys"),
        ("identity", "0001_initial"),
        ("profiles", "0002_minors"),
    ]

    operations = [
        # The ledger names contact points, and its lines last: everybody's points get names of a key that lasts as long.
        migrations.RunSQL(
            "insert into core_touched (stage, subject) select 'profiles', id from identity_profile where state = 'live'",
            migrations.RunSQL.noop,
        ),
    ]
