import cdp.core.types
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# What there is becomes a version of its own, without an author that anybody knows.
PRESENT = """
insert into segments_version (id, segment_id, number, definition, state, note, written_by, written_at, decided_by)
select gen_random_uuid(), id, version, jsonb_build_object(
        'rule', rule, 'purpose', purpose_id, 'brand', brand, 'zone', zone, 'exclusions', to_jsonb(exclusions),
        'excluded_everywhere', excluded_everywhere, 'split', split),
    case state when 'draft' then 'draft' else 'published' end, '', '', updated_at, ''
from segments_segment
"""


class Migration(migrations.Migration):

    dependencies = [
        ('segments', '0007_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='Version',
            fields=[
                ('id', models.UUIDField(default=cdp.core.types.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.IntegerField(verbose_name='version')),
                ('definition', models.JSONField(verbose_name='definition')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('review', 'in review'), ('published', 'published'), ('refused', 'refused')], default='draft', max_length=9, verbose_name='state')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='why')),
                ('written_by', models.CharField(max_length=100, verbose_name='written by')),
                ('written_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='written')),
                ('decided_by', models.CharField(blank=True, max_length=100, verbose_name='decided by')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('segment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='segments.segment', verbose_name='segment')),
            ],
            options={
                'verbose_name': 'segment version',
                'verbose_name_plural': 'segment versions',
                'constraints': [models.UniqueConstraint(fields=('segment', 'number'), name='segments_version_once')],
            },
        ),
        migrations.RunSQL(PRESENT, migrations.RunSQL.noop),
    ]
