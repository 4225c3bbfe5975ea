"""Silences, dependencies of components, what flapping and hold time need, and the sweep."""

import accounts.models
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import slas.models.exclusions
from django.conf import settings
from django.db import migrations, models


SECONDS = 5
# The terminal asks the cognitive core; that needs embeddings, features and trained models.
DEPENDENCIES = [
    ("user_interface", "cognitive_core"),
    ("cognitive_core", "data_intelligence"),
]


def depend(apps, schema_editor):
    component_model = apps.get_model("metrics", "Component")
    by_code = {component.code: component for component in component_model.objects.all()}
    for component, needed in DEPENDENCIES:
        if component in by_code and needed in by_code:
            apps.get_model("alerts", "ComponentDependency").objects.get_or_create(
                component=by_code[component], depends_on=by_code[needed]
            )


def schedule(apps, schema_editor):
    interval_model = apps.get_model("django_celery_beat", "IntervalSchedule")
    interval, _ = interval_model.objects.get_or_create(every=SECONDS, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name="Alerts: hold times, silences, flapping",
        defaults={"task": "alerts.tasks.settle", "interval": interval, "expire_seconds": 10},
    )


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_key_rotation'),
        ('alerts', '0006_judging'),
        ('metrics', '0008_changed_minutes'),
        ('django_celery_beat', '0019_alter_periodictasks_options'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ComponentDependency',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
            ],
            options={
                'verbose_name': 'component dependency',
                'verbose_name_plural': 'component dependencies',
                'db_table': 'component_dependencies',
                'ordering': ['component__code', 'depends_on__code'],
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('matchers', models.JSONField(help_text='As alerts/matching.py has them; all must hold.')),
                ('starts_at', models.DateTimeField(help_text='When repeated: the first time, and the time of day.', verbose_name='starts')),
                ('ends_at', models.DateTimeField(help_text='Not included. When repeated: no time begins or lasts beyond it.', verbose_name='ends')),
                ('rrule', models.CharField(blank=True, help_text='iCalendar rule, e.g. FREQ=WEEKLY;BYDAY=SU. Empty: once, from start to end.', max_length=200, validators=[slas.models.exclusions.validate_rrule], verbose_name='repeats')),
                ('duration_minutes', models.PositiveIntegerField(blank=True, help_text='By the clock on the wall, when repeated: 60 = one hour.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(44640)], verbose_name='minutes each time')),
                ('zone', models.CharField(blank=True, help_text='IANA name whose clock a repeated silence follows, e.g. Europe/Berlin.', max_length=64, validators=[accounts.models.validate_time_zone], verbose_name='time zone')),
                ('reason', models.CharField(help_text='Why nobody needs to be told.', max_length=500)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'db_table': 'silences',
                'ordering': ['-starts_at', '-id'],
            },
        ),
        migrations.AddField(
            model_name='alert',
            name='fires_at',
            field=models.DateTimeField(help_text='While pending: it fires if the breach is found at this time or later.', null=True),
        ),
        migrations.AddField(
            model_name='alert',
            name='kept',
            field=models.BooleanField(db_default=False, default=False, help_text='While flapping: last found kept, not broken.'),
        ),
        migrations.AddField(
            model_name='alert',
            name='steady_since',
            field=models.DateTimeField(help_text='While flapping: since when it has not changed.', null=True),
        ),
        migrations.AddField(
            model_name='incident',
            name='latest_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), help_text='When the latest of its alerts fired.'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('status__in', ['pending', 'firing', 'acknowledged', 'suppressed'])), fields=['status'], name='alerts_open'),
        ),
        migrations.AddIndex(
            model_name='alert',
            index=models.Index(condition=models.Q(('flapping', True)), fields=['steady_since'], name='alerts_flapping'),
        ),
        migrations.AddField(
            model_name='componentdependency',
            name='component',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='dependencies', to='metrics.component'),
        ),
        migrations.AddField(
            model_name='componentdependency',
            name='depends_on',
            field=models.ForeignKey(help_text='Alerts here may be caused there: they join its incident, and a critical one there keeps lower ones here quiet.', on_delete=django.db.models.deletion.CASCADE, related_name='dependents', to='metrics.component'),
        ),
        migrations.AddField(
            model_name='silence',
            name='ended_by',
            field=models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silence',
            name='owner',
            field=models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='componentdependency',
            constraint=models.UniqueConstraint(fields=('component', 'depends_on'), name='component_dependencies_one'),
        ),
        migrations.AddConstraint(
            model_name='componentdependency',
            constraint=models.CheckConstraint(condition=models.Q(('component', models.F('depends_on')), _negated=True), name='component_dependencies_not_itself', violation_error_message='A component does not depend on itself.'),
        ),
        migrations.AddIndex(
            model_name='silence',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['ends_at'], name='silences_in_force'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='silences_when', violation_error_message='The end must come after the start.'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('duration_minutes__isnull', True), ('rrule', ''), ('zone', '')), models.Q(models.Q(('rrule', ''), _negated=True), models.Q(('zone', ''), _negated=True), ('duration_minutes__isnull', False)), _connector='OR'), name='silences_repeated', violation_error_message='A repeated silence needs minutes and a time zone; one that is not repeated has neither.'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='silences_reason'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(('ended_at__isnull', True), ('ended_by__isnull', False), _connector='OR'), name='silences_ended_by_whom'),
        ),
        migrations.RunPython(depend, migrations.RunPython.noop),
        migrations.RunPython(schedule, migrations.RunPython.noop),
    ]
