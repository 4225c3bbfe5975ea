"""Admin of the alert rules that people set: with what each would find, and when."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from accounts.admin import GlobalAdmin
from metrics import formats
from slas import budget
from slas.budget import Rule
from slas.models import BurnRule

OUTAGE, TENTH = 1.0, 0.1


@dataclass(frozen=True)
class Line:
    """What a rule means for one objective."""

    what: str
    share: str
    most: str  # the fastest it can burn
    rule: str
    outage: str  # how long a total outage takes to be found
    tenth: str  # and 10 % bad
    spent: str  # of 30 days' budget by then
    possible: bool


@admin.register(BurnRule)
class BurnRuleAdmin(GlobalAdmin):
    """Burn-rate rules in the place of the standard ones."""

    list_display = ["name", "scope_shown", "windows", "burn", "urgency", "hold", "enabled"]
    list_filter = ["pages", "enabled"]
    list_select_related = ["sla", "model_target"]
    search_fields = ["name", "sla__code", "model_target__model_name"]
    fieldsets = [
        (
            "Which promises",
            {
                "fields": ["sla", "model_target", "enabled"],
                "description": "A promise's own rules replace the standard ones; so do those for "
                "all promises, where a promise has none of its own. The fast rule stays, unless "
                "a rule is named “fast”.",
            },
        ),
        (
            "The rule",
            {
                "fields": [
                    "name",
                    ("long_minutes", "short_minutes"),
                    "burn",
                    "pages",
                    "hold_seconds",
                ]
            },
        ),
    ]
    change_form_outer_after_template = "admin/slas/burn_rule.html"

    @display(description="For", ordering="sla")
    def scope_shown(self, rule: BurnRule) -> str:
        """Which promises it is for."""
        return rule.scope.capitalize() if rule.scope == "all promises" else rule.scope

    @display(description="Windows", ordering="long_minutes")
    def windows(self, rule: BurnRule) -> str:
        """Long and short."""
        return budget.named(rule.rule().long, rule.rule().short)

    @display(description="Urgency", label={"Page": "danger", "Ticket": "info"}, ordering="pages")
    def urgency(self, rule: BurnRule) -> str:
        """Whether it wakes someone."""
        return "Page" if rule.pages else "Ticket"

    @display(description="Hold", ordering="hold_seconds")
    def hold(self, rule: BurnRule) -> str:
        """How long it must burn first."""
        return formats.measure(rule.hold_seconds, "seconds") if rule.hold_seconds else "–"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """With what the rule finds when, beside the standard rules."""
        rule = kwargs.get("obj")
        shares: dict[str, float] = (rule or BurnRule()).shares()
        context["found"] = []
        if rule is not None:
            own = rule.rule()
            context["found"] = [line(what, percent, own) for what, percent in shares.items()]
        context["standard"] = [
            line(f"{percent:g} %", percent, one)
            for percent in sorted(set(shares.values()))
            for one in standard(percent)
        ]
        return super().render_change_form(request, context, *args, **kwargs)


def standard(percent: float) -> tuple[Rule, ...]:
    """PURE: the rules that hold an objective without any of its own."""
    return budget.rules(percent / 100, budget.PERIOD)


def line(what: str, percent: float, rule: Rule) -> Line:
    """PURE: what the rule means for an objective of so many percent."""
    share = percent / 100
    possible = rule.burn < budget.largest_burn(share)
    return Line(
        what=what,
        share=f"{percent:g}{formats.NBSP}%",
        most=formats.number(budget.largest_burn(share)),
        rule=f"{budget.named(rule.long, rule.short)}, {formats.number(rule.burn)}",
        outage=after(rule.found_after(share, OUTAGE), rule.hold),
        tenth=after(rule.found_after(share, TENTH), rule.hold),
        spent=f"{formats.number(100 * rule.spent_when_found(budget.PERIOD))}{formats.NBSP}%",
        possible=possible,
    )


def after(found: timedelta | None, hold: timedelta) -> str:
    """PURE: a time to detection, the hold included: "8 min 38 s"; "never"."""
    if found is None:
        return "never"
    seconds = round((found + hold).total_seconds())
    units = [("h", seconds // 3600), ("min", seconds % 3600 // 60), ("s", seconds % 60)]
    shown = [f"{count}{formats.NBSP}{unit}" for unit, count in units if count][:2]
    return " ".join(shown) or f"0{formats.NBSP}s"
