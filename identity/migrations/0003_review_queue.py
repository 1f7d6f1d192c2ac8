
import cdp.core.types
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0002_blocking_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='Verdict',
            fields=[
                ('id', models.UUIDField(default=cdp.core.types.uuid7, editable=False, primary_key=True, serialize=False)),
                ('word', models.CharField(choices=[('same', 'same person'), ('different', 'different people'), ('not_sure', 'not sure')], max_length=9, verbose_name='verdict')),
                ('actor', models.CharField(max_length=100, verbose_name='actor')),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='when')),
            ],
            options={
                'verbose_name': 'verdict',
                'verbose_name_plural': 'verdicts',
            },
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='assigned_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='assigned'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='assignee',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='assigned to'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='inclusion',
            field=models.FloatField(blank=True, null=True, verbose_name='probability of being drawn'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='priority',
            field=models.FloatField(db_default=0, default=0, verbose_name='priority'),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='run',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='reviewcase',
            name='stratum',
            field=models.CharField(blank=True, choices=[('', 'not drawn'), ('merge', 'automatic merges'), ('near miss', 'near misses')], db_default='', default='', max_length=9, verbose_name='drawn from'),
        ),
        migrations.AlterField(
            model_name='reviewcase',
            name='state',
            field=models.CharField(choices=[('open', 'open'), ('same', 'same person'), ('different', 'different people'), ('undecided', 'undecided'), ('obsolete', 'obsolete')], default='open', max_length=9, verbose_name='state'),
        ),
        migrations.AddIndex(
            model_name='reviewcase',
            index=models.Index(fields=['right'], name='identity_case_right'),
        ),
        migrations.AddIndex(
            model_name='reviewcase',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['-priority', 'id'], name='identity_case_queue'),
        ),
        migrations.AddField(
            model_name='verdict',
            name='case',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='verdicts', to='identity.reviewcase', verbose_name='review case'),
        ),
        migrations.AddIndex(
            model_name='verdict',
            index=models.Index(fields=['actor', 'at'], name='identity_verdict_actor'),
        ),
    ]
