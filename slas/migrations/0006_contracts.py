"""Contracts of single clients, and what they add to the versions of objectives."""

import django.contrib.postgres.constraints
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_key_rotation'),
        ('slas', '0005_slo_schedule'),
    ]

    operations = [
        migrations.AddField(
            model_name='sloversion',
            name='internal_share',
            field=models.FloatField(blank=True, help_text='Percent that is aimed at internally. Empty: none.', null=True),
        ),
        migrations.AddField(
            model_name='sloversion',
            name='business_hours',
            field=models.JSONField(blank=True, default=list, help_text='Hours outside of which nothing counts. Empty: none.'),
        ),
        migrations.CreateModel(
            name='Contract',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(blank=True, help_text="The contract's own number or name.", max_length=100)),
                ('valid_from', models.DateField(help_text="First day, in the client's time zone.")),
                ('valid_until', models.DateField(blank=True, help_text='Last day. Empty: open end.', null=True)),
                ('withdrawn', models.BooleanField(default=False, help_text='It never held: its days are judged by the SLA again.')),
                ('target_response_time', models.FloatField(blank=True, help_text='Empty: as in the SLA.', null=True, validators=[django.core.validators.MinValueValidator(0.001, 'This must be more than 0.')], verbose_name='target response time (ms)')),
                ('latency_share', models.FloatField(blank=True, help_text='Empty: as in the SLA.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(100.0)], verbose_name='share within target (%)')),
                ('max_response_time', models.FloatField(blank=True, help_text='Empty: as in the SLA.', null=True, validators=[django.core.validators.MinValueValidator(0.001, 'This must be more than 0.')], verbose_name='maximum response time (ms)')),
                ('availability', models.FloatField(blank=True, help_text='Empty: as in the SLA.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(100.0)], verbose_name='availability (%)')),
                ('user_satisfaction_target', models.FloatField(blank=True, help_text='Empty: as in the SLA.', null=True, validators=[django.core.validators.MinValueValidator(1.0), django.core.validators.MaxValueValidator(5.0)], verbose_name='satisfaction target (1–5)')),
                ('internal_latency_share', models.FloatField(blank=True, help_text='Stricter than what the client was promised: missed, the promise is at risk.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(100.0)], verbose_name='internal share within target (%)')),
                ('internal_availability', models.FloatField(blank=True, help_text='Stricter than what the client was promised: missed, the promise is at risk.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(100.0)], verbose_name='internal availability (%)')),
                ('credit_terms', models.JSONField(blank=True, default=list, help_text="What a month's availability below a bound gives back, in percent of the fee. One step a line, the highest bound first: < 99 % → 10 %")),
                ('monthly_fee', models.DecimalField(blank=True, decimal_places=2, help_text='What credits are a percentage of. Empty: credits are told in percent alone.', max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(0)])),
                ('currency', models.CharField(default='EUR', max_length=3, validators=[django.core.validators.RegexValidator('^[A-Z]{3}$', 'Write an ISO 4217 code, e.g. EUR.')])),
                ('business_hours', models.JSONField(blank=True, default=list, help_text="Only requests in these hours of the client's time zone count. One span a line: Mon–Fri 08:00–18:00. Empty: around the clock.")),
                ('business_impact', models.TextField(blank=True, help_text='What a breach means for this client; reports quote it.')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='accounts.client')),
                ('sla', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='contracts', to='slas.sla', verbose_name='SLA')),
            ],
            options={
                'db_table': 'contracts',
                'ordering': ['client', 'sla', '-valid_from'],
            },
        ),
        migrations.AddField(
            model_name='sloversion',
            name='contract',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='slas.contract'),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__isnull', True), ('valid_until__gte', models.F('valid_from')), _connector='OR'), name='contracts_span', violation_error_message="The last day can't come before the first."),
        ),
        migrations.AddConstraint(
            model_name='contract',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('withdrawn', False)), expressions=[(models.Func(models.F('client'), models.F('client'), models.Value('[]'), function='int4range'), '&&'), (models.Func(models.F('sla'), models.F('sla'), models.Value('[]'), function='int8range'), '&&'), (models.Func(models.F('valid_from'), models.F('valid_until'), models.Value('[]'), function='daterange'), '&&')], name='contracts_one_at_a_time', violation_error_message='Another contract of this client covers the same SLA on some of these days. End it first, or change the days.'),
        ),
    ]
