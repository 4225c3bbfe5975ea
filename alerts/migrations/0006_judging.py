"""The severity table and the playbooks, as shipped; people edit both."""

import django.core.validators
from django.db import migrations, models

from alerts.migrations import _playbooks_limits, _playbooks_promises, _severities


def load(apps, schema_editor):
    rule = apps.get_model("alerts", "SeverityRule")
    names = ("least_burn", "least_excess", "least_shortfall", "least_stars")
    for number, row in enumerate(_severities.ROWS, 1):
        alert_type, tier, criticality, least, severity, note = row
        rule.objects.create(
            position=10 * number,
            alert_type=alert_type,
            tier=tier,
            criticality=criticality,
            severity=severity,
            note=note,
            **dict(zip(names, least or ())),
        )
    playbook = apps.get_model("alerts", "Playbook")
    for name, matchers, priority, body in (
        *_playbooks_promises.PLAYBOOKS,
        *_playbooks_limits.PLAYBOOKS,
    ):
        playbook.objects.get_or_create(
            name=name, defaults={"matchers": matchers, "priority": priority, "body": body}
        )


class Migration(migrations.Migration):

    dependencies = [
        ('alerts', '0005_oncall'),
    ]

    operations = [
        migrations.CreateModel(
            name='Playbook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=150, unique=True)),
                ('matchers', models.JSONField(blank=True, default=list, help_text='Which alerts it is for; all must hold, none: every alert. E.g. [{"name": "component", "op": "=", "value": "cognitive_core"}]')),
                ('priority', models.IntegerField(default=100, help_text='Of several that fit, the one with the largest is used.')),
                ('body', models.TextField(help_text='Markdown. Placeholders such as {measured} and {worst_request} are filled in.')),
                ('runbook_url', models.URLField(blank=True, max_length=500, verbose_name='runbook')),
                ('enabled', models.BooleanField(default=True)),
            ],
            options={
                'db_table': 'playbooks',
                'ordering': ['-priority', 'name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='playbooks_say_something', violation_error_message='Write what to do.')],
            },
        ),
        migrations.CreateModel(
            name='SeverityRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveIntegerField(help_text='Rows are tried from the smallest to the largest.')),
                ('alert_type', models.CharField(blank=True, choices=[('sla_breach', 'SLA breach'), ('model_degradation', 'Model degradation'), ('user_satisfaction', 'User satisfaction'), ('resource_limit', 'Resource limit'), ('no_data', 'No data'), ('predictive', 'Predicted breach'), ('probe_failed', 'Probe failed'), ('external', 'From another system'), ('self', 'The portal itself')], help_text='Empty: any.', max_length=50)),
                ('tier', models.CharField(blank=True, choices=[('platform', 'Platform (internal)'), ('standard', 'Standard'), ('business', 'Business'), ('enterprise', 'Enterprise')], help_text='Empty: any.', max_length=20, verbose_name="client's tier")),
                ('criticality', models.CharField(blank=True, choices=[('low', 'Low'), ('normal', 'Normal'), ('high', 'High'), ('critical', 'Critical')], help_text='Empty: any.', max_length=10, verbose_name="promise's criticality")),
                ('least_burn', models.FloatField(blank=True, help_text='Of promises by share: how many times the allowed share of events is bad.', null=True, validators=[django.core.validators.MinValueValidator(0.0, "This can't be less than 0.")], verbose_name='least burn rate')),
                ('least_excess', models.FloatField(blank=True, help_text='Of limits: the measured value as a multiple of the limit.', null=True, validators=[django.core.validators.MinValueValidator(0.0, "This can't be less than 0.")], verbose_name='least excess')),
                ('least_shortfall', models.FloatField(blank=True, help_text='Of least values, such as accuracies: percent of the value that are missing.', null=True, validators=[django.core.validators.MinValueValidator(0.0, "This can't be less than 0.")], verbose_name='least shortfall (%)')),
                ('least_stars', models.FloatField(blank=True, help_text='Of ratings: how many stars the mean is under the target.', null=True, validators=[django.core.validators.MinValueValidator(0.0, "This can't be less than 0.")], verbose_name='least stars missed')),
                ('severity', models.CharField(choices=[('low', 'Low'), ('medium', 'Medium'), ('high', 'High'), ('critical', 'Critical')], max_length=20)),
                ('note', models.CharField(blank=True, help_text='Why the row is there.', max_length=255)),
                ('enabled', models.BooleanField(default=True)),
            ],
            options={
                'verbose_name': 'severity rule',
                'db_table': 'severity_rules',
                'ordering': ['position', 'id'],
                'constraints': [models.UniqueConstraint(fields=('position',), name='severity_rules_position', violation_error_message='Another row has this position: choose one in between.')],
            },
        ),
        migrations.RunPython(load, migrations.RunPython.noop),
    ]
