"""The exclusion ledger."""

import accounts.models
import django.db.models.deletion
import django.db.models.functions.datetime
import slas.models.exclusions
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_key_rotation'),
        ('slas', '0006_contracts'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Exclusion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('component', models.CharField(blank=True, help_text='Empty: every component.', max_length=50)),
                ('objective', models.CharField(blank=True, help_text='Empty: every objective.', max_length=160)),
                ('starts_at', models.DateTimeField(help_text='A whole minute. When repeated: the first time.', verbose_name='starts')),
                ('ends_at', models.DateTimeField(blank=True, help_text='A whole minute, not included. Empty if repeated.', null=True, verbose_name='ends')),
                ('rrule', models.CharField(blank=True, help_text='iCalendar rule, e.g. FREQ=WEEKLY;BYDAY=SU. Empty: once.', max_length=200, validators=[slas.models.exclusions.validate_rrule], verbose_name='repeats')),
                ('duration_minutes', models.PositiveIntegerField(blank=True, help_text='By the clock on the wall, when repeated: 60 = one hour.', null=True, verbose_name='minutes each time')),
                ('zone', models.CharField(blank=True, help_text='IANA name whose clock a repeated exclusion follows, e.g. Europe/Berlin.', max_length=64, validators=[accounts.models.validate_time_zone], verbose_name='time zone')),
                ('category', models.CharField(choices=[('maintenance', 'Maintenance'), ('client_caused', 'Caused by the client'), ('force_majeure', 'Force majeure'), ('outside_business_hours', 'Outside business hours')], max_length=30)),
                ('reason', models.TextField(help_text='What the client reads in the report.', max_length=1000)),
                ('status', models.CharField(choices=[('requested', 'Requested'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='requested', editable=False, max_length=20)),
                ('requested_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('note', models.TextField(blank=True, editable=False, help_text='Of who decided.')),
                ('withdrawn_at', models.DateTimeField(editable=False, null=True)),
                ('withdrawal_note', models.TextField(blank=True, editable=False)),
                ('client', models.ForeignKey(blank=True, help_text='Empty: every client.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.client')),
                ('decided_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('requested_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('withdrawn_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'exclusions',
                'ordering': ['-starts_at', '-id'],
                'permissions': [('decide_exclusion', 'Can approve and reject exclusions')],
                'indexes': [models.Index(condition=models.Q(('status', 'approved')), fields=['starts_at'], name='exclusions_in_force')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('duration_minutes__isnull', True), ('ends_at__gt', models.F('starts_at')), ('ends_at__isnull', False), ('rrule', ''), ('zone', '')), models.Q(models.Q(('rrule', ''), _negated=True), models.Q(('zone', ''), _negated=True), ('duration_minutes__isnull', False), ('duration_minutes__range', (1, 44640)), ('ends_at__isnull', True)), _connector='OR'), name='exclusions_when', violation_error_message='Give an end, or a rule with minutes and a time zone.'), models.CheckConstraint(condition=models.Q(('status__in', ['requested', 'approved', 'rejected', 'withdrawn'])), name='exclusions_status'), models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('requested_by')), _negated=True), _connector='OR'), name='exclusions_four_eyes', violation_error_message='Another person decides.'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', False), ('decided_by__isnull', False), ('status__in', ('approved', 'rejected'))), models.Q(('decided_at__isnull', True), ('decided_by__isnull', True), ('status', 'requested')), models.Q(('status', 'withdrawn'), ('withdrawn_at__isnull', False), ('withdrawn_by__isnull', False)), _connector='OR'), name='exclusions_decided')],
            },
        ),
        # Exact, as Django's look-up of seconds is not: microseconds would make a minute be cut.
        migrations.RunSQL(
            "ALTER TABLE exclusions ADD CONSTRAINT exclusions_whole_minutes CHECK ("
            "extract(epoch FROM starts_at) % 60 = 0 AND extract(epoch FROM ends_at) % 60 = 0)",
            "ALTER TABLE exclusions DROP CONSTRAINT exclusions_whole_minutes",
        ),
    ]
