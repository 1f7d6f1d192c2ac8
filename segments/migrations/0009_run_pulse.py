from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('segments', '0008_versions'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='beat_at',
            field=models.DateTimeField(null=True, verbose_name='last heartbeat'),
        ),
        migrations.AddField(
            model_name='run',
            name='cancelled_by',
            field=models.CharField(blank=True, max_length=100, verbose_name='cancelled by'),
        ),
        migrations.AlterField(
            model_name='run',
            name='state',
            field=models.CharField(choices=[('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='running', max_length=9, verbose_name='state'),
        ),
    ]
