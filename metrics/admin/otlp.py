"""Admin of what OTLP's names mean, and of the rules that give spans a meaning."""

from django.contrib import admin
from unfold.decorators import display

from accounts.admin import GlobalAdmin
from metrics.admin.choices import KnownNames
from metrics.models import ComponentRule, OtlpAlias


@admin.register(OtlpAlias)
class OtlpAliasAdmin(GlobalAdmin):
    """Names of attributes and metrics."""

    list_display = ["name", "kind", "is_here", "convention", "priority", "enabled"]
    list_filter = ["kind", "convention", "meaning", "enabled"]
    search_fields = ["name", "metric_name"]
    fieldsets = [
        (None, {"fields": ["kind", "name", "convention", "enabled"]}),
        ("An attribute", {"fields": ["meaning", "priority"]}),
        (
            "A metric",
            {"fields": ["metric_name", "metric_category", "measurement_unit", "factor"]},
        ),
    ]

    @display(description="Is here")
    def is_here(self, alias: OtlpAlias) -> str:
        """What it means, in words."""
        if alias.kind == OtlpAlias.Kind.ATTRIBUTE:
            return alias.get_meaning_display()
        scaled = f" × {alias.factor:g}" if alias.factor != 1 else ""
        return f"{alias.metric_name} in {alias.measurement_unit}{scaled}"


@admin.register(ComponentRule)
class ComponentRuleAdmin(KnownNames, GlobalAdmin):
    """Which component a service is, and which spans are measurements."""

    list_display = ["name", "priority", "matches", "component", "metric_name", "enabled"]
    list_filter = ["component", "metric_name", "enabled"]
    search_fields = ["name", "attribute", "pattern"]
    fieldsets = [
        (None, {"fields": ["name", "priority", "enabled"]}),
        ("When", {"fields": ["attribute", "pattern"]}),
        ("Then", {"fields": ["component", "metric_name", "query_complexity"]}),
    ]

    @display(description="When")
    def matches(self, rule: ComponentRule) -> str:
        """Its condition in short."""
        return f"{rule.attribute} = {rule.pattern}"
