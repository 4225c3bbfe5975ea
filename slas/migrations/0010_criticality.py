"""How much a breach of each promise weighs."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('slas', '0009_burn_rules'),
    ]

    operations = [
        migrations.AddField(
            model_name='modeltarget',
            name='criticality',
            field=models.CharField(choices=[('low', 'Low'), ('normal', 'Normal'), ('high', 'High'), ('critical', 'Critical')], db_default='normal', default='normal', help_text='How much a breach weighs: alerts are graded and sorted by it. It is no promise to anybody.', max_length=10),
        ),
        migrations.AddField(
            model_name='resourcelimit',
            name='criticality',
            field=models.CharField(choices=[('low', 'Low'), ('normal', 'Normal'), ('high', 'High'), ('critical', 'Critical')], db_default='normal', default='normal', help_text='How much a breach weighs: alerts are graded and sorted by it. It is no promise to anybody.', max_length=10),
        ),
        migrations.AddField(
            model_name='sla',
            name='criticality',
            field=models.CharField(choices=[('low', 'Low'), ('normal', 'Normal'), ('high', 'High'), ('critical', 'Critical')], db_default='normal', default='normal', help_text='How much a breach weighs: alerts are graded and sorted by it. It is no promise to anybody.', max_length=10),
        ),
    ]
