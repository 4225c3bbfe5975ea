"""Alert rules set by people, those that are held, and more verdicts."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_key_rotation'),
        ('slas', '0007_exclusions'),
    ]

    operations = [
        migrations.AlterField(
            model_name='verdict',
            name='status',
            field=models.CharField(choices=[('ok', 'OK'), ('breach', 'Breach'), ('at_risk', 'At risk'), ('insufficient_data', 'Insufficient data'), ('no_data', 'No data'), ('excluded', 'Excluded')], max_length=20),
        ),
        migrations.CreateModel(
            name='BurnRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(help_text='Alerts name it. One named “fast” takes the place of the fast rule.', max_length=40)),
                ('long_minutes', models.PositiveIntegerField(help_text='The burn rate must exceed the threshold over this window…', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(43200)], verbose_name='long window (min)')),
                ('short_minutes', models.PositiveIntegerField(help_text='…and over this one, so that the alert ends soon after the trouble.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(43200)], verbose_name='short window (min)')),
                ('burn', models.FloatField(help_text='How many times faster than allowed the budget is spent. At 1 it lasts exactly 30 days; no objective can burn faster than 1 / (1 − objective).', validators=[django.core.validators.MinValueValidator(0.001, 'This must be more than 0.')], verbose_name='burn rate')),
                ('pages', models.BooleanField(default=True, help_text='Page someone now; otherwise it is a ticket, never critical.')),
                ('hold_seconds', models.PositiveIntegerField(default=0, help_text='How long both windows must burn before it fires. 0: at once.', validators=[django.core.validators.MaxValueValidator(86400)], verbose_name='hold (s)')),
                ('enabled', models.BooleanField(default=True, help_text="A disabled rule still takes the standard rules' place.")),
                ('model_target', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='burn_rules', to='slas.modeltarget')),
                ('sla', models.ForeignKey(blank=True, help_text='Empty, and no model target: for every promise without rules of its own.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='burn_rules', to='slas.sla', verbose_name='SLA')),
            ],
            options={
                'verbose_name': 'alert rule',
                'db_table': 'burn_rules',
                'ordering': ['sla', 'model_target', 'long_minutes'],
                'constraints': [models.UniqueConstraint(fields=('sla', 'model_target', 'name'), name='burn_rules_one', nulls_distinct=False, violation_error_message='There is a rule of this name for the promise already.'), models.CheckConstraint(condition=models.Q(('sla__isnull', True), ('model_target__isnull', True), _connector='OR'), name='burn_rules_one_scope', violation_error_message='Choose an SLA or a model target, not both.'), models.CheckConstraint(condition=models.Q(('short_minutes__lte', models.F('long_minutes'))), name='burn_rules_windows', violation_error_message="The short window can't be longer than the long one.")],
            },
        ),
        migrations.CreateModel(
            name='HeldRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('objective', models.CharField(max_length=160)),
                ('rule', models.CharField(max_length=40)),
                ('since', models.DateTimeField()),
                ('client', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.client')),
            ],
            options={
                'db_table': 'held_rules',
                'constraints': [models.UniqueConstraint(fields=('client', 'objective', 'rule'), name='held_rules_one')],
            },
        ),
    ]
