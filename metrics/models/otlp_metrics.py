"""What /v1/metrics keeps: histograms as they came, and how far cumulative series have come.

Both tables have a composite key in the database; Django is told of ``id`` alone.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models import Client


class HistogramPoint(models.Model):
    """What one histogram point adds: never rows, but part of its minute's roll-up.

    A point that spans more than a minute belongs to the minute of its end.
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    series = models.UUIDField(help_text="Resource, scope, metric and attributes, as a hash.")
    start_nano = models.BigIntegerField(
        "start (ns)", help_text="As sent: ns since 1970, 0 if not known."
    )
    time_nano = models.BigIntegerField("end (ns)", help_text="As sent: ns since 1970.")
    minute = models.DateTimeField()
    metric_name = models.CharField(max_length=100)
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    query_complexity = models.CharField(max_length=20, help_text="Empty: none was sent.")
    model = models.CharField(max_length=100, help_text="May be empty.")
    measurement_unit = models.CharField(max_length=20)
    total = models.BigIntegerField(help_text="Values in it.")
    succeeded = models.BigIntegerField(help_text="All of them, or none: error.type marks failures.")
    value_sum = models.FloatField(help_text="In the unit.")
    value_min = models.FloatField(null=True)
    value_max = models.FloatField(null=True)
    hist_scale = models.SmallIntegerField()
    hist_zero = models.BigIntegerField(help_text="Values of 0 or less.")
    hist_idx = ArrayField(models.SmallIntegerField())
    hist_cnt = ArrayField(models.BigIntegerField())
    approximate = models.BooleanField(help_text="Its buckets had to be spread over ours.")

    class Meta:
        db_table = "histogram_points"
        verbose_name = "histogram point"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.minute:%Y-%m-%d %H:%M}"


class OtlpSeries(models.Model):
    """The last point of a cumulative series, to take the next one's difference to.

    The start is part of the key: a process that begins anew counts by itself, and
    two that say they are the same don't disturb each other.
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    series = models.UUIDField(help_text="Resource, scope, metric and attributes, as a hash.")
    start_nano = models.BigIntegerField(
        "start (ns)", help_text="As sent: ns since 1970, 0 if not known."
    )
    metric_name = models.CharField(max_length=100)
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    updated_at = models.DateTimeField(help_text="When a point of it last came.")
    last = models.JSONField(null=True, help_text="Time (ns) and value of the last point.")

    class Meta:
        db_table = "otlp_series"
        verbose_name = "cumulative series"
        verbose_name_plural = "cumulative series"

    def __str__(self) -> str:
        return f"{self.metric_name} of {self.service_name}"
