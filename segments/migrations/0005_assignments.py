import cdp.core.types
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Rows are added and, with their person, erased; nobody changes one.
KEPT = f"""
revoke update, truncate on segments_assignment from "{settings.APP_ROLE}";
create function segments_assignment_stands() returns trigger language plpgsql as
$$ begin raise exception 'segments_assignment is append-only' using errcode = 'insufficient_privilege'; end $$;
create trigger segments_assignment_append_only before update on segments_assignment
for each row execute function segments_assignment_stands();
"""
UNKEPT = """
drop trigger segments_assignment_append_only on segments_assignment; drop function segments_assignment_stands();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('segments', '0004_exclusions'),
    ]

    operations = [
        migrations.AddField(
            model_name='segment',
            name='split',
            field=models.JSONField(blank=True, default=dict, help_text='Parts in percent that add up to 100, drawn once for each member. Nobody contacts the part “holdout”.', verbose_name='split'),
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.UUIDField(default=cdp.core.types.uuid7, editable=False, primary_key=True, serialize=False)),
                ('record', models.UUIDField(db_index=True, verbose_name='record')),
                ('variant', models.CharField(max_length=20, verbose_name='part')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('segment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='segments.segment', verbose_name='segment')),
            ],
            options={
                'verbose_name': 'assignment',
                'verbose_name_plural': 'assignments',
                'constraints': [models.UniqueConstraint(fields=('segment', 'record'), name='segments_assignment_once')],
            },
        ),
        migrations.RunSQL(KEPT, UNKEPT),
    ]
