"""Objectives as they were promised over time, and what was counted for them."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Client, User
from slas.models.contracts import Contract


class Slo(models.Model):
    """One objective of one promise: what keeps its name while its numbers change.

    Without a client it holds for every client that has none of its own.
    """

    base = models.CharField(
        max_length=160, help_text="The objective's key, e.g. sla:simple_queries:latency."
    )
    client = models.ForeignKey(
        Client, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "slos"
        ordering = ["base", "client"]
        verbose_name = "objective"
        constraints = [
            models.UniqueConstraint(
                fields=["base", "client"], name="slos_one", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.base if self.client_id is None else f"{self.base}, client {self.client_id}"


class SloVersion(models.Model):
    """An objective's numbers, and from when to when they were in force.

    A minute is judged by the version in force at its start, whenever it is
    counted. Times are whole minutes; the first version holds from ever.
    """

    slo = models.ForeignKey(Slo, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: in force.")
    kind = models.CharField(max_length=20)
    metric_name = models.CharField(max_length=100, blank=True, help_text="Empty: any.")
    component = models.CharField(max_length=50)
    unit = models.CharField(max_length=20)
    query_complexity = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=100, blank=True)
    threshold = models.FloatField(help_text="What an alert names: ms, percent, stars or the limit.")
    good_within = models.FloatField(help_text="A good event's largest value.")
    share = models.FloatField(help_text="Percent of events that must be good.")
    minimum = models.PositiveIntegerField(help_text="Measurements needed for a verdict.")
    window_seconds = models.PositiveIntegerField()
    aggregate = models.CharField(max_length=10)
    include_synthetic = models.BooleanField()
    internal_share = models.FloatField(
        null=True, blank=True, help_text="Percent that is aimed at internally. Empty: none."
    )
    business_hours = models.JSONField(
        default=list, blank=True, help_text="Hours outside of which nothing counts. Empty: none."
    )
    contract = models.ForeignKey(
        Contract, null=True, blank=True, on_delete=models.PROTECT, related_name="versions"
    )
    reason = models.CharField(max_length=500, help_text="Why the promise was changed.")
    changed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "slo_versions"
        ordering = ["slo", "-number"]
        verbose_name = "version of an objective"
        verbose_name_plural = "versions of objectives"
        constraints = [
            models.UniqueConstraint(fields=["slo", "number"], name="slo_versions_one"),
            models.UniqueConstraint(
                fields=["slo"],
                condition=models.Q(valid_until__isnull=True),
                name="slo_versions_one_in_force",
            ),
            models.CheckConstraint(
                name="slo_versions_span",
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slo} v{self.number}"


class SliMinute(models.Model):
    """What was counted for one objective and client in one minute, from the rows themselves.

    The primary key in the database is (client_id, slo_id, minute).
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    slo = models.ForeignKey(Slo, on_delete=models.DO_NOTHING, db_constraint=False)
    minute = models.DateTimeField()
    version = models.ForeignKey(SloVersion, on_delete=models.DO_NOTHING, db_constraint=False)
    good = models.BigIntegerField()
    total = models.BigIntegerField(help_text="Valid events: requests, votes or measurements.")
    value_sum = models.FloatField(help_text="Of the judged values.")
    value_max = models.FloatField()

    class Meta:
        db_table = "sli_minutes"

    def __str__(self) -> str:
        return f"{self.good} of {self.total}, {self.minute:%Y-%m-%d %H:%M}"


class _Summed(models.Model):
    """What was counted for one objective and client over a longer span."""

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, db_constraint=False)
    slo = models.ForeignKey(Slo, on_delete=models.DO_NOTHING, db_constraint=False)
    good = models.BigIntegerField()
    total = models.BigIntegerField()
    value_sum = models.FloatField()
    value_max = models.FloatField()

    class Meta:
        abstract = True


class SliHour(_Summed):
    """The sum of an hour's SLI minutes. The primary key is (client_id, slo_id, hour)."""

    hour = models.DateTimeField()

    class Meta:
        db_table = "sli_hours"

    def __str__(self) -> str:
        return f"{self.good} of {self.total}, {self.hour:%Y-%m-%d %H}h"


class SliDay(_Summed):
    """The sum of the SLI hours of a day of UTC. The primary key is (client_id, slo_id, day)."""

    day = models.DateTimeField()

    class Meta:
        db_table = "sli_days"

    def __str__(self) -> str:
        return f"{self.good} of {self.total}, {self.day:%Y-%m-%d}"
