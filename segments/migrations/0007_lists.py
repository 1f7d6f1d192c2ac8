import cdp.core.types
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# Who is on a list: by a record of theirs, or by a contact point that one of their records has now.
LISTED = """
create view segments_listed as
    select e.list_id, r.profile_id from segments_listentry e join identity_record r on r.id = e.record
    where r.profile_id is not null
    union all
    select e.list_id, r.profile_id from segments_listentry e
    join profiles_contactpoint c on c.digest = e.digest and c.valid_to is null
    join identity_record r on r.id = c.record_id
    where r.profile_id is not null
"""


class Migration(migrations.Migration):

    dependencies = [
        ('consent', '0004_privacy_requests'),
        ('identity', '0001_initial'),
        ('profiles', '0001_initial'),
        ('segments', '0006_destinations'),
    ]

    operations = [
        migrations.CreateModel(
            name='UploadedList',
            fields=[
                ('id', models.UUIDField(default=cdp.core.types.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.SlugField(max_length=60, unique=True, verbose_name='key')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('came_from', models.CharField(help_text='Who gave it to us, and on which ground.', max_length=200, verbose_name='came from')),
                ('expires_at', models.DateTimeField(verbose_name='kept until')),
                ('made_by', models.CharField(editable=False, max_length=100, verbose_name='uploaded by')),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='uploaded')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='consent.purpose', verbose_name='purpose')),
            ],
            options={
                'verbose_name': 'uploaded list',
                'verbose_name_plural': 'uploaded lists',
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='ListEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('record', models.UUIDField(db_index=True, null=True, verbose_name='record')),
                ('digest', models.BinaryField(max_length=32, null=True, verbose_name='digest')),
                ('list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='segments.uploadedlist')),
            ],
            options={
                'verbose_name': 'list entry',
                'verbose_name_plural': 'list entries',
                'indexes': [models.Index(fields=['digest'], name='segments_listentry_by_digest')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('digest__isnull', False), ('record', None)), models.Q(('digest', None), ('record__isnull', False)), _connector='OR'), name='segments_listentry_names_one'), models.UniqueConstraint(fields=('list', 'record'), name='segments_listentry_record'), models.UniqueConstraint(fields=('list', 'digest'), name='segments_listentry_digest')],
            },
        ),
        migrations.RunSQL(LISTED, "drop view segments_listed"),
    ]
