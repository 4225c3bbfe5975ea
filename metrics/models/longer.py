"""Roll-ups of more than a minute: see metrics.longer."""

from django.db import models

from accounts.models import Client


class PendingHour(models.Model):
    """An hour of a client's metric that is behind its minutes.

    Set by the transaction that rolls them up, deleted by the one that sums up the
    hour. The primary key in the database is (client_id, metric_name, hour).
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    metric_name = models.CharField(max_length=100)
    hour = models.DateTimeField()

    class Meta:
        db_table = "pending_hours"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.hour:%H}h"


class _Counted(models.Model):
    """Counts, sums, extremes, a histogram as metrics.packed stores it, and its percentiles."""

    id = models.BigAutoField(primary_key=True)
    metric_name = models.CharField(max_length=100)
    measurement_unit = models.CharField(max_length=20)
    synthetic = models.BooleanField()
    total = models.BigIntegerField(help_text="Rows in the span.")
    succeeded = models.BigIntegerField(help_text="Rows with success.")
    value_sum = models.FloatField(help_text="Over successful rows, in the unit.")
    value_min = models.FloatField(null=True)
    value_max = models.FloatField(null=True)
    votes = models.BigIntegerField(help_text="Rows with a satisfaction score.")
    votes_sum = models.FloatField()
    hist_scale = models.SmallIntegerField()
    hist_zero = models.BigIntegerField(help_text="Successful rows with a value of 0 or less.")
    hist_low = models.SmallIntegerField(help_text="The bucket that the counts begin with.")
    hist_counts = models.BinaryField(help_text="Counts of the buckets from there on, packed.")
    approximate = models.BooleanField(
        help_text="Part of it came in other buckets and was spread over ours."
    )

    p50 = models.FloatField(null=True)
    p90 = models.FloatField(null=True)
    p95 = models.FloatField(null=True)
    p99 = models.FloatField(null=True)

    class Meta:
        abstract = True


class _OfSeries(_Counted):
    """Of one series."""

    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    component = models.CharField(max_length=50)
    service_name = models.CharField(max_length=50)
    query_complexity = models.CharField(max_length=20, help_text="Empty: none was sent.")
    model = models.CharField(max_length=100, help_text="The first of ml_models_used; may be empty.")

    class Meta:
        abstract = True


class HourRollup(_OfSeries):
    """The sum of a series' minutes in an hour.

    The primary key in the database is the series with its hour.
    """

    hour = models.DateTimeField()

    class Meta:
        db_table = "hour_rollups"
        verbose_name = "hour roll-up"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.hour:%Y-%m-%d %H}h"


class DayRollup(_OfSeries):
    """The sum of a series' hours in a day of UTC."""

    day = models.DateTimeField()

    class Meta:
        db_table = "day_rollups"
        verbose_name = "day roll-up"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.day:%Y-%m-%d}"


class MetricHour(_Counted):
    """The sum of all clients' series of a metric in an hour: an ordinary table.

    The primary key in the database is (metric_name, hour, measurement_unit, synthetic).
    """

    hour = models.DateTimeField()

    class Meta:
        db_table = "metric_hours"
        verbose_name = "hour of a metric"
        verbose_name_plural = "hours of metrics"

    def __str__(self) -> str:
        return f"{self.metric_name} {self.hour:%Y-%m-%d %H}h"
