"""Alert rules that people set in the place of the standard ones, and which of them wait."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Client
from slas import budget
from slas.budget import Infeasible, Rule
from slas.models.contracts import Contract
from slas.models.promises import POSITIVE, ModelTarget, Sla

MOST_MINUTES = 30 * 24 * 60
MOST_PROBLEMS = 5
# Below the shortest standard window chance has so many tries that the stricter guard holds.
_SHORT = timedelta(minutes=12)


class BurnRule(models.Model):
    """One burn-rate rule, of an SLA, of a model target, or of every promise without its own.

    A promise's own rules replace the standard ones. One named "fast" replaces the fast rule.
    """

    sla = models.ForeignKey(
        Sla,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="burn_rules",
        verbose_name="SLA",
        help_text="Empty, and no model target: for every promise without rules of its own.",
    )
    model_target = models.ForeignKey(
        ModelTarget, null=True, blank=True, on_delete=models.CASCADE, related_name="burn_rules"
    )
    name = models.SlugField(
        max_length=40,
        help_text="Alerts name it. One named “fast” takes the place of the fast rule.",
    )
    long_minutes = models.PositiveIntegerField(
        "long window (min)",
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MINUTES)],
        help_text="The burn rate must exceed the threshold over this window…",
    )
    short_minutes = models.PositiveIntegerField(
        "short window (min)",
        validators=[MinValueValidator(1), MaxValueValidator(MOST_MINUTES)],
        help_text="…and over this one, so that the alert ends soon after the trouble.",
    )
    burn = models.FloatField(
        "burn rate",
        validators=[POSITIVE],
        help_text="How many times faster than allowed the budget is spent. At 1 it lasts exactly "
        "30 days; no objective can burn faster than 1 / (1 − objective).",
    )
    pages = models.BooleanField(
        default=True, help_text="Page someone now; otherwise it is a ticket, never critical."
    )
    hold_seconds = models.PositiveIntegerField(
        "hold (s)",
        default=0,
        validators=[MaxValueValidator(86_400)],
        help_text="How long both windows must burn before it fires. 0: at once.",
    )
    enabled = models.BooleanField(
        default=True, help_text="A disabled rule still takes the standard rules' place."
    )

    class Meta:
        db_table = "burn_rules"
        ordering = ["sla", "model_target", "long_minutes"]
        verbose_name = "alert rule"
        constraints = [
            models.UniqueConstraint(
                fields=["sla", "model_target", "name"],
                name="burn_rules_one",
                nulls_distinct=False,
                violation_error_message="There is a rule of this name for the promise already.",
            ),
            models.CheckConstraint(
                name="burn_rules_one_scope",
                condition=Q(sla__isnull=True) | Q(model_target__isnull=True),
                violation_error_message="Choose an SLA or a model target, not both.",
            ),
            models.CheckConstraint(
                name="burn_rules_windows",
                condition=Q(short_minutes__lte=F("long_minutes")),
                violation_error_message="The short window can't be longer than the long one.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.scope}"

    @property
    def scope(self) -> str:
        """Which promises it is for."""
        return str(self.sla or self.model_target or "all promises")

    def clean(self) -> None:
        """Refuse a rule that could never fire, with the arithmetic."""
        super().clean()
        if self.burn is None or self.long_minutes is None or self.short_minutes is None:
            return
        problems: dict[str, str] = {}
        for what, percent in self.shares().items():
            try:
                budget.check_rule(self.rule(), percent / 100)
            except Infeasible as error:
                problems.setdefault(str(error), what)
        if problems:
            raise ValidationError(
                {"burn": [f"{what}: {text}" for text, what in problems.items()][:MOST_PROBLEMS]}
            )

    def shares(self) -> dict[str, float]:
        """What in its scope has an error budget: the promise in words → percent of good events."""
        slas, targets = Sla.objects.all(), ModelTarget.objects.all()
        if self.sla_id is not None:
            slas, targets = slas.filter(pk=self.sla_id), targets.none()
        elif self.model_target_id is not None:
            slas, targets = slas.none(), targets.filter(pk=self.model_target_id)
        else:
            slas, targets = slas.filter(burn_rules=None), targets.filter(burn_rules=None)
        found: dict[str, float] = {}
        for sla in slas:
            found |= {f"{sla}: latency": sla.latency_share}
            found |= {f"{sla}: availability": sla.availability}
        contracts = Contract.objects.filter(sla__in=slas, withdrawn=False)
        for contract in contracts.select_related("sla", "client"):
            latency = contract.internal_latency_share or contract.promised("latency_share")
            available = contract.internal_availability or contract.promised("availability")
            found |= {f"{contract}: latency": latency or 0.0}
            found |= {f"{contract}: availability": available or 0.0}
        found |= {f"{target}: inference time": target.latency_share for target in targets}
        return {what: percent for what, percent in found.items() if 0 < percent < 100}

    def rule(self) -> Rule:
        """The rule as the maths takes it."""
        long = timedelta(minutes=self.long_minutes)
        return Rule(
            long,
            timedelta(minutes=self.short_minutes),
            self.burn,
            self.pages,
            self.name,
            timedelta(seconds=self.hold_seconds),
            max_chance=budget.FAST_CHANCE if long < _SHORT else budget.MAX_CHANCE,
        )


class HeldRule(models.Model):
    """Since when a rule with a hold time has burned for a client's objective without a break."""

    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+", db_index=False)
    objective = models.CharField(max_length=160)
    rule = models.CharField(max_length=40)
    since = models.DateTimeField()

    class Meta:
        db_table = "held_rules"
        constraints = [
            models.UniqueConstraint(fields=["client", "objective", "rule"], name="held_rules_one")
        ]

    def __str__(self) -> str:
        return f"{self.rule} since {self.since:%H:%M:%S}"
