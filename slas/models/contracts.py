"""What one client was promised in its own contract, where that differs from the SLA."""

from collections.abc import Callable, Collection

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now

from accounts.models import Client
from slas import terms
from slas.models.promises import PERCENT, POSITIVE, STARS, WINDOW_FACTOR, Sla

# The numbers of an SLA that a contract may set for its client.
OVERRIDES = (
    "target_response_time",
    "latency_share",
    "max_response_time",
    "availability",
    "user_satisfaction_target",
)
# Internal objective → the external one that it is stricter than.
INTERNAL = {"internal_latency_share": "latency_share", "internal_availability": "availability"}
_AS_SLA = "Empty: as in the SLA."


def _only(name: str, kind: str) -> Func:
    """The range that holds one id alone: GiST compares ranges without any extension."""
    return Func(F(name), F(name), Value("[]"), function=kind)


class Contract(models.Model):
    """One client's terms for one SLA over a span of days in its time zone."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="contracts")
    sla = models.ForeignKey(
        Sla, on_delete=models.PROTECT, related_name="contracts", verbose_name="SLA"
    )
    reference = models.CharField(
        max_length=100, blank=True, help_text="The contract's own number or name."
    )
    valid_from = models.DateField(help_text="First day, in the client's time zone.")
    valid_until = models.DateField(null=True, blank=True, help_text="Last day. Empty: open end.")
    withdrawn = models.BooleanField(
        default=False, help_text="It never held: its days are judged by the SLA again."
    )
    target_response_time = models.FloatField(
        "target response time (ms)",
        null=True,
        blank=True,
        validators=[POSITIVE],
        help_text=_AS_SLA,
    )
    latency_share = models.FloatField(
        "share within target (%)", null=True, blank=True, validators=PERCENT, help_text=_AS_SLA
    )
    max_response_time = models.FloatField(
        "maximum response time (ms)",
        null=True,
        blank=True,
        validators=[POSITIVE],
        help_text=_AS_SLA,
    )
    availability = models.FloatField(
        "availability (%)", null=True, blank=True, validators=PERCENT, help_text=_AS_SLA
    )
    user_satisfaction_target = models.FloatField(
        "satisfaction target (1–5)", null=True, blank=True, validators=STARS, help_text=_AS_SLA
    )
    internal_latency_share = models.FloatField(
        "internal share within target (%)",
        null=True,
        blank=True,
        validators=PERCENT,
        help_text="Stricter than what the client was promised: missed, the promise is at risk.",
    )
    internal_availability = models.FloatField(
        "internal availability (%)",
        null=True,
        blank=True,
        validators=PERCENT,
        help_text="Stricter than what the client was promised: missed, the promise is at risk.",
    )
    credit_terms = models.JSONField(
        default=list,
        blank=True,
        help_text="What a month's availability below a bound gives back, in percent of the fee. "
        "One step a line, the highest bound first: < 99 % → 10 %",
    )
    monthly_fee = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What credits are a percentage of. Empty: credits are told in percent alone.",
    )
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[RegexValidator(r"^[A-Z]{3}$", "Write an ISO 4217 code, e.g. EUR.")],
    )
    business_hours = models.JSONField(
        default=list,
        blank=True,
        help_text="Only requests in these hours of the client's time zone count. "
        "One span a line: Mon–Fri 08:00–18:00. Empty: around the clock.",
    )
    business_impact = models.TextField(
        blank=True, help_text="What a breach means for this client; reports quote it."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "contracts"
        ordering = ["client", "sla", "-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="contracts_span",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                violation_error_message="The last day can't come before the first.",
            ),
            ExclusionConstraint(
                name="contracts_one_at_a_time",
                expressions=[
                    (_only("client", "int4range"), RangeOperators.OVERLAPS),
                    (_only("sla", "int8range"), RangeOperators.OVERLAPS),
                    (
                        Func(F("valid_from"), F("valid_until"), Value("[]"), function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(withdrawn=False),
                violation_error_message="Another contract of this client covers the same SLA on "
                "some of these days. End it first, or change the days.",
            ),
        ]

    def __str__(self) -> str:
        return self.reference or f"{self.client}: {self.sla}"

    def clean(self) -> None:
        """Refuse terms that contradict the SLA, each other or themselves."""
        super().clean()
        errors: dict[str, str] = {}
        _check("credit_terms", terms.check_credits, self.credit_terms, errors)
        _check("business_hours", terms.check_hours, self.business_hours, errors)
        if self.credit_terms and not self.monthly_fee and self.monthly_fee is not None:
            errors["monthly_fee"] = "Credits of nothing are nothing: give a fee, or leave it empty."
        if self.sla_id is not None:
            self._check_numbers(errors)
        if errors:
            raise ValidationError(errors)

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Also where a form doesn't show client, SLA or withdrawal: they are known all the same."""
        known = {"withdrawn", *(n for n in ("client", "sla") if getattr(self, f"{n}_id"))}
        super().validate_constraints(exclude=set(exclude or ()) - known)

    def promised(self, name: str) -> float | None:
        """One of the OVERRIDES as it holds for the client: the contract's number or the SLA's."""
        own: float | None = getattr(self, name)
        if own is not None:
            return own
        found: float | None = getattr(self.sla, name)
        return found

    def _check_numbers(self, errors: dict[str, str]) -> None:
        target, most = self.promised("target_response_time"), self.promised("max_response_time")
        if target is not None and most is not None:
            if target > most:
                field = "target_response_time" if self.target_response_time else "max_response_time"
                errors[field] = f"The target ({target:g} ms) exceeds the maximum ({most:g} ms)."
            elif self.sla.window_seconds * 1000 < WINDOW_FACTOR * most:
                errors["max_response_time"] = (
                    f"The SLA is judged over {self.sla.window_seconds} s: too short for answers "
                    f"that may take {most:g} ms. Use at most "
                    f"{self.sla.window_seconds * 1000 / WINDOW_FACTOR:g} ms."
                )
        for internal, external in INTERNAL.items():
            own, promised = getattr(self, internal), self.promised(external)
            if own is not None and promised is not None and own < promised:
                errors[internal] = (
                    f"The client was promised {promised:g} %: the internal objective "
                    "must be at least that."
                )


def _check(
    field: str, rule: Callable[[object], None], value: object, errors: dict[str, str]
) -> None:
    try:
        rule(value)
    except ValueError as error:
        errors[field] = str(error)
