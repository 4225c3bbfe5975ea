"""Objectives over time, and what is counted for them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

MINUTES = """
CREATE TABLE sli_minutes (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    slo_id BIGINT NOT NULL,
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    version_id BIGINT NOT NULL,
    good BIGINT NOT NULL,
    total BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_max FLOAT NOT NULL,
    PRIMARY KEY (client_id, slo_id, minute)
);
CREATE INDEX sli_minutes_by_id ON sli_minutes(id);
CREATE INDEX sli_minutes_by_minute ON sli_minutes USING brin (minute);
"""

HOURS = """
CREATE TABLE sli_hours (
    id BIGSERIAL NOT NULL,
    client_id INTEGER NOT NULL,
    slo_id BIGINT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    good BIGINT NOT NULL,
    total BIGINT NOT NULL,
    value_sum FLOAT NOT NULL,
    value_max FLOAT NOT NULL,
    PRIMARY KEY (client_id, slo_id, hour)
);
CREATE INDEX sli_hours_by_id ON sli_hours(id);
CREATE INDEX sli_hours_by_hour ON sli_hours USING brin (hour);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_key_rotation'),
        ('slas', '0003_schedule'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Slo',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('base', models.CharField(help_text="The objective's key, e.g. sla:simple_queries:latency.", max_length=160)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('client', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.client')),
            ],
            options={
                'verbose_name': 'objective',
                'db_table': 'slos',
                'ordering': ['base', 'client'],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(HOURS, "DROP TABLE sli_hours")],
            state_operations=[
        migrations.CreateModel(
            name='SliHour',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('hour', models.DateTimeField()),
                ('good', models.BigIntegerField()),
                ('total', models.BigIntegerField()),
                ('value_sum', models.FloatField()),
                ('value_max', models.FloatField()),
                ('client', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='accounts.client')),
                ('slo', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='slas.slo')),
            ],
            options={
                'db_table': 'sli_hours',
            },
        )
            ],
        ),
        migrations.CreateModel(
            name='SloVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('valid_from', models.DateTimeField()),
                ('valid_until', models.DateTimeField(blank=True, help_text='Empty: in force.', null=True)),
                ('kind', models.CharField(max_length=20)),
                ('metric_name', models.CharField(blank=True, help_text='Empty: any.', max_length=100)),
                ('component', models.CharField(max_length=50)),
                ('unit', models.CharField(max_length=20)),
                ('query_complexity', models.CharField(blank=True, max_length=20)),
                ('model', models.CharField(blank=True, max_length=100)),
                ('threshold', models.FloatField(help_text='What an alert names: ms, percent, stars or the limit.')),
                ('good_within', models.FloatField(help_text="A good event's largest value.")),
                ('share', models.FloatField(help_text='Percent of events that must be good.')),
                ('minimum', models.PositiveIntegerField(help_text='Measurements needed for a verdict.')),
                ('window_seconds', models.PositiveIntegerField()),
                ('aggregate', models.CharField(max_length=10)),
                ('include_synthetic', models.BooleanField()),
                ('reason', models.CharField(help_text='Why the promise was changed.', max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('changed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('slo', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='slas.slo')),
            ],
            options={
                'verbose_name': 'version of an objective',
                'verbose_name_plural': 'versions of objectives',
                'db_table': 'slo_versions',
                'ordering': ['slo', '-number'],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MINUTES, "DROP TABLE sli_minutes")],
            state_operations=[
        migrations.CreateModel(
            name='SliMinute',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('minute', models.DateTimeField()),
                ('good', models.BigIntegerField()),
                ('total', models.BigIntegerField(help_text='Valid events: requests, votes or measurements.')),
                ('value_sum', models.FloatField(help_text='Of the judged values.')),
                ('value_max', models.FloatField()),
                ('client', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='accounts.client')),
                ('slo', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='slas.slo')),
                ('version', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to='slas.sloversion')),
            ],
            options={
                'db_table': 'sli_minutes',
            },
        )
            ],
        ),
        migrations.AddConstraint(
            model_name='slo',
            constraint=models.UniqueConstraint(fields=('base', 'client'), name='slos_one', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='sloversion',
            constraint=models.UniqueConstraint(fields=('slo', 'number'), name='slo_versions_one'),
        ),
        migrations.AddConstraint(
            model_name='sloversion',
            constraint=models.UniqueConstraint(condition=models.Q(('valid_until__isnull', True)), fields=('slo',), name='slo_versions_one_in_force'),
        ),
        migrations.AddConstraint(
            model_name='sloversion',
            constraint=models.CheckConstraint(condition=models.Q(('valid_until__isnull', True), ('valid_until__gt', models.F('valid_from')), _connector='OR'), name='slo_versions_span'),
        ),
    ]
