import cdp.core.types
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0004_run_rules'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='linkagemodel',
            options={'permissions': [('promote_linkagemodel', 'Can try and promote linkage models')], 'verbose_name': 'linkage model', 'verbose_name_plural': 'linkage models'},
        ),
        migrations.CreateModel(
            name='HouseholdHint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('left', models.UUIDField()),
                ('right', models.UUIDField()),
                ('household', models.UUIDField(verbose_name='household')),
                ('shared', models.CharField(choices=[('email', 'e-mail'), ('phone', 'phone'), ('loyalty_id', 'loyalty card'), ('address', 'address')], max_length=10, verbose_name='shared')),
                ('reason', models.CharField(max_length=40, verbose_name='told apart by')),
            ],
            options={
                'verbose_name': 'household hint',
                'verbose_name_plural': 'household hints',
            },
        ),
        migrations.CreateModel(
            name='ModelRequest',
            fields=[
                ('id', models.UUIDField(default=cdp.core.types.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('trial', 'trial'), ('promotion', 'promotion')], max_length=9, verbose_name='what')),
                ('actor', models.CharField(max_length=100, verbose_name='actor')),
                ('asked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name='asked')),
                ('started_at', models.DateTimeField(null=True, verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('step', models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='step')),
                ('refused', models.CharField(blank=True, db_default='', default='', max_length=40, verbose_name='refused')),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='identity.linkagemodel', verbose_name='model')),
            ],
            options={
                'verbose_name': 'model request',
                'verbose_name_plural': 'model requests',
            },
        ),
        migrations.AddIndex(
            model_name='householdhint',
            index=models.Index(fields=['right'], name='identity_hint_right'),
        ),
        migrations.AddIndex(
            model_name='householdhint',
            index=models.Index(fields=['household'], name='identity_hint_household'),
        ),
        migrations.AddConstraint(
            model_name='householdhint',
            constraint=models.UniqueConstraint(fields=('left', 'right'), name='identity_hint_once'),
        ),
        migrations.AddConstraint(
            model_name='householdhint',
            constraint=models.CheckConstraint(condition=models.Q(('left__lt', models.F('right'))), name='identity_hint_sorted'),
        ),
        migrations.AddConstraint(
            model_name='modelrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('finished_at', None)), fields=('model',), name='identity_request'),
        ),
    ]
